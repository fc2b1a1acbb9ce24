/* SPDX-License-Identifier: Apache-2.0
 * The border between the runtime and the app image, which is linked apart from it. */
#pragma once
#include "base.h"

/* In the order of wasm2c's wasm_rt_trap_t. */
enum trap {
    TRAP_NONE,
    TRAP_OUT_OF_BOUNDS,
    TRAP_INTEGER_OVERFLOW,
    TRAP_DIVISION_BY_ZERO,
    TRAP_INVALID_CONVERSION,
    TRAP_UNREACHABLE,
    TRAP_CALL_INDIRECT,
    TRAP_UNCAUGHT_EXCEPTION,
    TRAP_EXHAUSTION,
};

/* What the runtime does for the app: docs/spec/app-abi.md, Imports, and what WebAssembly itself needs. */
struct app_services {
    void (*trap)(u32 trap); /* does not return */
    void (*memory_open)(u32 initial, u32 maximum);
    u32 (*memory_grow)(u32 pages);
    void (*random)(u32 address, u32 length);
    void (*log)(u32 address, u32 length);
    u32 (*extend)(u32 name, u32 name_length, u32 payload, u32 payload_length);
    void (*derive_key)(u32 path, u32 path_length, u32 out);
    u32 (*seal)(u32 in, u32 in_length, u32 out, u32 capacity);
    u32 (*unseal)(u32 in, u32 in_length, u32 out, u32 capacity);
    u32 (*report)(u32 user_data, u32 length, u32 out, u32 capacity);
};

/* The first bytes of an app image; offsets count from its start. */
struct app_image {
    u8 magic[8];
    u32 size; /* of the whole image, .bss included: a multiple of 4096 */
    u32 relocations, relocations_end;
    u32 instantiate; /* void (const struct app_services *) */
    u32 alloc;       /* u32 (u32 size) */
    u32 handle;      /* u64 (u32 request, u32 length) */
};

_Noreturn void app_trap(u32 trap);

/* Checks the image, relocates it and makes the instance. `stack` is the number of bytes the app may use. */
void app_start(struct app_image *image, u64 size, u64 stack);

u32 app_alloc(u32 size);
u64 app_handle(u32 request, u32 length);
