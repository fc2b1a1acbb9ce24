/* SPDX-License-Identifier: Apache-2.0
 * Relative relocations of a position-independent image: the only kind that the build lets pass. */
#pragma once
#include "base.h"

struct relocation { /* Elf64_Rela; type R_RISCV_RELATIVE */
    u64 offset, info, addend;
};

void relocate(u8 *base, const struct relocation *first, const struct relocation *end);
