/* SPDX-License-Identifier: Apache-2.0 */
/* The one machine timer, shared: the host's deadline while the host runs, the end of the slice while an enclave does.
 * A deadline of the host that passes meanwhile waits: else the host could stop an enclave after any instruction. */
#include "monitor.h"

#define MTIMECMP (*(volatile uint64_t *)(CLINT + 0x4000))
#define MTIME (*(volatile uint64_t *)(CLINT + 0xbff8))
#define MIP_STIP (1 << 5)
#define NEVER UINT64_MAX
#define SLICE (TIMER_HZ / 100)

static uint64_t host_deadline;

void timer_init(void) { timer_for_host(NEVER); }

void timer_for_host(uint64_t deadline) {
    host_deadline = deadline;
    csr_clear(mip, MIP_STIP);
    MTIMECMP = deadline;
}

void timer_slice(void) { MTIMECMP = MTIME + SLICE; }

void timer_resume_host(void) { MTIMECMP = host_deadline; }

/* While the host runs: its deadline has come. */
void timer_fired(void) {
    host_deadline = NEVER;
    MTIMECMP = NEVER;
    csr_set(mip, MIP_STIP);
}
