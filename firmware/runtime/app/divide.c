/* SPDX-License-Identifier: Apache-2.0
 * Division of f64 and f32 (IEEE 754-2019, section 5.4.1), to nearest, ties to even, for the whole range of results.
 * The compiler's run-time library cuts subnormal quotients off instead of rounding them (Zig 0.17), so these stand in
 * place of its functions of the same names. Long division, as many digits at a time as 64 bits hold. */
#include <stdint.h>

enum { EXTRA = 3 }; /* bits of the quotient beyond those of the result; the lowest stands for all that follow */

/* 1.f / 1.g, between 1 and 2, in steps * digits more bits; whatever remains sets the lowest. */
static uint64_t quotient(uint64_t a, uint64_t b, int steps, int digits) {
    uint64_t q = 1, rest = a - b;
    for (int i = 0; i < steps; i++) {
        rest <<= digits;
        q = q << digits | rest / b;
        rest %= b;
    }
    return q | (rest != 0);
}

/* The fraction with its leading one; `exponent` follows for subnormal numbers. */
static uint64_t normalised(uint64_t magnitude, int fraction, int *exponent) {
    const uint64_t one = (uint64_t)1 << fraction;
    *exponent = (int)(magnitude >> fraction);
    if (*exponent) return (magnitude & (one - 1)) | one;
    int shift = __builtin_clzll(magnitude) - (63 - fraction);
    *exponent = 1 - shift;
    return magnitude << shift;
}

/* Of the magnitudes, neither NaN nor infinite nor zero. */
static uint64_t divide(uint64_t a, uint64_t b, int fraction, int bias, int steps) {
    int ea, eb;
    a = normalised(a, fraction, &ea);
    b = normalised(b, fraction, &eb);
    int e = ea - eb + bias;
    if (a < b) a <<= 1, e--;
    uint64_t q = quotient(a, b, steps, (fraction + EXTRA) / steps);
    if (e < 1) { /* subnormal: fewer bits, and what they lose moves along */
        int fewer = 1 - e < 63 ? 1 - e : 63;
        q = q >> fewer | ((q & (((uint64_t)1 << fewer) - 1)) != 0);
        e = 1;
    }
    uint64_t tail = q & ((1 << EXTRA) - 1), half = 1 << (EXTRA - 1), result = q >> EXTRA;
    result += tail > half || (tail == half && (result & 1));
    result += (uint64_t)(e - 1) << fraction; /* a leading one adds one to the exponent */
    const uint64_t infinity = (uint64_t)(2 * bias + 1) << fraction;
    return e > 2 * bias || result > infinity ? infinity : result;
}

#define DEFINE_DIVISION(name, fxx, uxx, fraction, bias, steps)                                       \
    fxx name(fxx x, fxx y) {                                                                         \
        const uxx top = (uxx)1 << (sizeof(uxx) * 8 - 1), infinity = (uxx)(2 * bias + 1) << fraction; \
        uxx a, b, result;                                                                            \
        __builtin_memcpy(&a, &x, sizeof a);                                                          \
        __builtin_memcpy(&b, &y, sizeof b);                                                          \
        const uxx sign = (a ^ b) & top;                                                              \
        a &= ~top, b &= ~top;                                                                        \
        if (a > infinity || b > infinity || (a == b && (a == 0 || a == infinity)))                   \
            result = infinity | (uxx)1 << (fraction - 1); /* NaN, 0/0 or inf/inf */                  \
        else if (a == infinity || b == 0)                                                            \
            result = sign | infinity;                                                                \
        else if (b == infinity || a == 0)                                                            \
            result = sign;                                                                           \
        else                                                                                         \
            result = sign | (uxx)divide(a, b, fraction, bias, steps);                                \
        fxx value;                                                                                   \
        __builtin_memcpy(&value, &result, sizeof value);                                             \
        return value;                                                                                \
    }

DEFINE_DIVISION(__divdf3, double, uint64_t, 52, 1023, 5)
DEFINE_DIVISION(__divsf3, float, uint32_t, 23, 127, 1)
