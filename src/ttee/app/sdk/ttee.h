/* SPDX-License-Identifier: Apache-2.0
 *
 * ttee.h: what an app sees of its TEE (docs/spec/app-abi.md, version 1).
 *
 *     #include "ttee.h"
 *
 *     TTEE_HANDLE(request, length) {
 *         return ttee_reply(request, length);
 *     }
 *
 * Include it in one C file of a freestanding wasm32 module; there is no library to link.
 * Between calls static variables keep their values; what ttee_alloc gave is taken back.
 */
#ifndef TTEE_H
#define TTEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TTEE_IMPORT(name) __attribute__((import_module("ttee"), import_name(name)))
#define TTEE_EXPORT(name) __attribute__((export_name(name), visibility("default")))

/* Results below zero. */
enum {
    TTEE_TOO_SMALL = -1,  /* the output does not hold the result */
    TTEE_LOG_FULL = -2,   /* register 3 takes no more events */
    TTEE_NOT_SEALED = -3, /* not sealed by this app in this TEE, or altered since */
    TTEE_REFUSED = -4,    /* the TEE gave no evidence; an event out of its bounds */
};

enum {
    TTEE_KEY_SIZE = 32,
    TTEE_SEAL_OVERHEAD = 64, /* a sealed blob is this much longer than its content */
    TTEE_LOG_LINE = 1024,
    TTEE_USER_DATA = 64,
};

/* ---- Imports: what the TEE does for an app. Pointers outside linear memory are a trap. ---- */

/* Fills `out` from the TEE's generator. */
TTEE_IMPORT("random") void ttee_random(void *out, uint32_t length);

/* One line for the operator, at most TTEE_LOG_LINE bytes. The host reads it: nothing secret. */
TTEE_IMPORT("log") void ttee_log(const char *line, uint32_t length);

/* Extends register 3 by an event: 0, TTEE_LOG_FULL, or TTEE_REFUSED unless the name is UTF-8 of 1 to 64 bytes and the
 * payload has at most 1024. */
TTEE_IMPORT("extend")
int32_t ttee_extend(const char *name, uint32_t name_length, const void *payload, uint32_t payload_length);

/* A key bound to this TEE and to this app's authority, or its measurement if it has none. Path of up to 128 bytes. */
TTEE_IMPORT("derive_key") void ttee_derive_key(const void *path, uint32_t path_length, uint8_t out[TTEE_KEY_SIZE]);

/* Encrypts for later runs of this app in this TEE: the length of the blob, or TTEE_TOO_SMALL. */
TTEE_IMPORT("seal") int32_t ttee_seal(const void *in, uint32_t length, void *out, uint32_t capacity);

/* The reverse: the length of the content, TTEE_TOO_SMALL or TTEE_NOT_SEALED. */
TTEE_IMPORT("unseal") int32_t ttee_unseal(const void *in, uint32_t length, void *out, uint32_t capacity);

/* Evidence over up to TTEE_USER_DATA bytes, as CBOR: its length, TTEE_TOO_SMALL or TTEE_REFUSED. */
TTEE_IMPORT("report")
int32_t ttee_report(const void *user_data, uint32_t length, void *out, uint32_t capacity);

/* ---- The C library's memory functions, which compilers call on their own ---- */

#if defined(__wasm_bulk_memory__) || defined(__wasm_bulk_memory_opt__) /* one instruction each, checked once */
#define TTEE_MEMORY __attribute__((weak, unused)) void *
TTEE_MEMORY memcpy(void *to, const void *from, size_t n) { return __builtin_memmove(to, from, n); }
TTEE_MEMORY memmove(void *to, const void *from, size_t n) { return __builtin_memmove(to, from, n); }
TTEE_MEMORY memset(void *to, int byte, size_t n) { return __builtin_memset(to, byte, n); }
#else
#define TTEE_MEMORY __attribute__((weak, unused, no_builtin)) void *
TTEE_MEMORY memmove(void *to, const void *from, size_t n) {
    unsigned char *d = (unsigned char *)to;
    const unsigned char *s = (const unsigned char *)from;
    if (d <= s) {
        for (size_t i = 0; i < n; i++) d[i] = s[i];
    } else {
        for (size_t i = n; i-- > 0;) d[i] = s[i];
    }
    return to;
}
TTEE_MEMORY memcpy(void *to, const void *from, size_t n) { return memmove(to, from, n); }
TTEE_MEMORY memset(void *to, int byte, size_t n) {
    for (size_t i = 0; i < n; i++) ((unsigned char *)to)[i] = (unsigned char)byte;
    return to;
}
#endif

__attribute__((weak, unused, no_builtin)) int memcmp(const void *a, const void *b, size_t n) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}

__attribute__((weak, unused, no_builtin)) size_t strlen(const char *text) {
    size_t n = 0;
    while (text[n]) n++;
    return n;
}

/* Whether two byte strings are equal, in a time that does not depend on where they differ. */
static inline bool ttee_equal(const void *a, const void *b, size_t n) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    unsigned char difference = 0;
    for (size_t i = 0; i < n; i++) difference |= (unsigned char)(x[i] ^ y[i]);
    return difference == 0;
}

/* ---- Memory for one request ---- */

extern unsigned char __heap_base; /* from the linker: the first byte behind data and stack */
static uintptr_t ttee_arena;      /* next free byte; 0 before the first request */

