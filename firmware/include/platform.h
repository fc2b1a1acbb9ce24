/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU `virt` as docs/spec/riscv.md, section 1 lays it out. */
#pragma once
#include <stdint.h>

#define PAGE UINT64_C(4096)

#define FINISHER UINT64_C(0x00100000)
#define CLINT UINT64_C(0x02000000)
#define CLINT_SIZE UINT64_C(0x00010000)
#define UART UINT64_C(0x10000000)
#define PFLASH UINT64_C(0x20000000)
#define PFLASH_SIZE UINT64_C(0x04000000)
#define DESCRIPTOR UINT64_C(0x20100000)

#define RAM UINT64_C(0x80000000)
#define RAM_MOST UINT64_C(0x80000000) /* 2 GiB: what one PMP entry opens to the host */
#define MONITOR RAM
#define MONITOR_SIZE UINT64_C(0x00200000)
#define MONITOR_IMAGE_MOST UINT64_C(0x00100000)
#define SECRET_PAGE UINT64_C(0x801ff000) /* UDS, then the hand-over */
#define MAILBOX UINT64_C(0x80200000)
#define HOST UINT64_C(0x80400000)
#define POOL UINT64_C(0x80600000)

#define TIMER_HZ UINT64_C(10000000)
