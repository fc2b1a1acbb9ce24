/* SPDX-License-Identifier: Apache-2.0 */
    .section .text.start, "ax"
    .globl _start
_start:
    la      sp, host_stack_top
    la      t0, faulted
    csrw    stvec, t0
    j       host_main

    .text
/* struct sbi_result guarded_call(uint64_t target, const uint64_t args[7], struct guard *guard)
 * Calls any address. A fault anywhere below comes back here, whatever became of the registers. */
    .globl guarded_call
guarded_call:
    addi    sp, sp, -112
    sd      ra, 0(sp)
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
    sd      s\n, (8 + \n * 8)(sp)
    .endr
    sd      a2, 104(sp)
    csrw    sscratch, sp
    mv      t0, a0
    mv      t1, a1
    .irp    n, 0,1,2,3,4,5,6
    ld      a\n, (\n * 8)(t1)
    .endr
    jalr    t0
    csrr    sp, sscratch
    ld      t0, 104(sp)
    li      t1, -1
    sd      t1, 0(t0)
    sd      zero, 8(t0)
leave:
    ld      ra, 0(sp)
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
    ld      s\n, (8 + \n * 8)(sp)
    .endr
    addi    sp, sp, 112
    ret

    .balign 4
faulted:
    csrr    sp, sscratch
    ld      t0, 104(sp)
    csrr    t1, scause
    sd      t1, 0(t0)
    csrr    t1, stval
    sd      t1, 8(t0)
    li      a0, 0
    li      a1, 0
    j       leave

/* Loads and stores as calls, access(address, value), so that a fault in them is caught like any other. */
    .macro  access name, instruction
    .globl  \name
\name:
    \instruction a1, 0(a0)
    mv      a0, zero
    ret
    .endm
    access  load_8, lbu
    access  load_16, lhu
    access  load_32, lwu
    access  load_64, ld
    access  store_8, sb
    access  store_16, sh
    access  store_32, sw
    access  store_64, sd
