# SPDX-License-Identifier: Apache-2.0
# The first bytes of an app image: struct app_image in ../app.h.
.section .text.start, "ax"
.globl start
start:
    .ascii  "TTEEAPP1"
    .word   image_end - start
    .word   image_relocations - start
    .word   image_relocations_end - start
    .word   app_instantiate - start
    .word   app_alloc - start
    .word   app_handle - start
