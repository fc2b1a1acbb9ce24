# SPDX-License-Identifier: Apache-2.0
# The first instructions of an enclave (docs/spec/riscv.md, section 3, Entry). The image runs wherever the host
# put it: code is position independent, and the few pointers in data are relocated here.
#include "layout.h"

.section .text.start, "ax"
.globl start
start:
    # The stack begins the free memory; a config page that lies about it is refused before it is used.
    lwu     t0, CONFIG_STACK_OFFSET(a3)
    li      t1, STACK_LARGEST
    bltu    t1, t0, unusable
    li      t1, STACK_GUARD + STACK_RUNTIME
    add     t0, t0, t1
    add     sp, a5, t0
    andi    sp, sp, -16
    add     t1, a1, a2
    bltu    t1, sp, out_of_memory

    # The entry registers, as main takes them.
    addi    sp, sp, -64
    sd      a1, 0(sp)
    sd      a2, 8(sp)
    sd      a3, 16(sp)
    sd      a4, 24(sp)
    sd      a5, 32(sp)
    sd      a6, 40(sp)
    sd      a7, 48(sp)

    lla     a0, start
    lla     a1, image_relocations
    lla     a2, image_relocations_end
    call    relocate
    mv      a0, sp
    tail    runtime_main

unusable:
    li      a0, EXIT_VALUE_UNUSABLE
    j       exit
out_of_memory:
    li      a0, EXIT_VALUE_OUT_OF_MEMORY
exit:
    li      a6, CALL_EXIT
    li      a7, CALL_EXTENSION
    ecall
    j       exit

# _Noreturn void wipe_and_exit(u64 value, u8 *from, u8 *to): whole words; the stack is among them.
.globl wipe_and_exit
wipe_and_exit:
    bgeu    a1, a2, exit
    sd      zero, 0(a1)
    addi    a1, a1, 8
    j       wipe_and_exit

# void stack_wipe(u8 *bottom): what lies below the caller's frame. No compiler may put a frame of its own there.
.section .text.stack_wipe, "ax"
.globl stack_wipe
stack_wipe:
    addi    a0, a0, 7
    andi    a0, a0, -8
1:  bgeu    a0, sp, 2f
    sd      zero, 0(a0)
    addi    a0, a0, 8
    j       1b
2:  ret
