/* SPDX-License-Identifier: Apache-2.0
 * Division of f64 and f32 (IEEE 754-2019, section 5.4.1), to nearest, ties to even, for the whole range of results.
 * The compiler's run-time library cuts subnormal quotients off instead of rounding them (Zig 0.17), so these stand in
 * place of its functions of the same names. Digit by digit: plainly right before fast. */
#include <stdint.h>

#define DEFINE_DIVISION(name, fxx, uxx, fraction, bias)                                                        \
    static fxx name##_of(uxx bits) {                                                                           \
        fxx result;                                                                                            \
        __builtin_memcpy(&result, &bits, sizeof result);                                                       \
        return result;                                                                                         \
    }                                                                                                          \
    fxx name(fxx x, fxx y) {                                                                                   \
        const uxx one = (uxx)1 << fraction, infinity = (uxx)(2 * bias + 1) << fraction;                        \
        const uxx top = (uxx)1 << (sizeof(uxx) * 8 - 1);                                                       \
        uxx a, b;                                                                                              \
        __builtin_memcpy(&a, &x, sizeof a);                                                                    \
        __builtin_memcpy(&b, &y, sizeof b);                                                                    \
        const uxx sign = (a ^ b) & top;                                                                        \
        a &= ~top, b &= ~top;                                                                                  \
        if (a > infinity || b > infinity || a == b) {                                                          \
            if (a == b && a != 0 && a < infinity) return name##_of(sign | (uxx)bias << fraction);              \
            return name##_of(infinity | one >> 1); /* NaN, 0/0 or inf/inf */                                   \
        }                                                                                                      \
        if (a == infinity || b == 0) return name##_of(sign | infinity);                                        \
        if (b == infinity || a == 0) return name##_of(sign);                                                   \
                                                                                                               \
        /* Both as 1.f * 2^e, then a / b as q * 2^(e - fraction - 2): two more bits than the result has. */    \
        int ea = (int)(a >> fraction), eb = (int)(b >> fraction);                                              \
        a = ea ? (a & (one - 1)) | one : a, ea = ea ? ea : 1;                                                  \
        b = eb ? (b & (one - 1)) | one : b, eb = eb ? eb : 1;                                                  \
        while (a < one) a <<= 1, ea--;                                                                         \
        while (b < one) b <<= 1, eb--;                                                                         \
        int e = ea - eb + bias;                                                                                \
        if (a < b) a <<= 1, e--;                                                                               \
        uxx q = 0;                                                                                             \
        for (int i = 0; i < fraction + 3; i++) {                                                               \
            q <<= 1;                                                                                           \
            if (a >= b) a -= b, q |= 1;                                                                        \
            a <<= 1;                                                                                           \
        }                                                                                                      \
        if (a) q |= 1; /* the rest, as far as rounding must know of it */                                      \
        if (e < 1) {   /* subnormal: fewer bits, and the rest moves along */                                   \
            int less = 1 - e < fraction + 3 ? 1 - e : fraction + 3;                                            \
            uxx lost = q & (((uxx)1 << less) - 1);                                                             \
            q = q >> less | (lost ? 1 : 0);                                                                    \
            e = 1;                                                                                             \
        }                                                                                                      \
        uxx rest = q & 3, result = ((uxx)(e - 1) << fraction) + (q >> 2);                                      \
        result += rest == 3 || (rest == 2 && (result & 1));                                                    \
        return name##_of(sign | (e > 2 * bias || result > infinity ? infinity : result));                      \
    }

DEFINE_DIVISION(__divdf3, double, uint64_t, 52, 1023)
DEFINE_DIVISION(__divsf3, float, uint32_t, 23, 127)
