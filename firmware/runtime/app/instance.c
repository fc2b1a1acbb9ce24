/* SPDX-License-Identifier: Apache-2.0
 *
 * One instance of the app's module: its imports lead to the runtime's services, its exports are what the runtime
 * calls. module.h is what wasm2c writes; a module whose imports or exports have other types does not compile. */
#include <stdarg.h>

#include "wasm.h"

#include "module.h"

#include "../app.h"

static Z_app_instance_t instance;
static const struct app_services *services;

/* ---- What WebAssembly needs ---- */

_Noreturn void wasm_rt_trap(uint32_t trap) {
    services->trap(trap);
    __builtin_trap();
}

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

static wasm_rt_funcref_t table_entries[TTEE_TABLE_ENTRIES + 1]; /* of all tables; the build counts them */
static u32 table_entries_used;

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, u32 size, u32 maximum) {
    if (size > TTEE_TABLE_ENTRIES - table_entries_used) TRAP(OOB);
    *table = (wasm_rt_funcref_table_t){table_entries + table_entries_used, maximum, size};
    table_entries_used += size;
}

/* Function types that are equal get equal numbers, from 1. Each is kept as its counts, then its value types. */
static u8 types[TTEE_TYPE_BYTES + 1];
static u32 types_used;

u32 wasm_rt_register_func_type(u32 params, u32 results, ...) {
    u32 size = 4 + params + results;
    if (size > TTEE_TYPE_BYTES - types_used) TRAP(OOB);
    u8 *given = types + types_used;
    given[0] = (u8)params, given[1] = (u8)(params >> 8), given[2] = (u8)results, given[3] = (u8)(results >> 8);
    va_list list;
    va_start(list, results);
    for (u32 i = 4; i < size; i++) given[i] = (u8)va_arg(list, wasm_rt_type_t);
    va_end(list);
    u32 number = 1;
    for (u8 *known = types; known < given; number++) {
        u32 known_size = 4u + known[0] + 256u * known[1] + known[2] + 256u * known[3];
        if (known_size == size && __builtin_memcmp(known, given, size) == 0) return number;
        known += known_size;
    }
    types_used += size;
    return number;
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
