/* SPDX-License-Identifier: Apache-2.0 */
#include "shared.h"

struct header {
    u64 magic;
    u32 operation, status;
    u64 length, printed;
};

static volatile struct header *header;
static u8 *ring, *data;
static u64 data_size, printed; /* printed: our own count, not the one that the host can change */

void shared_open(u8 *base, u64 size) {
    header = (volatile struct header *)base;
    ring = base + SHARED_CONSOLE;
    data = base + SHARED_DATA;
    data_size = size - SHARED_DATA;
}

void shared_ready(void) {
    u64 magic;
    memcpy(&magic, "TTEEUTM1", sizeof magic);
    header->magic = magic;
}

struct request shared_receive(u8 *inbox, u64 capacity) {
    struct request request = {header->operation, header->length};
    if (request.length <= capacity && request.length <= data_size) {
        memcpy(inbox, data, request.length);
    } else {
        request.length = UINT64_MAX;
    }
    return request;
}

void shared_reply(enum status status, struct span reply) {
    if (reply.length > data_size) {
        status = STATUS_TOO_LARGE;
        reply.length = 0;
    }
    memcpy(data, reply.bytes, reply.length);
    header->length = reply.length;
    header->status = status;
}

void shared_print(struct span text) {
    if (!header) return;
    for (u64 i = 0; i < text.length; i++) ring[printed++ % SHARED_CONSOLE_SIZE] = text.bytes[i];
    header->printed = printed;
}
