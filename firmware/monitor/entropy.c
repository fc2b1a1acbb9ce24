/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes: Zkr's seed CSR feeds the generator afresh for every request. */
#include "console.h"
#include "monitor.h"
#include "rom.h"
#include "string.h"

#define SEED "0x015"
enum { OPST_SHIFT = 30, ES16 = 2, DEAD = 3 }; /* RISC-V scalar cryptography 1.0, section 4.1 */

static struct drbg generator;

static uint16_t sixteen_bits(void) {
    for (int patience = 0; patience < 1000000; patience++) {
        uint64_t value;
        __asm__ volatile("csrrw %0, " SEED ", zero" : "=r"(value)::"memory");
        const unsigned status = (unsigned)(value >> OPST_SHIFT) & 3;
        if (status == ES16) return (uint16_t)value;
        if (status == DEAD) break;
    }
    halt("monitor: the entropy source is dead");
}

/* Each 256 bits read carry at least 128 of entropy, so these 512 carry 256. */
static void gather(uint8_t entropy[64]) {
    for (int i = 0; i < 64; i += 2) {
        const uint16_t bits = sixteen_bits();
        entropy[i] = (uint8_t)bits;
        entropy[i + 1] = (uint8_t)(bits >> 8);
    }
}

void entropy_init(void) {
    if (!has_entropy_source()) halt("monitor: this hart has no entropy source (Zkr)");
    uint8_t entropy[64];
    gather(entropy);
    ROM->drbg_seed(&generator, entropy);
    wipe(entropy, sizeof entropy);
}

void entropy_fill(void *out, size_t len) {
    uint8_t entropy[64];
    gather(entropy);
    ROM->drbg_fill(&generator, entropy, out, len);
    wipe(entropy, sizeof entropy);
}
