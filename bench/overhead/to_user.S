# SPDX-License-Identifier: Apache-2.0
# Called in S-mode: enters U-mode at a0 and leaves the other arguments as they are. There is no way back but a trap,
# so no timer of the host may cause one.
.section .text.start, "ax"
.globl start
start:
    csrw    sie, zero
    csrw    sepc, a0
    li      t0, 0x100               # sstatus.SPP
    csrc    sstatus, t0
    sret
