/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear memory always ends where the EPM ends. An app's access goes to base + u32 + u32, which is never below
 * linear memory; beyond it is nothing that U-mode may touch, so PMP stops every access out of bounds, and no
 * instruction is spent on checking (docs/decisions/0010). To grow, memory moves down. */
#include "memory.h"
#include "app.h"
#include "monitor.h"

static u8 *start;        /* of all that was free at first */
static u8 *next, *limit; /* free for buffers: [next, limit) */
static u8 *base, *end;   /* linear memory: [base, end) */
static u32 pages, most_pages;

/* The app's code finds linear memory through gp, which no compiled code here uses otherwise. */
static void move_base_to(u8 *to) {
    base = to;
    __asm__ volatile("mv gp, %0" : : "r"(to));
}

void memory_setup(u8 *stack, u8 *free, u8 *epm_end, u32 largest_pages) {
    u64 largest = (u64)largest_pages * WASM_PAGE;
    start = stack;
    if (free > epm_end || (u64)(epm_end - free) < largest) leave(EXIT_OUT_OF_MEMORY, TEXT("memory: too little"));
    next = free;
    limit = epm_end - largest;
    end = epm_end;
    most_pages = largest_pages;
    move_base_to(end);
}

u8 *memory_take(u64 size) {
    u8 *taken = (u8 *)round_up((u64)next, 16);
    if (taken > limit || (u64)(limit - taken) < size) leave(EXIT_OUT_OF_MEMORY, TEXT("memory: too little"));
    next = taken + size;
    return taken;
}

/* In start.S. */
_Noreturn void wipe_and_exit(u64 value, u8 *from, u8 *to);

_Noreturn void memory_leave(u64 value) { wipe_and_exit(value, start, end); }

void linear_open(u32 initial, u32 maximum) {
    if (maximum < most_pages) most_pages = maximum;
    if (initial > most_pages) leave(EXIT_OUT_OF_MEMORY, TEXT("memory: the app starts with more than its limit"));
    pages = initial;
    move_base_to(end - (u64)initial * WASM_PAGE);
}

u32 linear_grow(u32 more) {
    u32 before = pages;
    if (more > most_pages - before) return UINT32_MAX;
    u8 *moved = base - (u64)more * WASM_PAGE;
    memmove(moved, base, (u64)before * WASM_PAGE);
    memset(end - (u64)more * WASM_PAGE, 0, (u64)more * WASM_PAGE);
    pages = before + more;
    move_base_to(moved);
    return before;
}

u8 *linear_range(u32 address, u32 length) {
    if ((u64)address + length > (u64)pages * WASM_PAGE) app_trap(TRAP_OUT_OF_BOUNDS);
    return base + address;
}
