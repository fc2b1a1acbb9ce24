/* SPDX-License-Identifier: Apache-2.0 */
/* Reset. The ROM runs from flash; its only memory is a stack, which it leaves as zeros. */
    .section .text.start, "ax"
    .globl _start
_start:                             /* struct rom */
    .option push
    .option norvc
    j       reset
    .word   0
    .ascii  "TTEEROM1"
    .dword  sha3_512, sha_512, sha_384, hkdf_sha3_512, eddsa_sign, eddsa_verify, drbg_seed, drbg_fill
    .option pop

reset:
    csrr    t0, mhartid
    bnez    t0, park
    la      t0, trapped
    csrw    mtvec, t0
    la      sp, boot_stack_top
    call    boot_main

    /* The secret is gone from its page; now from the stack and from every register. */
    la      t0, boot_stack_bottom
    la      t1, boot_stack_top
1:  sd      zero, 0(t0)
    addi    t0, t0, 8
    bltu    t0, t1, 1b
    la      t0, boot_next
    csrw    mepc, t0
    li      t0, 3 << 11         /* mret stays in M-mode */
    csrw    mstatus, t0
    csrw    mscratch, zero
    csrw    mtval, zero
    .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    mv      x\n, zero
    .endr
    fence.i
    mret

    .balign 4
trapped:
    la      sp, boot_stack_top
    j       boot_trapped
park:
    wfi
    j       park
