/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

/* Runs one of the programs; its result is the same whatever it was compiled to. */
uint32_t run_kernel(uint32_t kernel, uint32_t n);
