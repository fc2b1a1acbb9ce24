# SPDX-License-Identifier: Apache-2.0
# Entered by the host's mailbox as a function of three arguments; has a stack of its own.
.section .text.start, "ax"
.globl start
start:
    lla     t0, stack_top
    sd      ra, -8(t0)
    sd      sp, -16(t0)
    sd      gp, -24(t0)
    sd      tp, -32(t0)
    addi    sp, t0, -64
    lla     t1, kept_gp
    ld      gp, 0(t1)
    lla     tp, stack
    sd      a0, 0(sp)
    sd      a1, 8(sp)
    sd      a2, 16(sp)
    lla     a0, start
    lla     a1, image_relocations
    lla     a2, image_relocations_end
    lla     t1, relocated
    lb      t2, 0(t1)
    bnez    t2, 1f
    li      t2, 1
    sb      t2, 0(t1)
    call    relocate
1:  ld      a0, 0(sp)
    ld      a1, 8(sp)
    ld      a2, 16(sp)
    call    harness_main
    lla     t1, kept_gp
    sd      gp, 0(t1)
    lla     t0, stack_top
    ld      tp, -32(t0)
    ld      gp, -24(t0)
    ld      sp, -16(t0)
    ld      ra, -8(t0)
    li      a1, 0
    ret

.section .bss
.balign 16
stack:
    .zero   65536
stack_top:
kept_gp:
    .zero   8
relocated:
    .zero   8
