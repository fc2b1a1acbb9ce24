/* SPDX-License-Identifier: Apache-2.0 */
/* What attackers do that needs an instruction of its own. One position-independent image with two faces:
 *  - as an enclave's runtime it is an evil enclave, which performs one attack each time it is resumed;
 *  - in host memory its attacks are functions that the host calls in S-mode.
 * Arguments come in a0 to a7, results go back in a0 and a1. The table at the end says where each attack begins. */

#define SBI_TTEE 0x08424b45
#define SBI_TIME 0x54494d45
#define CALL_RESUME 2005
#define CALL_STOP 3004

    .macro attack name
    .pushsection .table, "a"
1:  .asciz  "\name"
    .org    1b + 24, 0
    .dword  \name - start
    .popsection
    .balign 4
\name:
    .endm

    .section .text.start, "ax"
    .globl start
/* The evil enclave. Words of its UTM: 0 attack, 1 to 8 arguments, 9 and 10 results, 11 attacks so far,
 * 128 to 159 the registers as they were at entry. s0 = UTM, s1 = EPM, stack at the end of the EPM. */
start:
    .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd      x\n, (1024 + 8 * \n)(a6)
    .endr
    mv      s0, a6
    mv      s1, a1
    add     sp, a1, a2
obey:
    li      a0, 1
    li      a6, CALL_STOP
    li      a7, SBI_TTEE
    ecall
    ld      t0, 0(s0)
    add     t0, t0, s1
    .irp    n, 0,1,2,3,4,5,6,7
    ld      a\n, (8 + 8 * \n)(s0)
    .endr
    jalr    t0
    sd      a0, 72(s0)
    sd      a1, 80(s0)
    ld      t0, 88(s0)
    addi    t0, t0, 1
    sd      t0, 88(s0)
    j       obey

    .text
/* ---- Memory: (address, value) ---- */
attack load
    ld      a0, 0(a0)
    ret
attack store
    sd      a1, 0(a0)
    ret
attack load_32                  /* some devices answer to no other width */
    lw      a0, 0(a0)
    ret
attack store_32
    sw      a1, 0(a0)
    ret
attack amo
    amoadd.d a0, a1, (a0)
    ret
attack load_reserved
    lr.d    a0, (a0)
    ret
attack store_conditional        /* after a reservation elsewhere: (address, value, own address) */
    lr.d    t0, (a2)
    sc.d    a0, a1, (a0)
    ret
attack jump
    jr      a0
attack copy                     /* (to, from, length) */
    beqz    a2, 2f
