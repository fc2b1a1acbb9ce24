# SPDX-License-Identifier: Apache-2.0
# The same bytes as an enclave and as a bare program in U-mode: works, then makes the enclave's exit call. As an enclave
# the monitor answers it; without a monitor's enclave it is a call from U-mode, which ends the mailbox's call.
# a1 = memory, a2 = its size; the work: SPINS rounds of loads, stores, multiplications and branches over 4 KiB at the end.
.section .text.start, "ax"
.globl start
start:
    add     t0, a1, a2
    li      t1, -4096
    add     t0, t0, t1              # a page of data
    li      t1, SPINS
    li      t2, 0x9e3779b97f4a7c15
    li      t3, 1
1:  andi    t4, t3, 0x7f8
    add     t4, t4, t0
    ld      t5, 0(t4)
    mul     t3, t3, t2
    add     t5, t5, t3
    srli    t6, t3, 29
    xor     t3, t3, t6
    sd      t5, 0(t4)
    beqz    t3, 2f
    addi    t1, t1, -1
    bnez    t1, 1b
2:  mv      a0, t3
    li      a6, 3006
    li      a7, 0x08424b45
    ecall
    j       .
