/* SPDX-License-Identifier: Apache-2.0
 * The enclave's free memory: buffers for the runtime from its start, the app's linear memory at its end. */
#pragma once
#include "base.h"

/* `stack` is the first free byte and the end of the stack's room, `free` the first byte above it. */
void memory_setup(u8 *stack, u8 *free, u8 *end, u32 largest_pages);

/* Room for the lifetime of the enclave, aligned to 16 and zero; leaves when there is none. */
u8 *memory_take(u64 size);

/* Wipes all of it, stack and linear memory too, and ends the enclave with this value. */
_Noreturn void memory_leave(u64 value);

/* ---- Linear memory ---- */

/* Makes linear memory of `initial` pages that may grow to `maximum`, or to the manifest's limit if that is less. */
void linear_open(u32 initial, u32 maximum);

/* memory.grow: the number of pages before, or UINT32_MAX. */
u32 linear_grow(u32 pages);

/* A range that the app named; a trap if any of it is outside. */
u8 *linear_range(u32 address, u32 length);
