/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor.h"
#include "channel.h"
#include "console.h"
#include "memory.h"

enum { EXTENSION = 0x08424b45 };
enum call { RANDOM = 3001, STOP = 3004, EXTEND = 3101, EVIDENCE = 3102, DERIVE = 3103 };
enum { STOP_EDGE_CALL = 1 };

struct result {
    u64 error, value;
};

static struct result call(enum call function, u64 x, u64 y, u64 z) {
    register u64 a0 __asm__("a0") = x;
    register u64 a1 __asm__("a1") = y;
    register u64 a2 __asm__("a2") = z;
    register u64 a6 __asm__("a6") = function;
    register u64 a7 __asm__("a7") = EXTENSION;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct result){a0, a1};
}

void monitor_random(u8 *out, u64 length) {
    while (length > 0) {
        u64 part = length < RANDOM_AT_ONCE ? length : RANDOM_AT_ONCE;
        if (call(RANDOM, (u64)out, part, 0).error) leave(EXIT_UNUSABLE, TEXT("monitor: no randomness"));
        out += part;
        length -= part;
    }
}

void monitor_stop(void) { call(STOP, STOP_EDGE_CALL, 0, 0); }

void monitor_extend(u64 index, const u8 digest[REGISTER_SIZE]) {
    if (call(EXTEND, index, (u64)digest, 0).error) leave(EXIT_UNUSABLE, TEXT("monitor: no register"));
}

u64 monitor_evidence(u8 *out, u64 capacity, const u8 report_data[64]) {
    struct result r = call(EVIDENCE, (u64)out, capacity, (u64)report_data);
    return r.error || r.value < REPORT_SIZE || r.value > capacity ? 0 : r.value;
}

bool monitor_derive(u8 out[32], u64 policy, u64 svn, struct span path) {
    const u64 record[6] = {(u64)out, policy, svn, (u64)path.bytes, path.length, 0};
    return call(DERIVE, (u64)record, 0, 0).error == 0;
}

_Noreturn void leave(enum exit_value value, struct span line) {
    console_line(line);
    channel_forget();
    memory_leave(value);
}
