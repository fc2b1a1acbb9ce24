/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"
#include "crypto.h"
#include "memory.h"
#include "utf8.h"

enum { ARRAY_HEAD = 3, EVENT_MOST = 16 + EVENT_NAME + EVENT_PAYLOAD };

static u8 registers[REGISTERS][REGISTER_SIZE];
static struct cbor entries; /* the array's items, without its head */
static u32 count;

void events_setup(void) { entries = cbor_into(memory_take(LOG_SIZE - ARRAY_HEAD), LOG_SIZE - ARRAY_HEAD); }

const u8 *register_value(u32 index) { return registers[index]; }

static bool append(u32 index, struct span name, struct span payload) {
    if (count == LOG_EVENTS) return false;
    struct cbor w = entries;
    cbor_array(&w, 3);
    cbor_uint(&w, index);
    cbor_text(&w, name);
    cbor_bytes(&w, payload);
    if (w.overflow) return false;
    entries = w;
    count++;
    return true;
}

enum event_result event_extend(u32 index, struct span name, struct span payload) {
    if (name.length < 1 || name.length > EVENT_NAME || payload.length > EVENT_PAYLOAD || !utf8_is_valid(name))
        return EVENT_NOT_ALLOWED;
    if (!append(index, name, payload)) return EVENT_LOG_FULL;

    u8 event[sizeof "ttee/event/1" + EVENT_MOST];
    struct cbor w = cbor_into(event, sizeof event);
    cbor_raw(&w, TEXT("ttee/event/1"));
    cbor_array(&w, 2);
    cbor_text(&w, name);
    cbor_bytes(&w, payload);
    u8 chain[2 * REGISTER_SIZE];
    memcpy(chain, registers[index], REGISTER_SIZE);
    rt_sha384(chain + REGISTER_SIZE, event, cbor_written(&w).length);
    monitor_extend(index, chain + REGISTER_SIZE);
    rt_sha384(registers[index], chain, sizeof chain);
    return EVENT_DONE;
}

void events_put(struct cbor *w) {
    u8 head[ARRAY_HEAD];
    struct cbor array = cbor_into(head, sizeof head);
    cbor_array(&array, count);
    struct span opening = cbor_written(&array), items = cbor_written(&entries);
    cbor_bytes_head(w, opening.length + items.length);
    cbor_raw(w, opening);
    cbor_raw(w, items);
}
