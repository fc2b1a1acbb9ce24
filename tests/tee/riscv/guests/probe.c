/* SPDX-License-Identifier: Apache-2.0
 * An app that passes on what a test asks of its TEE: one letter, then the import's arguments. */
#include "ttee.h"

enum { ROOM = 80 * 1024 };

/* Answers with a result as i32, then the bytes that came with it. */
static ttee_answer answer(int32_t result, const uint8_t *bytes, uint32_t length) {
    ttee_writer w = ttee_write(length + 4);
    ttee_put(&w, &result, 4);
    ttee_put(&w, bytes, length);
    return ttee_reply_writer(&w);
}

TTEE_HANDLE(request, length) {
    if (length == 0) return ttee_reply_text("nothing");
    const uint8_t *rest = request + 1;
    uint32_t n = length - 1;
    uint8_t *out = ttee_alloc(ROOM);
    if (!out) return ttee_refuse();
    switch (request[0]) {
        case '=': return ttee_reply(rest, n);
        case 'n': return ttee_refuse();
        case 'b': return ttee_reply(request, 65537);
        case 'r': ttee_random(out, 200); return ttee_reply(out, 200);
        case 'l': ttee_log((const char *)rest, n); return ttee_reply_text("");
        case 'k': ttee_derive_key(rest, n, out); return ttee_reply(out, TTEE_KEY_SIZE);
        case 'e': { /* name, 0, payload */
            ttee_slice all = {rest, n}, name = ttee_cut(&all, 0);
            return answer(ttee_extend((const char *)name.bytes, name.length, all.bytes, all.length), out, 0);
        }
        case 's': {
            int32_t result = ttee_seal(rest, n, out, ROOM);
            return answer(result, out, result < 0 ? 0 : (uint32_t)result);
        }
        case 'o': { /* in place: content and blob begin at the same byte */
            memcpy(out, rest, n);
            int32_t result = ttee_seal(out, n, out, n + TTEE_SEAL_OVERHEAD);
            return answer(result, out, result < 0 ? 0 : (uint32_t)result);
        }
        case 'S': return answer(ttee_seal(rest, n, out, n + TTEE_SEAL_OVERHEAD - 1), out, 0);
        case 'u': {
            int32_t result = ttee_unseal(rest, n, out, ROOM);
            return answer(result, out, result < 0 ? 0 : (uint32_t)result);
        }
        case 'U': return answer(ttee_unseal(rest, n, out, n - TTEE_SEAL_OVERHEAD - 1), out, 0);
        case 'p': {
            int32_t result = ttee_report(rest, n, out, ROOM);
            return answer(result, out, result < 0 ? 0 : (uint32_t)result);
        }
        case 'P': return answer(ttee_report(rest, n, out, 100), out, 0);
        case 'x': ttee_random((void *)0xfffffff0u, 16); return ttee_reply_text("reached");
        case 'y': ttee_log((const char *)request, 0xffffffffu); return ttee_reply_text("reached");
        case 'z': return ttee_reply((const void *)0xfffffff0u, 32);
        case 'd': /* everything, and then never back: what it took of the stack stays to be seen */
            ttee_random(out, 100);
            ttee_print("line");
            ttee_event("event", out, 100);
            ttee_derive_key("path", 4, out);
            ttee_unseal(out, (uint32_t)ttee_seal(out, 100, out, ROOM), out, ROOM);
            ttee_report(out, 64, out, ROOM);
            for (;;) continue;
        default: for (;;) continue;
    }
}
