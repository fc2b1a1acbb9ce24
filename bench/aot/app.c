/* SPDX-License-Identifier: Apache-2.0
 * The programs as an app: a request is two u32, which program and how much of it; the reply is its result. */
#include "ttee.h"

#include "kernels.c"

TTEE_HANDLE(request, length) {
    static uint32_t result;
    uint32_t words[2];
    if (length != sizeof words) return ttee_refuse();
    memcpy(words, request, sizeof words);
    result = run_kernel(words[0], words[1]);
    return ttee_reply(&result, sizeof result);
}
