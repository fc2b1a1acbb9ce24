/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/rom.zig: the standard library's algorithms, for the boot ROM, which lends them to the monitor. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One piece of a message. */
struct span {
    const void *ptr;
    size_t len;
};
#define PART(array) {(array), sizeof(array)}
#define TEXT(literal) {(literal), sizeof(literal) - 1}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void sha3_512(uint8_t out[64], const struct span *parts, size_t count);
void sha_512(uint8_t out[64], const struct span *parts, size_t count);
void sha_384(uint8_t out[48], const struct span *parts, size_t count);
void hkdf_sha3_512(uint8_t out[32], const uint8_t ikm[32], const struct span *salt, const struct span *info,
                   size_t count);

/* eddsa-ed25519-sha3-512-keystone. The secret is the clamped scalar, then the prefix for nonces. */
void eddsa_keypair(uint8_t public[32], uint8_t secret[64], const uint8_t seed[32]);
void eddsa_sign(uint8_t signature[64], const struct span *parts, size_t count, const uint8_t public[32],
                const uint8_t secret[64]);
bool eddsa_verify(const uint8_t signature[64], const struct span *parts, size_t count, const uint8_t public[32]);

struct drbg {
    uint64_t opaque[72];
};
void drbg_seed(struct drbg *generator, const uint8_t entropy[64]);
void drbg_fill(struct drbg *generator, const uint8_t entropy[64], void *out, size_t len);
