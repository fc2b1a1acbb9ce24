/* SPDX-License-Identifier: Apache-2.0
 * The sealed channel, the TEE's end (docs/spec/channel.md). */
#pragma once
#include "base.h"
#include "config.h"
#include "shared.h"

enum { CHANNEL_STEP = 256, CHANNEL_REQUESTS = 4096, CHANNEL_OVERHEAD = 48 };

void channel_setup(const struct config *config);
struct span channel_public_key(void);

/* The longest request message, and the longest reply message. */
u64 channel_request_size(void);
u64 channel_reply_size(void);

/* What a request message held. The payload lies inside of the message. */
struct sealed_request {
    struct span payload;
    u8 reply_key[32], digest[32];
};

/* Opens a message in place, once: STATUS_OK, or why not. */
enum status channel_open(struct sealed_request *request, u8 *message, u64 length);

enum reply_status { REPLY_OK = 0, REPLY_REFUSED = 1 };

/* Seals a reply of at most the manifest's length into `out`: the length of the message. Wipes the reply key. */
u64 channel_seal(u8 *out, struct sealed_request *request, enum reply_status status, struct span payload);

/* Wipes the secret key. */
void channel_forget(void);
