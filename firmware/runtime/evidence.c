/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"
#include "channel.h"
#include "crypto.h"
#include "memory.h"

static const struct config *config;
static u8 *answer; /* of the monitor: report, then claims */

void evidence_setup(const struct config *c) {
    config = c;
    answer = memory_take(REPORT_SIZE + CLAIMS_LARGEST);
}

static void put_statement(struct cbor *w, struct span nonce, struct span user_data) {
    cbor_map(w, 5);
    cbor_text(w, TEXT("app"));
    cbor_bytes(w, (struct span){config->app, MEASUREMENT_SIZE});
    cbor_text(w, TEXT("nonce"));
    cbor_bytes(w, nonce);
    cbor_text(w, TEXT("registers"));
    cbor_array(w, REGISTERS);
    for (u32 i = 0; i < REGISTERS; i++) cbor_bytes(w, (struct span){register_value(i), REGISTER_SIZE});
    cbor_text(w, TEXT("user_data"));
    cbor_bytes(w, user_data);
    cbor_text(w, TEXT("channel_key"));
    cbor_bytes(w, channel_public_key());
}

u64 evidence_write(u8 *out, struct span nonce, struct span user_data) {
    static const struct span prefix = TEXT("ttee/report-data/1");
    u8 signed_bytes[STATEMENT_LARGEST];
    struct cbor w = cbor_into(signed_bytes, sizeof signed_bytes);
    cbor_raw(&w, prefix);
    put_statement(&w, nonce, user_data);
    struct span preimage = cbor_written(&w);
    struct span statement = {preimage.bytes + prefix.length, preimage.length - prefix.length};

    u8 report_data[64];
    rt_sha512(report_data, preimage.bytes, preimage.length);
    u64 length = monitor_evidence(answer, REPORT_SIZE + CLAIMS_LARGEST, report_data);
    if (w.overflow || length == 0) return 0;

    w = cbor_into(out, EVIDENCE_LARGEST);
    cbor_map(&w, 4);
    cbor_text(&w, TEXT("log"));
    events_put(&w);
    cbor_text(&w, TEXT("claims"));
    cbor_bytes(&w, (struct span){answer + REPORT_SIZE, length - REPORT_SIZE});
    cbor_text(&w, TEXT("report"));
    cbor_bytes(&w, (struct span){answer, REPORT_SIZE});
    cbor_text(&w, TEXT("statement"));
    cbor_bytes(&w, statement);
    return w.overflow ? 0 : cbor_written(&w).length;
}
