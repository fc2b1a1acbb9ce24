/* SPDX-License-Identifier: Apache-2.0
 * A writer of deterministic CBOR (RFC 8949, section 4.2.1): shortest heads, definite lengths. */
#pragma once
#include "base.h"

struct cbor {
    u8 *start, *at, *end;
    bool overflow; /* something did not fit, and nothing after it was written */
};

static inline struct cbor cbor_into(u8 *buffer, u64 capacity) {
    return (struct cbor){buffer, buffer, buffer + capacity, false};
}

static inline struct span cbor_written(const struct cbor *w) { return (struct span){w->start, (u64)(w->at - w->start)}; }

void cbor_raw(struct cbor *w, struct span bytes);
void cbor_uint(struct cbor *w, u64 value);
void cbor_bytes(struct cbor *w, struct span bytes);
/* The head of a byte string whose content follows by cbor_raw. */
void cbor_bytes_head(struct cbor *w, u64 length);
void cbor_text(struct cbor *w, struct span text);
void cbor_array(struct cbor *w, u64 items);
void cbor_map(struct cbor *w, u64 pairs);
