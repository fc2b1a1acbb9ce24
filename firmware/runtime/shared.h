/* SPDX-License-Identifier: Apache-2.0
 * The pages shared with the host (UTM; docs/spec/riscv.md, section 6). The host may change any byte at any
 * time: every field is read once, and nothing is looked at before it was copied into the enclave. */
#pragma once
#include "base.h"

enum operation { OPERATION_ATTEST = 1, OPERATION_CALL = 2, OPERATION_ECHO = 3 };

enum status {
    STATUS_OK = 0,
    STATUS_UNKNOWN_OPERATION = 1,
    STATUS_TOO_LARGE = 2,
    STATUS_CANNOT_OPEN = 3,
    STATUS_REPLAYED = 4,
    STATUS_KEYS_USED_UP = 5,
    STATUS_EVIDENCE_REFUSED = 6,
    STATUS_MALFORMED = 7,
};

enum { SHARED_CONSOLE = 4096, SHARED_CONSOLE_SIZE = 4096, SHARED_DATA = 8192 };

struct request {
    u32 operation;
    u64 length; /* may be more than the inbox holds: then nothing was copied */
};

void shared_open(u8 *base, u64 size);
void shared_ready(void);

/* Copies the host's request into `inbox`, once, if it fits. */
struct request shared_receive(u8 *inbox, u64 capacity);
void shared_reply(enum status status, struct span data);

/* Appends to the console ring. */
void shared_print(struct span bytes);
