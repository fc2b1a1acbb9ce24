/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

bool utf8_is_valid(struct span text) {
    u64 i = 0;
    while (i < text.length) {
        u8 first = text.bytes[i++];
        if (first < 0x80) continue;
        u32 follow = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc2 || first > 0xf4 || follow > text.length - i) return false;
        u32 point = first & (0x3fu >> follow);
        for (u32 k = 0; k < follow; k++) {
            u8 byte = text.bytes[i++];
            if ((byte & 0xc0) != 0x80) return false;
            point = point << 6 | (byte & 0x3f);
        }
        static const u32 least[4] = {0, 0x80, 0x800, 0x10000};
        if (point < least[follow] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    }
    return true;
}
