/* SPDX-License-Identifier: Apache-2.0 */
#include "relocate.h"

void relocate(u8 *base, const struct relocation *first, const struct relocation *end) {
    for (; first < end; first++) *(u64 *)(base + first->offset) = (u64)base + first->addend;
}