1:  lbu     t0, 0(a1)
    sb      t0, 0(a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    bnez    a2, 1b
2:  ret

/* ---- One instruction that Python chose: (operand, operand, where to write it, its 32 bits) ---- */
attack execute
    sw      a3, 0(a2)
    li      t0, 0x00008067      /* ret */
    sw      t0, 4(a2)
    fence.i
    jr      a2

attack call_monitor             /* a0 to a5, a6 function, a7 extension */
    ecall
    ret
attack resume_with_deadline     /* (enclave, ticks from now): the host's timer is set right before; a1 = sip after */
    mv      t0, a0
    rdtime  t1
    add     a0, t1, a1
    li      a6, 0
    li      a7, SBI_TIME
    ecall
    mv      a0, t0
    li      a6, CALL_RESUME
    li      a7, SBI_TTEE
    ecall
    csrr    a1, sip
    ret
attack spin                     /* for ever */
    j       spin
attack count                    /* (rounds) */
1:  addi    a0, a0, -1
    bnez    a0, 1b
    ret

/* ---- From the host's S-mode down to its U-mode: (target, argument); a0 = scause, a1 = what U-mode left in a0 ---- */
attack as_user
    csrr    t1, stvec
    csrr    t2, sscratch
    csrrw   t3, sie, zero       /* interrupts of S-mode are always enabled in U-mode */
    addi    sp, sp, -32
    sd      ra, 0(sp)
    sd      t1, 8(sp)
    sd      t2, 16(sp)
    sd      t3, 24(sp)
    csrw    sscratch, sp
    lla     t0, 1f
    csrw    stvec, t0
    csrw    sepc, a0
    li      t0, 1 << 8          /* SPP = U */
    csrc    sstatus, t0
    mv      a0, a1
    lla     ra, 2f
    sret
    .balign 4
1:  csrr    sp, sscratch
    mv      a1, a0
    csrr    a0, scause
    ld      ra, 0(sp)
    ld      t1, 8(sp)
    ld      t2, 16(sp)
    ld      t3, 24(sp)
    csrw    stvec, t1
    csrw    sscratch, t2
    csrw    sie, t3
    addi    sp, sp, 32
    ret
    .balign 4
2:  ecall                       /* the target returned */

/* ---- Through page tables: (satp, virtual address, value); a0 = scause or 0, a1 = what was read ---- */
    .macro  translate
    .balign 4
    csrr    t1, stvec
    csrr    t2, satp
    lla     t0, 1f
    csrw    stvec, t0
    csrw    scause, zero
    csrw    satp, a0
    sfence.vma
    .endm
    .macro  untranslate
    .balign 4
1:  csrw    satp, t2
    sfence.vma
    csrw    stvec, t1
    csrr    a0, scause
    ret
    .endm
attack translated_load
    translate
    ld      a1, 0(a1)
    untranslate
attack translated_store
    translate
    sd      a2, 0(a1)
    untranslate
attack translated_jump
    translate
    jr      a1
    untranslate

/* ---- Every register set before the monitor is called, every register looked at after it ----
 * a0: a block of double words, 0 to 31 x registers to set, 32 to 63 f registers, 64 to 71 CSRs in the order below;
 * 72 to 103, 104 to 135 and 136 to 143 what they were afterwards; 144 on: saved. */
#define SSTATUS_FS (3 << 13)
    .macro  each_csr operation, base
    \operation sepc, \base
    \operation scause, \base + 8
    \operation stval, \base + 16
    \operation senvcfg, \base + 24
    \operation scounteren, \base + 32
    \operation stvec, \base + 40
    \operation satp, \base + 48
    \operation sie, \base + 56
    .endm
    .macro  set_csr name, offset
    ld      t0, (\offset)(sp)
    csrw    \name, t0
    .endm
    .macro  get_csr name, offset
    csrr    t0, \name
    sd      t0, (\offset)(sp)
    .endm
attack poisoned_call
    .irp    n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
    sd      x\n, (1152 + 8 * \n)(a0)
    .endr
    mv      sp, a0
    csrr    t0, sscratch
    sd      t0, 1152(sp)
    each_csr get_csr, 1408
    each_csr set_csr, 512
    li      t0, SSTATUS_FS
    csrs    sstatus, t0
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fld     f\n, (256 + 8 * \n)(sp)
    .endr
    csrw    sscratch, sp
    .irp    n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld      x\n, (8 * \n)(sp)
    .endr
    ld      sp, 16(sp)
    ecall
    csrrw   sp, sscratch, sp
    .irp    n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd      x\n, (576 + 8 * \n)(sp)
    .endr
    csrr    t0, sscratch
    sd      t0, (576 + 16)(sp)
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fsd     f\n, (832 + 8 * \n)(sp)
    .endr
    each_csr get_csr, 1088
    each_csr set_csr, 1408
    li      t0, SSTATUS_FS
    csrc    sstatus, t0
    ld      t0, 1152(sp)
    csrw    sscratch, t0
    mv      a0, sp
    .irp    n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
    ld      x\n, (1152 + 8 * \n)(a0)
    .endr
    ret

/* ---- The same from inside: all registers hold (seed) + their number, then the enclave leaves. Whoever returns
 * to it finds them in the UTM as they were then. t0, s0, s1, a0, a6 and a7 serve other ends. ---- */
    .macro  fill_registers
    lla     t0, kept
    sd      ra, 0(t0)
    sd      sp, 8(t0)
    .irp    n, 1,2,3,4,6,7,11,12,13,14,15,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    addi    x\n, a0, \n
    .endr
    .endm
    .macro  show_registers
    .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd      x\n, (1024 + 8 * \n)(s0)
    .endr
    lla     t0, kept
    ld      ra, 0(t0)
    ld      sp, 8(t0)
    ret
    .endm
attack stop_with_secrets
    fill_registers
    li      a0, 1
    li      a6, CALL_STOP
    li      a7, SBI_TTEE
    ecall
    show_registers
attack spin_with_secrets        /* until word 12 of the UTM is not zero */
    fill_registers
1:  ld      t0, 96(s0)
    beqz    t0, 1b
    show_registers
attack fault_with_secrets
    fill_registers
    unimp
    .balign 8
kept:
    .zero   16
