/* SPDX-License-Identifier: Apache-2.0
 * The run-time types and functions that wasm2c's output (wabt 1.0.32) uses, for an app image: one instance, one
 * linear memory that the runtime owns, one table. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t pages, max_pages;
    uint64_t size; /* bytes now accessible */
} wasm_rt_memory_t;

typedef void (*wasm_rt_function_ptr_t)(void);

typedef struct {
    uint32_t size;
} wasm_rt_funcref_table_t;

_Noreturn __attribute__((cold)) void wasm_rt_trap(uint32_t trap);
void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t initial, uint32_t maximum);
uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t pages);

/* One table of a size that never changes, and types that the build has numbered: nothing is left to do. */
#define wasm_rt_allocate_funcref_table(table, initial, maximum) ((table)->size = (initial))
#define wasm_rt_register_func_type(...) 0

static inline bool wasm_rt_is_initialized(void) { return true; }
static inline void wasm_rt_free_memory(wasm_rt_memory_t *memory) { (void)memory; }
static inline void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) { (void)table; }
