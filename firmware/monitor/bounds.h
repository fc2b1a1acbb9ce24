/* SPDX-License-Identifier: Apache-2.0 */
/* Every question about addresses that the monitor asks. Pure, no loops, no memory, so that each can be proved for all
 * inputs. Nothing here may overflow: sizes are compared with what is left, never added to an address first. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sbi.h"

#define BOUNDS_PAGE UINT64_C(4096)

/* [base, base + size) does not wrap around the end of the address space, and has at least one byte. */
static inline bool is_range(uint64_t base, uint64_t size) { return size != 0 && size - 1 <= UINT64_MAX - base; }

/* [base, base + size) lies within [outer, outer + outer_size). Both sides may be hostile. */
static inline bool is_inside(uint64_t base, uint64_t size, uint64_t outer, uint64_t outer_size) {
    return is_range(base, size) && is_range(outer, outer_size) && size <= outer_size && base >= outer &&
           base - outer <= outer_size - size;
}

/* The two ranges share a byte. Asked only of ranges that do not wrap. */
static inline bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
    return a < b ? b - a < a_size : a - b < b_size;
}

/* A naturally aligned power of two, at least a page: what one PMP entry can describe. */
static inline bool is_napot(uint64_t base, uint64_t size) {
    return size >= BOUNDS_PAGE && (size & (size - 1)) == 0 && (base & (size - 1)) == 0;
}

/* The pmpaddr value for it. */
static inline uint64_t napot(uint64_t base, uint64_t size) { return base >> 2 | ((size >> 3) - 1); }

/* Page-aligned images in their order: runtime, one config page, app, free memory, all within the EPM. */
static inline bool is_layout(const struct creation_record *r) {
    return ((r->runtime | r->user | r->free) & (BOUNDS_PAGE - 1)) == 0 && r->epm < r->runtime &&
           r->user > r->runtime && r->user - r->runtime == BOUNDS_PAGE && r->user <= r->free &&
           r->free >= r->epm && r->free - r->epm <= r->epm_size;
}

/* A record that could be created if nothing else were there. */
static inline bool is_creatable(const struct creation_record *r, uint64_t pool, uint64_t pool_size) {
    return r->reserved == 0 && is_napot(r->epm, r->epm_size) && is_napot(r->utm, r->utm_size) &&
           is_inside(r->epm, r->epm_size, pool, pool_size) && is_inside(r->utm, r->utm_size, pool, pool_size) &&
           is_layout(r);
}
