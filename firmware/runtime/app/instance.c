/* SPDX-License-Identifier: Apache-2.0
 *
 * One instance of the app's module: its imports lead to the runtime's services, its exports are what the runtime
 * calls. It is compiled behind the module's own code, as wasm2c wrote it, so a module whose imports or exports have
 * other types does not compile. */
#include "../app.h"

static Z_app_instance_t instance;
static const struct app_services *services;

/* ---- What WebAssembly needs ---- */

_Noreturn void wasm_rt_trap(uint32_t trap) {
    services->trap(trap);
    __builtin_trap();
}

/* FUNC_PROLOGUE jumps here. */
__attribute__((used)) _Noreturn void wasm_rt_exhausted(void) { TRAP(EXHAUSTION); }

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, u32 initial, u32 maximum) {
    services->memory_open(initial, maximum);
    *memory = (wasm_rt_memory_t){initial, maximum, (u64)initial * 65536};
}

u32 wasm_rt_grow_memory(wasm_rt_memory_t *memory, u32 pages) {
    u32 before = services->memory_grow(pages);
    if (before != UINT32_MAX) {
        memory->pages = before + pages;
        memory->size = (u64)memory->pages * 65536;
    }
    return before;
}

/* ---- Imports ---- */

void Z_tteeZ_random(struct Z_ttee_instance_t *_, u32 address, u32 length) { services->random(address, length); }

void Z_tteeZ_log(struct Z_ttee_instance_t *_, u32 address, u32 length) { services->log(address, length); }

u32 Z_tteeZ_extend(struct Z_ttee_instance_t *_, u32 name, u32 name_length, u32 payload, u32 payload_length) {
    return services->extend(name, name_length, payload, payload_length);
}

void Z_tteeZ_derive_key(struct Z_ttee_instance_t *_, u32 path, u32 path_length, u32 out) {
    services->derive_key(path, path_length, out);
}

u32 Z_tteeZ_seal(struct Z_ttee_instance_t *_, u32 in, u32 in_length, u32 out, u32 capacity) {
    return services->seal(in, in_length, out, capacity);
}

u32 Z_tteeZ_unseal(struct Z_ttee_instance_t *_, u32 in, u32 in_length, u32 out, u32 capacity) {
    return services->unseal(in, in_length, out, capacity);
}

u32 Z_tteeZ_report(struct Z_ttee_instance_t *_, u32 user_data, u32 length, u32 out, u32 capacity) {
    return services->report(user_data, length, out, capacity);
}

/* ---- Exports ---- */

#define SAME_TYPE(function, type) \
    _Static_assert(__builtin_types_compatible_p(__typeof__(function), type), #function " has another type in the ABI")
SAME_TYPE(Z_appZ_alloc, u32(Z_app_instance_t *, u32));
SAME_TYPE(Z_appZ_handle, u64(Z_app_instance_t *, u32, u32));
#ifdef TTEE_INITIALIZE
SAME_TYPE(Z_appZ__initialize, void(Z_app_instance_t *));
#endif

void app_instantiate(const struct app_services *given) {
    services = given;
    Z_app_init_module();
#ifdef TTEE_IMPORTS
    Z_app_instantiate(&instance, NULL);
#else
    Z_app_instantiate(&instance);
#endif
#ifdef TTEE_INITIALIZE
    Z_appZ__initialize(&instance);
#endif
}

u32 app_alloc(u32 size) { return Z_appZ_alloc(&instance, size); }

u64 app_handle(u32 request, u32 length) { return Z_appZ_handle(&instance, request, length); }
