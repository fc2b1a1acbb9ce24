/* SPDX-License-Identifier: Apache-2.0
 *
 * What the instructions of WebAssembly mean (Core Specification 2.0, section 4), in the words that wasm2c's output
 * (wabt 1.0.32) uses. It stands in place of the preamble that wasm2c writes above every module.
 *
 * Linear memory begins at gp and ends where the enclave's memory ends, so loads and stores need no check: PMP
 * stops what goes beyond (docs/decisions/0010). The stack's limit is tp. No compiled code uses these two otherwise. */
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

/* ---- Functions ---- */

register u8 *wasm_memory_base __asm__("gp");

/* The frame of one function is bounded when the image is built, and the guard below the limit is larger than two.
 * Written as a jump so that a function that calls nothing needs no frame for the check. */
#define STACK_CHECK __asm__ volatile("bgeu sp, tp, 1f\n\ttail wasm_rt_exhausted\n1:")

/* Where memory is can change in a call only: MEMORY_MAY_MOVE stands behind every call of a module that grows. */
#define FUNC_PROLOGUE \
    STACK_CHECK;      \
    u8 *wasm_base = wasm_memory_base
#define FUNC_EPILOGUE ((void)0)
#define MEMORY_MAY_MOVE wasm_base = wasm_memory_base

/* Equal types have equal numbers (wasm_types, which the build writes), and an empty entry has none: 0. */
#define CALL_INDIRECT(table, signature, number, x, same_instance, ...)                                   \
    (LIKELY((x) < TTEE_TABLE_ENTRIES && wasm_table[x].type == wasm_types[number]) || TRAP(CALL_INDIRECT), \
     ((signature)wasm_table[x].function)(instance, ##__VA_ARGS__))

/* ---- Linear memory ---- */

#ifdef TTEE_EXPLICIT_CHECKS /* for the measurements of docs/decisions/0010 only */
#define CHECK(memory, address, length) \
    if (UNLIKELY((address) + (length) > (memory)->size)) TRAP(OOB)
#else
#define CHECK(memory, address, length) ((void)(memory))
#endif

/* The empty statement uses the value, so that a load whose result nobody needs still traps. */
#define LOAD(stored, extended, result)                                                                        \
    static inline result load_##stored##_##extended##_##result(const wasm_rt_memory_t *memory, const u8 *base, \
                                                               u64 address) {                                 \
        stored value;                                                                                         \
        CHECK(memory, address, sizeof value);                                                                 \
        __builtin_memcpy(&value, base + address, sizeof value);                                               \
        __asm__ volatile("" : : "r"(value));                                                                  \
        return (result)(extended)value;                                                                       \
    }

#define STORE(stored)                                                                                       \
    static inline void store_##stored(const wasm_rt_memory_t *memory, u8 *base, u64 address, stored value) { \
        CHECK(memory, address, sizeof value);                                                               \
        __builtin_memcpy(base + address, &value, sizeof value);                                             \
    }

LOAD(u32, u32, u32)
LOAD(u64, u64, u64)
LOAD(f32, f32, f32)
LOAD(f64, f64, f64)
LOAD(s8, s32, u32)
LOAD(u8, u32, u32)
LOAD(s16, s32, u32)
LOAD(u16, u32, u32)
LOAD(s8, s64, u64)
LOAD(u8, u64, u64)
LOAD(s16, s64, u64)
LOAD(u16, u64, u64)
LOAD(s32, s64, u64)
LOAD(u32, u64, u64)
STORE(u8)
STORE(u16)
STORE(u32)
STORE(u64)
STORE(f32)
STORE(f64)

