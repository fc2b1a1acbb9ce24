/* SPDX-License-Identifier: Apache-2.0 */
/* Calling the monitor from the worlds below it. */
#pragma once
#include "sbi.h"

static inline struct sbi_result sbi_call(uint64_t function, uint64_t arg0, uint64_t arg1, uint64_t arg2) {
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = SBI_TTEE;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){a0, a1};
}
