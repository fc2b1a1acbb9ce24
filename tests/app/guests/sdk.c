/* SPDX-License-Identifier: Apache-2.0
 * Does with a request what its first letter says, by the helpers of ttee.h. */
#include "ttee.h"

TTEE_HANDLE(request, length) {
    static uint32_t calls;
    calls++;
    if (length == 0) return ttee_reply(&calls, 4);
    ttee_slice rest = {request + 1, length - 1};
    ttee_writer w = ttee_write(256);
    switch (request[0]) {
        case 'u': { /* decimal, plus one */
            uint64_t value;
            if (!ttee_parse_uint(rest, &value)) return ttee_reply_text("no number");
            ttee_put_uint(&w, value + 1);
            return ttee_reply_writer(&w);
        }
        case 'c': /* fields between commas, in brackets */
            do {
                ttee_slice field = ttee_cut(&rest, ',');
                ttee_put_text(&w, "[");
                ttee_put(&w, field.bytes, field.length);
                ttee_put_text(&w, "]");
            } while (rest.length);
            return ttee_reply_writer(&w);
        case 'h': ttee_put_hex(&w, rest.bytes, rest.length); return ttee_reply_writer(&w);
        case 'i': return ttee_reply_text(ttee_is(rest, "exactly this") ? "yes" : "no");
        case 'e': /* two halves */
            return ttee_reply_text(ttee_equal(rest.bytes, rest.bytes + rest.length / 2, rest.length / 2) ? "=" : "!");
        case 'm': { /* move by three, then back by one */
            uint8_t *room = ttee_alloc(rest.length + 8);
            memset(room, '.', rest.length + 8);
            memcpy(room, rest.bytes, rest.length);
            memmove(room + 3, room, rest.length);
            memmove(room + 2, room + 3, rest.length);
            return ttee_reply(room, rest.length + 8);
        }
        case 'M': return ttee_reply_text(memcmp(rest.bytes, rest.bytes + rest.length / 2, rest.length / 2) < 0 ? "<" : ">=");
        case 'a': { /* as much as there is, from the start again every time */
            uint32_t pieces = 0;
            uint8_t *piece;
            while ((piece = ttee_alloc(10000))) {
                if ((uintptr_t)piece % 16 != 0) return ttee_refuse();
                piece[9999] = 1;
                pieces++;
            }
            static uint32_t found;
            found = pieces;
            return ttee_reply(&found, sizeof found);
        }
        default: return ttee_refuse();
    }
}
