/* SPDX-License-Identifier: Apache-2.0
 * The runtime's cryptography, in firmware/crypto/runtime.zig over Zig's standard library. */
#pragma once
#include "base.h"

void rt_sha256(u8 out[32], const u8 *bytes, size_t length);
void rt_sha384(u8 out[48], const u8 *bytes, size_t length);
void rt_sha512(u8 out[64], const u8 *bytes, size_t length);
void rt_wipe(void *bytes, size_t length);
void rt_x25519_public(u8 out[32], const u8 secret[32]);

/* Opens `enc | ciphertext | tag` in place (RFC 9180); the plaintext stands at message + 32, length - 48 bytes. */
bool rt_hpke_open(u8 *message, size_t length, const u8 secret[32], const u8 public_key[32], const u8 *info,
                  size_t info_length);

/* Seal in place; 16 bytes of tag follow the plaintext. */
void rt_reply_seal(u8 *buffer, size_t length, const u8 reply_key[32], const u8 request_digest[32]);
void rt_seal(u8 *buffer, size_t length, const u8 *ad, size_t ad_length, const u8 nonce[24], const u8 key[32]);
bool rt_unseal(u8 *buffer, size_t length, const u8 tag[16], const u8 *ad, size_t ad_length, const u8 nonce[24],
               const u8 key[32]);
