/* SPDX-License-Identifier: Apache-2.0
 * Words that the whole enclave runtime uses. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

enum { WASM_PAGE = 65536 };

/* From the compiler's own run-time library. */
void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);

static inline u64 round_up(u64 value, u64 to) { return (value + to - 1) / to * to; }

/* Bytes with a length: what most functions here take. */
struct span {
    const u8 *bytes;
    u64 length;
};

#define TEXT(literal) ((struct span){(const u8 *)(literal), sizeof(literal) - 1})
