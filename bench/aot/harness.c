/* SPDX-License-Identifier: Apache-2.0
 * Calls the programs, native or in an app image, from S-mode and without a TEE around, so that only they are counted. */
#include "../../firmware/runtime/app.h"
#include "../../firmware/runtime/relocate.h"
#include "kernels.h"

static u8 *memory_end;
static u32 pages, most;

static void no_trap(u32 trap) {
    (void)trap;
    __asm__ volatile("unimp");
}

static void memory_open(u32 initial, u32 maximum) {
    pages = initial, most = maximum;
    __asm__ volatile("mv gp, %0" : : "r"(memory_end - (u64)initial * WASM_PAGE));
}

static u32 memory_grow(u32 more) {
    (void)more;
    return UINT32_MAX;
}

static void log_nothing(u32 address, u32 length) { (void)address, (void)length; }

static const struct app_services services = {
    .trap = no_trap, .memory_open = memory_open, .memory_grow = memory_grow, .log = log_nothing};

enum { NATIVE, INSTANTIATE, APP };

/* a: what to do; b, c: program and amount, or app image and end of linear memory. */
u64 harness_main(u64 a, u64 b, u64 c) {
    static struct app_image *image;
    if (a == NATIVE) return run_kernel((u32)b, (u32)c);
    u8 *base = (u8 *)image;
    if (a == INSTANTIATE) {
        image = (struct app_image *)b;
        base = (u8 *)b;
        memory_end = (u8 *)c;
        relocate(base, (struct relocation *)(base + image->relocations),
                 (struct relocation *)(base + image->relocations_end));
        ((void (*)(const struct app_services *))(base + image->instantiate))(&services);
        return 0;
    }
    u8 *memory;
    __asm__ volatile("mv %0, gp" : "=r"(memory));
    u32 at = ((u32(*)(u32))(base + image->alloc))(8);
    const u32 words[2] = {(u32)b, (u32)c};
    memcpy(memory + at, words, sizeof words);
    u64 reply = ((u64(*)(u32, u32))(base + image->handle))(at, 8);
    u32 result;
    memcpy(&result, memory + (reply >> 32), sizeof result);
    return result;
}
