/* SPDX-License-Identifier: Apache-2.0 */
#include "services.h"
#include "console.h"
#include "crypto.h"
#include "events.h"
#include "evidence.h"
#include "memory.h"
#include "monitor.h"
#include "sealing.h"

enum { OK = 0, TOO_SMALL = -1, LOG_FULL = -2, NOT_SEALED = -3, REFUSED = -4 };
enum { APP_REGISTER = 3, PATH_LARGEST = 128, KEY = 32 };

static u8 *scratch;

static struct span range(u32 address, u32 length) { return (struct span){linear_range(address, length), length}; }

static void app_random(u32 address, u32 length) { monitor_random(linear_range(address, length), length); }

static void app_log(u32 address, u32 length) { console_line(range(address, length)); }

static u32 app_extend(u32 name, u32 name_length, u32 payload, u32 payload_length) {
    switch (event_extend(APP_REGISTER, range(name, name_length), range(payload, payload_length))) {
        case EVENT_DONE: return OK;
        case EVENT_LOG_FULL: return (u32)LOG_FULL;
        default: return (u32)REFUSED;
    }
}

/* Below a path of their own, the app's keys never meet those of sealing. */
static void app_derive_key(u32 path, u32 path_length, u32 out) {
    static const struct span prefix = TEXT("ttee/derive/1");
    u8 full[sizeof "ttee/derive/1" + PATH_LARGEST];
    struct span given = range(path, path_length);
    u8 *key = linear_range(out, KEY);
    if (given.length > PATH_LARGEST) app_trap(TRAP_OUT_OF_BOUNDS);
    memcpy(full, prefix.bytes, prefix.length);
    memcpy(full + prefix.length, given.bytes, given.length);
    sealing_key(key, (struct span){full, prefix.length + given.length});
}

static u32 app_seal(u32 in, u32 in_length, u32 out, u32 capacity) {
    struct span content = range(in, in_length);
    u8 *blob = linear_range(out, capacity);
    if (content.length + SEAL_OVERHEAD > capacity) return (u32)TOO_SMALL;
    return (u32)sealing_seal(blob, content);
}

static u32 app_unseal(u32 in, u32 in_length, u32 out, u32 capacity) {
    struct span blob = range(in, in_length);
    u8 *content = linear_range(out, capacity);
    if (blob.length < SEAL_OVERHEAD) return (u32)NOT_SEALED;
    if (blob.length - SEAL_OVERHEAD > capacity) return (u32)TOO_SMALL;
    return sealing_unseal(content, blob) ? (u32)(blob.length - SEAL_OVERHEAD) : (u32)NOT_SEALED;
}

static u32 app_report(u32 user_data, u32 length, u32 out, u32 capacity) {
    struct span chosen = range(user_data, length);
    u8 *to = linear_range(out, capacity);
    if (chosen.length > USER_DATA_LARGEST) return (u32)REFUSED;
    u64 written = evidence_write(scratch, (struct span){NULL, 0}, chosen);
    if (written == 0) return (u32)REFUSED;
    if (written > capacity) return (u32)TOO_SMALL;
    memcpy(to, scratch, written);
    return (u32)written;
}

const struct app_services services = {
    .trap = app_trap,
    .memory_open = linear_open,
    .memory_grow = linear_grow,
    .random = app_random,
    .log = app_log,
    .extend = app_extend,
    .derive_key = app_derive_key,
    .seal = app_seal,
    .unseal = app_unseal,
    .report = app_report,
};

void services_setup(const struct config *config, u8 *buffer) {
    scratch = buffer;
    sealing_setup(config);
}
