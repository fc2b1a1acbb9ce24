/* SPDX-License-Identifier: Apache-2.0
 * Floating point (WebAssembly Core Specification 2.0, section 4.3.3), on a machine without an FPU: arithmetic comes
 * from the compiler's run-time library. A NaN that an operation makes is quiet; its other bits are unspecified. */
#pragma once

#define copysign __builtin_copysign
#define copysignf __builtin_copysignf

#define DEFINE_REINTERPRET(name, from, to)            \
    static inline to name(from x) {                   \
        to result;                                    \
        __builtin_memcpy(&result, &x, sizeof result); \
        return result;                                \
    }

DEFINE_REINTERPRET(f32_reinterpret_i32, u32, f32)
DEFINE_REINTERPRET(i32_reinterpret_f32, f32, u32)
DEFINE_REINTERPRET(f64_reinterpret_i64, u64, f64)
DEFINE_REINTERPRET(i64_reinterpret_f64, f64, u64)

/* The same for both widths: `f` suffix, type, bits, stored fraction bits, bias. */
#define DEFINE_FLOAT(f, fxx, uxx, fraction, bias, float_of, bits_of, square_root)                            \
    static inline fxx wasm_quiet##f(fxx x) {                                                                 \
        return x != x ? float_of(bits_of(x) | (uxx)1 << (fraction - 1)) : x;                                 \
    }                                                                                                        \
    static inline fxx wasm_fabs##f(fxx x) { return float_of(bits_of(x) & ~(uxx)0 >> 1); }                    \
    static inline fxx wasm_sqrt##f(fxx x) { return x != x ? wasm_quiet##f(x) : square_root(x); }             \
    static fxx wasm_trunc##f(fxx x) {                                                                        \
        uxx bits = bits_of(x), magnitude = bits & ~(uxx)0 >> 1, sign = bits ^ magnitude;                     \
        int exponent = (int)(magnitude >> fraction) - bias;                                                  \
        if (exponent >= fraction) return wasm_quiet##f(x); /* integral, infinite or NaN */                   \
        if (exponent < 0) return float_of(sign);                                                             \
        return float_of(bits & ~(((uxx)1 << (fraction - exponent)) - 1));                                    \
    }                                                                                                        \
    static fxx wasm_floor##f(fxx x) {                                                                        \
        fxx whole = wasm_trunc##f(x);                                                                        \
        return whole > x ? whole - 1 : whole;                                                                \
    }                                                                                                        \
    static fxx wasm_ceil##f(fxx x) {                                                                         \
        fxx whole = wasm_trunc##f(x);                                                                        \
        return whole < x ? whole + 1 : whole;                                                                \
    }                                                                                                        \
    /* Ties to even: adding 2^fraction leaves no room for a fraction, and rounds as every addition does. */  \
    static fxx wasm_nearbyint##f(fxx x) {                                                                    \
        const fxx large = (fxx)((uxx)1 << fraction);                                                         \
        fxx magnitude = wasm_fabs##f(x);                                                                     \
        if (!(magnitude < large)) return wasm_quiet##f(x);                                                   \
        fxx whole = (magnitude + large) - large;                                                             \
        return float_of(bits_of(whole) | (bits_of(x) & ~(~(uxx)0 >> 1)));                                    \
    }

DEFINE_FLOAT(f, f32, u32, 23, 127, f32_reinterpret_i32, i32_reinterpret_f32, __builtin_sqrtf)
DEFINE_FLOAT(, f64, u64, 52, 1023, f64_reinterpret_i64, i64_reinterpret_f64, __builtin_sqrt)

/* A NaN wins, and of two zeros the negative one is the smaller. */
#define FMIN(x, y)                      \
    ((x) != (x) || (y) != (y) ? __builtin_nanf("") \
     : (x) == 0 && (y) == 0   ? (__builtin_signbit(x) ? (x) : (y)) \
                              : ((x) < (y) ? (x) : (y)))
#define FMAX(x, y)                      \
    ((x) != (x) || (y) != (y) ? __builtin_nanf("") \
     : (x) == 0 && (y) == 0   ? (__builtin_signbit(x) ? (y) : (x)) \
                              : ((x) > (y) ? (x) : (y)))

/* Float to integer: `inside` says whether the truncated value fits. */
#define TRUNC(result, way, x, inside)                      \
    (UNLIKELY((x) != (x))   ? TRAP(INVALID_CONVERSION)     \
     : UNLIKELY(!(inside)) ? TRAP(INT_OVERFLOW)            \
                           : (result)(way)(x))
#define I32_TRUNC_S_F32(x) TRUNC(u32, s32, x, (x) >= -0x1p31f && (x) < 0x1p31f)
#define I64_TRUNC_S_F32(x) TRUNC(u64, s64, x, (x) >= -0x1p63f && (x) < 0x1p63f)
#define I32_TRUNC_S_F64(x) TRUNC(u32, s32, x, (x) > -2147483649. && (x) < 0x1p31)
#define I64_TRUNC_S_F64(x) TRUNC(u64, s64, x, (x) >= -0x1p63 && (x) < 0x1p63)
#define I32_TRUNC_U_F32(x) TRUNC(u32, u32, x, (x) > -1 && (x) < 0x1p32f)
#define I64_TRUNC_U_F32(x) TRUNC(u64, u64, x, (x) > -1 && (x) < 0x1p64f)
#define I32_TRUNC_U_F64(x) TRUNC(u32, u32, x, (x) > -1 && (x) < 0x1p32)
#define I64_TRUNC_U_F64(x) TRUNC(u64, u64, x, (x) > -1 && (x) < 0x1p64)

/* The same without traps: NaN is 0, and what does not fit is the nearest that does. */
#define TRUNC_SAT(result, way, x, fits_below, least, fits_above, most) \
    ((x) != (x) ? 0 : !(fits_below) ? (result)(least) : !(fits_above) ? (result)(most) : (result)(way)(x))
#define I32_TRUNC_SAT_S_F32(x) TRUNC_SAT(u32, s32, x, (x) >= -0x1p31f, INT32_MIN, (x) < 0x1p31f, INT32_MAX)
#define I64_TRUNC_SAT_S_F32(x) TRUNC_SAT(u64, s64, x, (x) >= -0x1p63f, INT64_MIN, (x) < 0x1p63f, INT64_MAX)
#define I32_TRUNC_SAT_S_F64(x) TRUNC_SAT(u32, s32, x, (x) > -2147483649., INT32_MIN, (x) < 0x1p31, INT32_MAX)
#define I64_TRUNC_SAT_S_F64(x) TRUNC_SAT(u64, s64, x, (x) >= -0x1p63, INT64_MIN, (x) < 0x1p63, INT64_MAX)
#define I32_TRUNC_SAT_U_F32(x) TRUNC_SAT(u32, u32, x, (x) > -1, 0, (x) < 0x1p32f, UINT32_MAX)
#define I64_TRUNC_SAT_U_F32(x) TRUNC_SAT(u64, u64, x, (x) > -1, 0, (x) < 0x1p64f, UINT64_MAX)
#define I32_TRUNC_SAT_U_F64(x) TRUNC_SAT(u32, u32, x, (x) > -1, 0, (x) < 0x1p32, UINT32_MAX)
#define I64_TRUNC_SAT_U_F64(x) TRUNC_SAT(u64, u64, x, (x) > -1, 0, (x) < 0x1p64, UINT64_MAX)
