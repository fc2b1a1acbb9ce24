/* SPDX-License-Identifier: Apache-2.0
 *
 * What the instructions of WebAssembly mean (Core Specification 2.0, section 4), in the words that wasm2c's output
 * (wabt 1.0.32) uses. It stands in place of the preamble that wasm2c writes above every module.
 *
 * Linear memory begins at gp and ends where the enclave's memory ends, so loads and stores need no check: PMP
 * stops what goes beyond (docs/decisions/0010). The stack's limit is tp. */
#pragma once
#include "wasm-rt.h"

typedef uint8_t u8;
typedef int8_t s8;
typedef uint16_t u16;
typedef int16_t s16;
typedef uint32_t u32;
typedef int32_t s32;
typedef uint64_t u64;
typedef int64_t s64;
typedef float f32;
typedef double f64;
#define WASM_RT_CORE_TYPES_DEFINED

_Static_assert(sizeof(void *) == 8, "an address of 33 bits must fit");

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define assert(x) ((void)0)

/* ---- Traps ---- */

enum { /* enum trap in ../app.h */
    WASM_RT_TRAP_OOB = 1,
    WASM_RT_TRAP_INT_OVERFLOW,
    WASM_RT_TRAP_DIV_BY_ZERO,
    WASM_RT_TRAP_INVALID_CONVERSION,
    WASM_RT_TRAP_UNREACHABLE,
    WASM_RT_TRAP_CALL_INDIRECT,
    WASM_RT_TRAP_UNCAUGHT_EXCEPTION,
    WASM_RT_TRAP_EXHAUSTION,
};

#define TRAP(x) (wasm_rt_trap(WASM_RT_TRAP_##x), 0)
#define UNREACHABLE TRAP(UNREACHABLE)

register uintptr_t wasm_stack_pointer __asm__("sp");
register uintptr_t wasm_stack_limit __asm__("tp");

/* The frames of one function are bounded when the image is built, and the guard below the limit is larger. */
#define FUNC_PROLOGUE \
    if (UNLIKELY(wasm_stack_pointer < wasm_stack_limit)) TRAP(EXHAUSTION)
#define FUNC_EPILOGUE ((void)0)

/* ---- Calls ---- */

#define CALL_INDIRECT(table, t, ft, x, ...)                                                  \
    (LIKELY((x) < (table).size && (table).data[x].func_type == func_types[ft]) ||            \
         TRAP(CALL_INDIRECT),                                                                \
     ((t)(table).data[x].func)(__VA_ARGS__))

/* ---- Linear memory ---- */

register uintptr_t wasm_memory_base __asm__("gp");

static inline u8 *wasm_at(u64 address) { return (u8 *)wasm_memory_base + address; }

#ifdef TTEE_EXPLICIT_CHECKS /* for the measurements of docs/decisions/0010 only */
#define WASM_CHECK(memory, address, length) \
    if (UNLIKELY((address) + (length) > (memory)->size)) TRAP(OOB)
#else
#define WASM_CHECK(memory, address, length) ((void)(memory))
#endif

/* The empty statement uses the value, so that a load whose result nobody needs still traps. */
#define DEFINE_LOAD(name, stored, extended, result)                        \
    static inline result name(const wasm_rt_memory_t *memory, u64 address) { \
        WASM_CHECK(memory, address, sizeof(stored));                       \
        stored value;                                                      \
        __builtin_memcpy(&value, wasm_at(address), sizeof value);          \
        __asm__ volatile("" : : "r"(value));                               \
        return (result)(extended)value;                                    \
    }

#define DEFINE_STORE(name, stored, given)                                            \
    static inline void name(const wasm_rt_memory_t *memory, u64 address, given value) { \
        WASM_CHECK(memory, address, sizeof(stored));                                 \
        stored narrow = (stored)value;                                               \
        __builtin_memcpy(wasm_at(address), &narrow, sizeof narrow);                  \
    }

DEFINE_LOAD(i32_load, u32, u32, u32)
DEFINE_LOAD(i64_load, u64, u64, u64)
DEFINE_LOAD(f32_load, f32, f32, f32)
DEFINE_LOAD(f64_load, f64, f64, f64)
DEFINE_LOAD(i32_load8_s, s8, s32, u32)
DEFINE_LOAD(i64_load8_s, s8, s64, u64)
DEFINE_LOAD(i32_load8_u, u8, u32, u32)
DEFINE_LOAD(i64_load8_u, u8, u64, u64)
DEFINE_LOAD(i32_load16_s, s16, s32, u32)
DEFINE_LOAD(i64_load16_s, s16, s64, u64)
DEFINE_LOAD(i32_load16_u, u16, u32, u32)
DEFINE_LOAD(i64_load16_u, u16, u64, u64)
DEFINE_LOAD(i64_load32_s, s32, s64, u64)
DEFINE_LOAD(i64_load32_u, u32, u64, u64)
DEFINE_STORE(i32_store, u32, u32)
DEFINE_STORE(i64_store, u64, u64)
DEFINE_STORE(f32_store, f32, f32)
DEFINE_STORE(f64_store, f64, f64)
DEFINE_STORE(i32_store8, u8, u32)
DEFINE_STORE(i32_store16, u16, u32)
DEFINE_STORE(i64_store8, u8, u64)
DEFINE_STORE(i64_store16, u16, u64)
DEFINE_STORE(i64_store32, u32, u64)

