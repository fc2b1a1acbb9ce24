/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in flash beside the boot ROM, and what the ROM leaves to the monitor: docs/spec/riscv.md, section 2. */
#pragma once
#include <stdint.h>

enum boot_mode { MODE_NORMAL = 1, MODE_DEBUG = 2 };

#define DESCRIPTOR_MAGIC "TTEEMON1"
#define HANDOVER_MAGIC "TTEEBOOT"
#define IMAGE_MAGIC "TTEEIMG1"

struct monitor_descriptor {
    uint8_t magic[8];
    uint64_t size;
    uint64_t svn;
    uint8_t authority[32];
    uint8_t signature[64];
    uint64_t mode;
};
_Static_assert(sizeof(struct monitor_descriptor) == 128, "monitor descriptor");

/* The first bytes of the monitor's image: its security version is part of what is measured. */
struct image_header {
    uint64_t entry; /* a jump */
    uint8_t magic[8];
    uint64_t svn;
};

struct handover {
    uint8_t magic[8];
    uint64_t mode;
    uint8_t monitor_hash[64];
    uint8_t monitor_public[32];
    uint8_t monitor_secret[64];
    uint8_t monitor_signature[64];
    uint8_t device_public[32];
    uint8_t cdi_seal[32];
};
