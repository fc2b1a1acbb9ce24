/* SPDX-License-Identifier: Apache-2.0
 * The config page (docs/spec/riscv.md, section 3): what the app's manifest says, measured. */
#pragma once
#include "base.h"

enum { MEASUREMENT_SIZE = 48, AUTHORITY_SIZE = 32, CONFIG_PAGE = 4096 };

struct config {
    u8 magic[8];
    u8 app[MEASUREMENT_SIZE];
    u8 authority[AUTHORITY_SIZE];
    u64 svn;
    u32 memory_pages, stack, request, reply, name_length;
    u8 name[64];
    u8 zeros[CONFIG_PAGE - 180];
} __attribute__((packed, aligned(8)));

_Static_assert(sizeof(struct config) == CONFIG_PAGE, "docs/spec/riscv.md");

/* Leaves unless every byte of the page is as the specification has it. */
void config_check(const struct config *config);

static inline bool config_has_authority(const struct config *config) {
    u8 any = 0;
    for (u32 i = 0; i < AUTHORITY_SIZE; i++) any |= config->authority[i];
    return any != 0;
}