/* Room for `size` bytes, aligned to 16, until the next request; NULL when memory is used up. */
static inline void *ttee_alloc(size_t size) {
    if (!ttee_arena) ttee_arena = (uintptr_t)&__heap_base;
    uint64_t begin = ((uint64_t)ttee_arena + 15) & ~(uint64_t)15, end = begin + size;
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
    if (end > have) {
        if (end > (uint64_t)UINT32_MAX) return NULL;
        if (__builtin_wasm_memory_grow(0, (size_t)((end - have + 65535) >> 16)) == (size_t)-1) return NULL;
    }
    ttee_arena = (uintptr_t)end;
    return (void *)(uintptr_t)begin;
}

/* ---- Answers ---- */

typedef uint64_t ttee_answer;

/* Answers with these bytes. They must stay where they are: static, or from ttee_alloc. */
static inline ttee_answer ttee_reply(const void *bytes, uint32_t length) {
    return (uint64_t)(uint32_t)(uintptr_t)bytes << 32 | length;
}

/* Answers with a string. */
static inline ttee_answer ttee_reply_text(const char *text) { return ttee_reply(text, (uint32_t)strlen(text)); }

/* Refuses the request: the client learns that the app did not take it. */
static inline ttee_answer ttee_refuse(void) { return ~(uint64_t)0; }

/* Defines the app: `TTEE_HANDLE(request, length) { ... }` is called once per request, with
 * `const uint8_t *request` and `uint32_t length`, and returns a ttee_answer. */
#define TTEE_HANDLE(request, length)                                                                       \
    static ttee_answer ttee_app(const uint8_t *request, uint32_t length);                                  \
    TTEE_EXPORT("alloc") void *ttee_export_alloc(uint32_t size) {                                          \
        ttee_arena = 0;                                                                                    \
        return ttee_alloc(size);                                                                           \
    }                                                                                                      \
    TTEE_EXPORT("handle") uint64_t ttee_export_handle(const uint8_t *bytes, uint32_t size) {               \
        return ttee_app(bytes, size);                                                                      \
    }                                                                                                      \
    static ttee_answer ttee_app(const uint8_t *request, uint32_t length)

/* ---- Writing an answer piece by piece ---- */

typedef struct {
    uint8_t *bytes;
    uint32_t length, capacity;
    bool overflow; /* something did not fit: ttee_reply_writer will refuse */
} ttee_writer;

static inline ttee_writer ttee_write(uint32_t capacity) {
    ttee_writer w = {(uint8_t *)ttee_alloc(capacity), 0, capacity, false};
    if (!w.bytes) w.capacity = 0, w.overflow = true;
    return w;
}

static inline void ttee_put(ttee_writer *w, const void *bytes, uint32_t length) {
    if (w->overflow || length > w->capacity - w->length) {
        w->overflow = true;
        return;
    }
    if (length) __builtin_memcpy(w->bytes + w->length, bytes, length);
    w->length += length;
}

static inline void ttee_put_text(ttee_writer *w, const char *text) { ttee_put(w, text, (uint32_t)strlen(text)); }

/* In decimal. */
static inline void ttee_put_uint(ttee_writer *w, uint64_t value) {
    char digits[20];
    uint32_t at = sizeof digits;
    do digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    ttee_put(w, digits + at, (uint32_t)sizeof digits - at);
}

static inline void ttee_put_hex(ttee_writer *w, const void *bytes, uint32_t length) {
    for (uint32_t i = 0; i < length; i++) {
        uint8_t byte = ((const uint8_t *)bytes)[i];
        char pair[2] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
        ttee_put(w, pair, 2);
    }
}

static inline ttee_answer ttee_reply_writer(const ttee_writer *w) {
    return w->overflow ? ttee_refuse() : ttee_reply(w->bytes, w->length);
}

/* ---- Reading a request piece by piece ---- */

typedef struct {
    const uint8_t *bytes;
    uint32_t length;
} ttee_slice;

static inline bool ttee_is(ttee_slice s, const char *text) {
    size_t n = strlen(text);
    return s.length == n && __builtin_memcmp(s.bytes, text, n) == 0;
}

/* Cuts `rest` at the first `separator`: returns what stands before it, and leaves what follows. */
static inline ttee_slice ttee_cut(ttee_slice *rest, uint8_t separator) {
    uint32_t n = 0;
    while (n < rest->length && rest->bytes[n] != separator) n++;
    ttee_slice head = {rest->bytes, n};
    uint32_t skip = n < rest->length ? n + 1 : n;
    rest->bytes += skip;
    rest->length -= skip;
    return head;
}

/* Decimal digits and nothing else; false when it is not a number or does not fit. */
static inline bool ttee_parse_uint(ttee_slice s, uint64_t *value) {
    uint64_t v = 0;
    if (s.length == 0) return false;
    for (uint32_t i = 0; i < s.length; i++) {
        unsigned digit = (unsigned)s.bytes[i] - '0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10) return false;
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}

/* ---- Short forms ---- */

static inline void ttee_print(const char *line) { ttee_log(line, (uint32_t)strlen(line)); }

static inline int32_t ttee_event(const char *name, const void *payload, uint32_t length) {
    return ttee_extend(name, (uint32_t)strlen(name), payload, length);
}

#endif
