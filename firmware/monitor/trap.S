/* SPDX-License-Identifier: Apache-2.0 */
/* Entry, and the way in and out of the worlds below. mscratch always points to the context of the one that runs. */

#define SLOT(n) ((n) * 8)(sp)
#define CONTEXT_PC 32
#define CONTEXT_MSTATUS 33

    .section .text.start, "ax"
    .globl _start
_start:                             /* struct image_header */
    .option push
    .option norvc
    j       start
    .word   0
    .ascii  "TTEEIMG1"
    .dword  MONITOR_SVN
    .option pop

start:
    csrr    t0, mhartid
    bnez    t0, park
    la      t0, bss_start
    la      t1, bss_end
1:  sd      zero, 0(t0)
    addi    t0, t0, 8
    bltu    t0, t1, 1b
    la      sp, monitor_stack_top   /* right below the hand-over */
    la      t0, trap_entry
    csrw    mtvec, t0
    la      t0, early_context
    csrw    mscratch, t0
    call    monitor_main            /* returns the context to start */
    j       enter

park:
    wfi
    j       park

    .text
    .balign 4
trap_entry:
    csrrw   sp, mscratch, sp
    .irp    n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd      x\n, SLOT(\n)
    .endr
    csrr    t0, mscratch
    sd      t0, SLOT(2)
    csrr    t0, mepc
    sd      t0, SLOT(CONTEXT_PC)
    csrr    t0, mstatus
    sd      t0, SLOT(CONTEXT_MSTATUS)
    mv      a0, sp
    la      sp, monitor_stack_top
    call    trap                    /* returns the context to go on with */

enter:
    mv      sp, a0
    la      t0, reservation         /* a reservation (LR) of one world must not outlive it */
    sc.d    zero, zero, (t0)
    ld      t0, SLOT(CONTEXT_PC)
    csrw    mepc, t0
    ld      t0, SLOT(CONTEXT_MSTATUS)
    csrw    mstatus, t0
    csrw    mscratch, sp
    .irp    n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld      x\n, SLOT(\n)
    .endr
    ld      sp, SLOT(2)
    mret

/* Questions whose answer may be a trap; only asked at boot. */
    .macro  ask name, instruction:vararg
    .balign 4
    .globl  \name
\name:
    la      t0, 1f
    csrrw   t0, mtvec, t0
    mv      t1, a0
    li      a0, 0
    \instruction
    li      a0, 1
    .balign 4
1:  csrw    mtvec, t0
    ret
    .endm

    ask     ram_answers, ld zero, 0(t1)         /* bool ram_answers(uint64_t address) */
    ask     has_entropy_source, csrrw zero, 0x015, zero     /* bool has_entropy_source(void): Zkr */

    .bss
    .balign 8
reservation:
    .zero   8
early_context:                      /* a trap before the first world has one */
    .zero   34 * 8
