/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "layout.h"
#include "monitor.h"

_Static_assert(offsetof(struct config, stack) == CONFIG_STACK_OFFSET, "start.S reads it");

enum { LARGEST_MESSAGE = 256 * 1024, LARGEST_MEMORY = 16 * 1024 * 1024, SMALLEST_STACK = 4096 };

static bool all_zero(const u8 *bytes, u64 length) {
    u8 any = 0;
    for (u64 i = 0; i < length; i++) any |= bytes[i];
    return any == 0;
}

static bool name_is_valid(const struct config *c) {
    if (c->name_length < 1 || c->name_length > sizeof c->name) return false;
    for (u32 i = 0; i < c->name_length; i++) {
        u8 x = c->name[i];
        bool letter = x >= 'a' && x <= 'z', later = (x >= '0' && x <= '9') || x == '-';
        if (!letter && !(later && i > 0)) return false;
    }
    return all_zero(c->name + c->name_length, sizeof c->name - c->name_length);
}

static bool is_within(u32 value, u32 low, u32 high) { return value >= low && value <= high; }

void config_check(const struct config *c) {
    if (memcmp(c->magic, "TTEECFG1", 8) != 0) leave(EXIT_UNUSABLE, TEXT("config: magic"));
    if (!is_within(c->memory_pages, 1, LARGEST_MEMORY / WASM_PAGE)) leave(EXIT_UNUSABLE, TEXT("config: memory"));
    if (!is_within(c->stack, SMALLEST_STACK, STACK_LARGEST)) leave(EXIT_UNUSABLE, TEXT("config: stack"));
    if (!is_within(c->request, 1, LARGEST_MESSAGE)) leave(EXIT_UNUSABLE, TEXT("config: request"));
    if (!is_within(c->reply, 1, LARGEST_MESSAGE)) leave(EXIT_UNUSABLE, TEXT("config: reply"));
    if (!name_is_valid(c)) leave(EXIT_UNUSABLE, TEXT("config: name"));
    if (!all_zero(c->zeros, sizeof c->zeros)) leave(EXIT_UNUSABLE, TEXT("config: not zero behind the name"));
}