#define i32_load(memory, address) load_u32_u32_u32(memory, wasm_base, address)
#define i64_load(memory, address) load_u64_u64_u64(memory, wasm_base, address)
#define f32_load(memory, address) load_f32_f32_f32(memory, wasm_base, address)
#define f64_load(memory, address) load_f64_f64_f64(memory, wasm_base, address)
#define i32_load8_s(memory, address) load_s8_s32_u32(memory, wasm_base, address)
#define i32_load8_u(memory, address) load_u8_u32_u32(memory, wasm_base, address)
#define i32_load16_s(memory, address) load_s16_s32_u32(memory, wasm_base, address)
#define i32_load16_u(memory, address) load_u16_u32_u32(memory, wasm_base, address)
#define i64_load8_s(memory, address) load_s8_s64_u64(memory, wasm_base, address)
#define i64_load8_u(memory, address) load_u8_u64_u64(memory, wasm_base, address)
#define i64_load16_s(memory, address) load_s16_s64_u64(memory, wasm_base, address)
#define i64_load16_u(memory, address) load_u16_u64_u64(memory, wasm_base, address)
#define i64_load32_s(memory, address) load_s32_s64_u64(memory, wasm_base, address)
#define i64_load32_u(memory, address) load_u32_u64_u64(memory, wasm_base, address)
#define i32_store(memory, address, value) store_u32(memory, wasm_base, address, value)
#define i64_store(memory, address, value) store_u64(memory, wasm_base, address, value)
#define f32_store(memory, address, value) store_f32(memory, wasm_base, address, value)
#define f64_store(memory, address, value) store_f64(memory, wasm_base, address, value)
#define i32_store8(memory, address, value) store_u8(memory, wasm_base, address, (u8)(value))
#define i32_store16(memory, address, value) store_u16(memory, wasm_base, address, (u16)(value))
#define i64_store8(memory, address, value) store_u8(memory, wasm_base, address, (u8)(value))
#define i64_store16(memory, address, value) store_u16(memory, wasm_base, address, (u16)(value))
#define i64_store32(memory, address, value) store_u32(memory, wasm_base, address, (u32)(value))

/* Bulk operations are checked as a whole, before the first byte (section 4.4.7). */
#define RANGE_CHECK(address, length, size) \
    if (UNLIKELY((u64)(address) + (length) > (size))) TRAP(OOB)

static inline void memory_fill(const wasm_rt_memory_t *memory, u32 to, u32 byte, u32 length) {
    RANGE_CHECK(to, length, memory->size);
    __builtin_memset(wasm_memory_base + to, (int)byte, length);
}

static inline void memory_copy(const wasm_rt_memory_t *memory, const wasm_rt_memory_t *same, u32 to, u32 from,
                               u32 length) {
    (void)same;
    RANGE_CHECK(to, length, memory->size);
    RANGE_CHECK(from, length, memory->size);
    __builtin_memmove(wasm_memory_base + to, wasm_memory_base + from, length);
}

static inline void memory_init(const wasm_rt_memory_t *memory, const u8 *segment, u32 size, u32 to, u32 from,
                               u32 length) {
    RANGE_CHECK(from, length, size);
    RANGE_CHECK(to, length, memory->size);
    __builtin_memcpy(wasm_memory_base + to, segment + from, length);
}

#define LOAD_DATA(memory, to, segment, length) memory_init(&(memory), (segment), (length), (to), 0, (length))

/* ---- The table ---- */

static struct {
    u32 type;
    wasm_rt_function_ptr_t function;
} wasm_table[TTEE_TABLE_ENTRIES + 1];

typedef struct {
    u32 func_type_index;
    wasm_rt_function_ptr_t func;
    size_t module_offset;
} wasm_elem_segment_expr_t;

static inline void funcref_table_init(wasm_rt_funcref_table_t *table, const wasm_elem_segment_expr_t *segment,
                                      u32 size, u32 to, u32 from, u32 length, const void *same_instance,
                                      const u32 *unused) {
    (void)table, (void)same_instance, (void)unused;
    RANGE_CHECK(from, length, size);
    RANGE_CHECK(to, length, TTEE_TABLE_ENTRIES);
    for (u32 i = 0; i < length; i++) {
        wasm_table[to + i].type = wasm_types[segment[from + i].func_type_index];
        wasm_table[to + i].function = segment[from + i].func;
    }
}

static inline void funcref_table_copy(wasm_rt_funcref_table_t *table, const wasm_rt_funcref_table_t *same, u32 to,
                                      u32 from, u32 length) {
    (void)table, (void)same;
    RANGE_CHECK(to, length, TTEE_TABLE_ENTRIES);
    RANGE_CHECK(from, length, TTEE_TABLE_ENTRIES);
    __builtin_memmove(wasm_table + to, wasm_table + from, length * sizeof *wasm_table);
}

/* ---- Integers ---- */

#define I32_CLZ(x) ((x) ? (u32)__builtin_clz(x) : 32)
#define I64_CLZ(x) ((x) ? (u64)__builtin_clzll(x) : 64)
/* In 64 bits: QEMU before 8.0 lets ctzw look at the upper half of its register. */
#define I32_CTZ(x) ((u32)__builtin_ctzll((u64)(x) | (u64)1 << 32))
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
