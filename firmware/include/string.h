/* SPDX-License-Identifier: Apache-2.0 */
/* lib/string.c */
#pragma once
#include <stddef.h>

void *memset(void *to, int value, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);
int memcmp(const void *left, const void *right, size_t n);
