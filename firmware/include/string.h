/* SPDX-License-Identifier: Apache-2.0 */
/* lib/string.c */
#pragma once
#include <stddef.h>

void *memset(void *to, int value, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);
/* Zeroes memory for certain, however dead the compiler thinks it is. */
static inline void wipe(void *start, size_t n) {
    memset(start, 0, n);
    __asm__ volatile("" : : "r"(start) : "memory");
}

int memcmp(const void *left, const void *right, size_t n);