/* Bulk operations are checked as a whole, before the first byte (section 4.4.7). */
#define RANGE_CHECK(address, length, size) \
    if (UNLIKELY((u64)(address) + (length) > (size))) TRAP(OOB)

static inline void memory_fill(const wasm_rt_memory_t *memory, u32 to, u32 byte, u32 length) {
    RANGE_CHECK(to, length, memory->size);
    __builtin_memset(wasm_at(to), (int)byte, length);
}

static inline void memory_copy(const wasm_rt_memory_t *memory, const wasm_rt_memory_t *same, u32 to, u32 from,
                               u32 length) {
    (void)same;
    RANGE_CHECK(to, length, memory->size);
    RANGE_CHECK(from, length, memory->size);
    __builtin_memmove(wasm_at(to), wasm_at(from), length);
}

static inline void memory_init(const wasm_rt_memory_t *memory, const u8 *segment, u32 size, u32 to, u32 from,
                               u32 length) {
    RANGE_CHECK(from, length, size);
    RANGE_CHECK(to, length, memory->size);
    __builtin_memcpy(wasm_at(to), segment + from, length);
}

#define LOAD_DATA(memory, to, segment, length) memory_init(&(memory), (segment), (length), (to), 0, (length))

/* ---- Tables ---- */

typedef struct {
    u32 func_type_index;
    wasm_rt_function_ptr_t func;
    size_t module_offset;
} wasm_elem_segment_expr_t;

static inline void funcref_table_init(wasm_rt_funcref_table_t *table, const wasm_elem_segment_expr_t *segment,
                                      u32 size, u32 to, u32 from, u32 length, void *instance,
                                      const u32 *func_types) {
    RANGE_CHECK(from, length, size);
    RANGE_CHECK(to, length, table->size);
    for (u32 i = 0; i < length; i++) {
        const wasm_elem_segment_expr_t *e = &segment[from + i];
        table->data[to + i] =
            (wasm_rt_funcref_t){func_types[e->func_type_index], e->func, (u8 *)instance + e->module_offset};
    }
}

static inline void funcref_table_copy(wasm_rt_funcref_table_t *table, const wasm_rt_funcref_table_t *source, u32 to,
                                      u32 from, u32 length) {
    RANGE_CHECK(to, length, table->size);
    RANGE_CHECK(from, length, source->size);
    __builtin_memmove(table->data + to, source->data + from, length * sizeof(wasm_rt_funcref_t));
}

/* ---- Integers ---- */

#define I32_CLZ(x) ((x) ? (u32)__builtin_clz(x) : 32)
#define I64_CLZ(x) ((x) ? (u64)__builtin_clzll(x) : 64)
#define I32_CTZ(x) ((x) ? (u32)__builtin_ctz(x) : 32)
#define I64_CTZ(x) ((x) ? (u64)__builtin_ctzll(x) : 64)
#define I32_POPCNT(x) ((u32)__builtin_popcount(x))
#define I64_POPCNT(x) ((u64)__builtin_popcountll(x))

#define DIV_S(ut, min, x, y)                            \
    (UNLIKELY((y) == 0)                    ? TRAP(DIV_BY_ZERO)  \
     : UNLIKELY((x) == (min) && (y) == -1) ? TRAP(INT_OVERFLOW) \
                                           : (ut)((x) / (y)))
#define REM_S(ut, min, x, y)                           \
    (UNLIKELY((y) == 0)                    ? TRAP(DIV_BY_ZERO) \
     : UNLIKELY((x) == (min) && (y) == -1) ? 0                 \
                                           : (ut)((x) % (y)))
#define I32_DIV_S(x, y) DIV_S(u32, INT32_MIN, (s32)(x), (s32)(y))
#define I64_DIV_S(x, y) DIV_S(u64, INT64_MIN, (s64)(x), (s64)(y))
#define I32_REM_S(x, y) REM_S(u32, INT32_MIN, (s32)(x), (s32)(y))
#define I64_REM_S(x, y) REM_S(u64, INT64_MIN, (s64)(x), (s64)(y))
#define DIV_U(x, y) (UNLIKELY((y) == 0) ? TRAP(DIV_BY_ZERO) : (x) / (y))
#define REM_U(x, y) (UNLIKELY((y) == 0) ? TRAP(DIV_BY_ZERO) : (x) % (y))

#define ROTL(x, y, mask) (((x) << ((y) & (mask))) | ((x) >> (((mask) - (y) + 1) & (mask))))
#define ROTR(x, y, mask) (((x) >> ((y) & (mask))) | ((x) << (((mask) - (y) + 1) & (mask))))
#define I32_ROTL(x, y) ROTL(x, y, 31)
#define I64_ROTL(x, y) ROTL(x, y, 63)
#define I32_ROTR(x, y) ROTR(x, y, 31)
#define I64_ROTR(x, y) ROTR(x, y, 63)

#include "float.h"
