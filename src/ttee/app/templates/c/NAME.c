// SPDX-License-Identifier: Apache-2.0
// NAME: greets whoever asks, and counts.
#include "ttee.h"

static uint64_t greeted; /* static variables keep their values between requests */

TTEE_HANDLE(request, length) {
    if (length == 0) return ttee_refuse();
    ttee_writer answer = ttee_write(length + 64);
    ttee_put_text(&answer, "Hello, ");
    ttee_put(&answer, request, length);
    ttee_put_text(&answer, "! You are number ");
    ttee_put_uint(&answer, ++greeted);
    ttee_put_text(&answer, ".\n");
    return ttee_reply_writer(&answer);
}
