/* SPDX-License-Identifier: Apache-2.0 */
/* The four functions that a C compiler takes for granted. Whole words where both sides allow it. */
#include <stddef.h>
#include <stdint.h>

typedef uint64_t __attribute__((may_alias)) word;

/* A compiler that recognises a copy in these loops must not call them for it. */
#define ITSELF __attribute__((no_builtin("memcpy", "memmove", "memset", "memcmp")))

static int aligned(const void *a, const void *b) { return (((uintptr_t)a | (uintptr_t)b) & 7) == 0; }

ITSELF void *memset(void *to, int value, size_t n) {
    uint8_t *d = to;
    const word fill = (uint8_t)value * 0x0101010101010101u;
    for (; n && ((uintptr_t)d & 7); n--) *d++ = (uint8_t)value;
    for (; n >= 64; n -= 64, d += 64) {
        word *w = (word *)d;
        w[0] = fill, w[1] = fill, w[2] = fill, w[3] = fill, w[4] = fill, w[5] = fill, w[6] = fill, w[7] = fill;
    }
    for (; n >= 8; n -= 8, d += 8) *(word *)d = fill;
    while (n--) *d++ = (uint8_t)value;
    return to;
}

ITSELF void *memmove(void *to, const void *from, size_t n) {
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((uintptr_t)d - (uintptr_t)s >= n) { /* forwards, unless the target begins inside the source */
        if (aligned(d, s))
            for (; n >= 8; n -= 8, d += 8, s += 8) *(word *)d = *(const word *)s;
        while (n--) *d++ = *s++;
    } else {
        while (n--) d[n] = s[n];
    }
    return to;
}

ITSELF void *memcpy(void *restrict to, const void *restrict from, size_t n) { return memmove(to, from, n); }

ITSELF int memcmp(const void *left, const void *right, size_t n) {
    const uint8_t *a = left, *b = right;
    for (; n; n--, a++, b++)
        if (*a != *b) return *a < *b ? -1 : 1;
    return 0;
}
