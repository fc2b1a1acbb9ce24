/* SPDX-License-Identifier: Apache-2.0
 * The enclave runtime: sets itself up, then serves one request of the host after the other. */
#include "app.h"
#include "channel.h"
#include "config.h"
#include "crypto.h"
#include "events.h"
#include "evidence.h"
#include "layout.h"
#include "memory.h"
#include "monitor.h"
#include "services.h"
#include "shared.h"

/* docs/spec/riscv.md, section 3, Entry; in the order of start.S. */
struct entry {
    u8 *epm;
    u64 epm_size;
    const struct config *config;
    struct app_image *app;
    u8 *free, *utm;
    u64 utm_size;
};

static const struct config *config;
static u8 *stack_bottom;
static u8 *inbox, *outbox;
static u64 inbox_size;

static u64 larger(u64 a, u64 b) { return a > b ? a : b; }

/* The registers say who we are before anything that a client sent is looked at. */
static void record_identity(void) {
    u8 digest[48];
    rt_sha384(digest, (const u8 *)config, sizeof *config);
    event_extend(0, TEXT("app"), (struct span){config->app, MEASUREMENT_SIZE});
    event_extend(0, TEXT("config"), (struct span){digest, sizeof digest});
    event_extend(0, TEXT("system-ready"), (struct span){NULL, 0});
}

static void setup(const struct entry *entry) {
    u64 outbox_size;
    config = entry->config;
    stack_bottom = entry->free;
    if (entry->utm_size < SHARED_DATA) leave(EXIT_UNUSABLE, TEXT("shared pages: too small"));
    shared_open(entry->utm, entry->utm_size);
    /* Above linear memory, the app's stray accesses would reach what the host reads. */
    if (entry->utm >= entry->epm) leave(EXIT_UNUSABLE, TEXT("shared pages: must lie below the enclave"));
    config_check(config);

    u8 *stack_top = entry->free + config->stack + STACK_GUARD + STACK_RUNTIME;
    memory_setup(stack_bottom, stack_top, entry->epm + entry->epm_size, config->memory_pages);
    events_setup();
    evidence_setup(config);
    channel_setup(config);
    inbox_size = channel_request_size();
    outbox_size = larger(channel_reply_size(), larger(inbox_size, EVIDENCE_LARGEST));
    if (entry->utm_size - SHARED_DATA < outbox_size) leave(EXIT_UNUSABLE, TEXT("shared pages: too small"));
    inbox = memory_take(inbox_size);
    outbox = memory_take(outbox_size);

    record_identity();
    services_setup(config, outbox);
    app_start(entry->app, (u64)(entry->free - (u8 *)entry->app), config->stack);
}

/* Lets the app answer, and seals what it says. */
static u64 answer(struct sealed_request *request) {
    u32 length = (u32)request->payload.length;
    u32 address = app_alloc(length);
    if (address == 0) return channel_seal(outbox, request, REPLY_REFUSED, TEXT("no room for the request"));
    memcpy(linear_range(address, length), request->payload.bytes, length);
    u64 reply = app_handle(address, length);
    if (reply == UINT64_MAX) return channel_seal(outbox, request, REPLY_REFUSED, TEXT("refused by the app"));
    struct span payload = {linear_range((u32)(reply >> 32), (u32)reply), (u32)reply};
    if (payload.length > config->reply)
        return channel_seal(outbox, request, REPLY_REFUSED, TEXT("the reply is larger than the app's limit"));
    return channel_seal(outbox, request, REPLY_OK, payload);
}

/* In start.S: zeros from `bottom` up to the caller's frame. */
void stack_wipe(u8 *bottom);

static void call(u64 length) {
    struct sealed_request request;
    enum status status = channel_open(&request, inbox, length);
    u64 written = status == STATUS_OK ? answer(&request) : 0;
    rt_wipe(&request, sizeof request);
    rt_wipe(inbox, length);
    stack_wipe(stack_bottom); /* keys, and the app's own values */
    shared_reply(status, (struct span){outbox, written});
}

static void attest(u64 length) {
    if (length < NONCE_SMALLEST || length > NONCE_LARGEST) {
        shared_reply(STATUS_MALFORMED, (struct span){NULL, 0});
        return;
    }
    u64 written = evidence_write(outbox, (struct span){inbox, length}, (struct span){NULL, 0});
    shared_reply(written ? STATUS_OK : STATUS_EVIDENCE_REFUSED, (struct span){outbox, written});
}

static void serve(void) {
    struct request request = shared_receive(inbox, inbox_size);
    if (request.operation < OPERATION_ATTEST || request.operation > OPERATION_ECHO)
        shared_reply(STATUS_UNKNOWN_OPERATION, (struct span){NULL, 0});
    else if (request.length > inbox_size)
        shared_reply(STATUS_TOO_LARGE, (struct span){NULL, 0});
    else if (request.operation == OPERATION_ATTEST)
        attest(request.length);
    else if (request.operation == OPERATION_CALL)
        call(request.length);
    else
        shared_reply(STATUS_OK, (struct span){inbox, request.length});
}

_Noreturn void runtime_main(const struct entry *entry) {
    setup(entry);
    stack_wipe(stack_bottom);
    shared_ready();
    for (;;) {
        monitor_stop();
        serve();
    }
}
