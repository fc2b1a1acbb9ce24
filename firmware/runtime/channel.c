/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"
#include "crypto.h"
#include "memory.h"
#include "monitor.h"

enum { KEY = 32, TAG = 16, REQUEST_HEAD = KEY + 4, REPLY_HEAD = 8 };

static const struct config *config;
static u8 public_key[KEY], secret_key[KEY];
static u8 (*seen)[KEY]; /* the enc of every request that the present key has opened */
static u32 seen_count;
static u8 info[sizeof "ttee/channel/1 request" - 1 + MEASUREMENT_SIZE];

static void renew(void) {
    monitor_random(secret_key, sizeof secret_key);
    rt_x25519_public(public_key, secret_key);
    seen_count = 0;
}

void channel_setup(const struct config *c) {
    config = c;
    seen = (u8(*)[KEY])memory_take((u64)CHANNEL_REQUESTS * KEY);
    struct span label = TEXT("ttee/channel/1 request");
    memcpy(info, label.bytes, label.length);
    memcpy(info + label.length, config->app, MEASUREMENT_SIZE);
    renew();
}

void channel_forget(void) { rt_wipe(secret_key, sizeof secret_key); }

struct span channel_public_key(void) { return (struct span){public_key, sizeof public_key}; }

u64 channel_request_size(void) {
    return round_up(REQUEST_HEAD + (u64)config->request, CHANNEL_STEP) + CHANNEL_OVERHEAD;
}

u64 channel_reply_size(void) { return round_up(REPLY_HEAD + (u64)config->reply, CHANNEL_STEP) + TAG; }

static u32 u32_at(const u8 *bytes) {
    u32 value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static bool was_seen(const u8 *enc) {
    for (u32 i = 0; i < seen_count; i++) {
        if (memcmp(seen[i], enc, KEY) == 0) return true;
    }
    return false;
}

/* The plaintext: reply key, length, payload, zeros, in whole steps and not one more than needed. */
static bool parse(struct sealed_request *request, const u8 *plain, u64 length) {
    if (length < REQUEST_HEAD) return false;
    request->payload = (struct span){plain + REQUEST_HEAD, u32_at(plain + KEY)};
    if (length != round_up(REQUEST_HEAD + request->payload.length, CHANNEL_STEP)) return false;
    for (u64 i = REQUEST_HEAD + request->payload.length; i < length; i++) {
        if (plain[i] != 0) return false;
    }
    memcpy(request->reply_key, plain, KEY);
    return true;
}

enum status channel_open(struct sealed_request *request, u8 *message, u64 length) {
    if (seen_count == CHANNEL_REQUESTS) {
        renew();
        return STATUS_KEYS_USED_UP;
    }
    rt_sha256(request->digest, message, length);
    if (!rt_hpke_open(message, length, secret_key, public_key, info, sizeof info)) return STATUS_CANNOT_OPEN;
    /* Only what was sealed to this key counts, so that noise neither fills the table nor probes it. */
    if (was_seen(message)) return STATUS_REPLAYED;
    memcpy(seen[seen_count++], message, KEY);
    if (!parse(request, message + KEY, length - CHANNEL_OVERHEAD)) return STATUS_CANNOT_OPEN;
    return request->payload.length > config->request ? STATUS_TOO_LARGE : STATUS_OK;
}

u64 channel_seal(u8 *out, struct sealed_request *request, enum reply_status status, struct span payload) {
    const u32 head[2] = {status, (u32)payload.length};
    u64 plain = round_up(REPLY_HEAD + payload.length, CHANNEL_STEP);
    memcpy(out, head, sizeof head);
    memmove(out + REPLY_HEAD, payload.bytes, payload.length);
    memset(out + REPLY_HEAD + payload.length, 0, plain - REPLY_HEAD - payload.length);
    rt_reply_seal(out, plain, request->reply_key, request->digest);
    rt_wipe(request->reply_key, sizeof request->reply_key);
    return plain + TAG;
}
