/* SPDX-License-Identifier: Apache-2.0 */
/* The start of the boot ROM: a jump, a name, and the cryptography that it lends to the monitor. The ROM is trusted with
 * the device secret anyway, and code that stands once is measured, reviewed and (on QEMU) translated once. */
#pragma once
#include "crypto.h"
#include "platform.h"

#define ROM_MAGIC "TTEEROM1"
#define ROM ((const struct rom *)PFLASH)

struct rom {
    uint64_t entry;
    uint8_t magic[8];
    __typeof__(&sha3_512) sha3_512;
    __typeof__(&sha_512) sha_512;
    __typeof__(&sha_384) sha_384;
    __typeof__(&hkdf_sha3_512) hkdf_sha3_512;
    __typeof__(&eddsa_sign) eddsa_sign;
    __typeof__(&eddsa_verify) eddsa_verify;
    __typeof__(&drbg_seed) drbg_seed;
    __typeof__(&drbg_fill) drbg_fill;
};
