/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"
#include "shared.h"

void console_line(struct span line) {
    u8 part[64];
    u64 left = line.length < CONSOLE_LINE ? line.length : CONSOLE_LINE;
    while (left > 0) {
        u64 n = left < sizeof part ? left : sizeof part;
        for (u64 i = 0; i < n; i++) part[i] = line.bytes[i] < 0x20 || line.bytes[i] == 0x7f ? '?' : line.bytes[i];
        shared_print((struct span){part, n});
        line.bytes += n;
        left -= n;
    }
    shared_print(TEXT("\n"));
}
