/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor.h"

enum major { UINT = 0, BYTES = 2, TEXT_STRING = 3, ARRAY = 4, MAP = 5 };

void cbor_raw(struct cbor *w, struct span bytes) {
    if (w->overflow || bytes.length > (u64)(w->end - w->at)) {
        w->overflow = true;
        return;
    }
    memcpy(w->at, bytes.bytes, bytes.length);
    w->at += bytes.length;
}

static void head(struct cbor *w, enum major major, u64 value) {
    u32 follow = value < 24 ? 0 : value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
    u8 bytes[9] = {(u8)(major << 5)};
    if (follow == 0) {
        bytes[0] |= (u8)value;
    } else {
        bytes[0] |= (u8)(24 + __builtin_ctz(follow));
        for (u32 i = 0; i < follow; i++) bytes[1 + i] = (u8)(value >> (8 * (follow - 1 - i)));
    }
    cbor_raw(w, (struct span){bytes, 1 + follow});
}

void cbor_uint(struct cbor *w, u64 value) { head(w, UINT, value); }

void cbor_bytes_head(struct cbor *w, u64 length) { head(w, BYTES, length); }

void cbor_bytes(struct cbor *w, struct span bytes) {
    cbor_bytes_head(w, bytes.length);
    cbor_raw(w, bytes);
}

void cbor_text(struct cbor *w, struct span text) {
    head(w, TEXT_STRING, text.length);
    cbor_raw(w, text);
}

void cbor_array(struct cbor *w, u64 items) { head(w, ARRAY, items); }

void cbor_map(struct cbor *w, u64 pairs) { head(w, MAP, pairs); }
