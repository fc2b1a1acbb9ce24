/* SPDX-License-Identifier: Apache-2.0
 * Evidence: the monitor's report and claims over the runtime's statement (docs/spec/report-data.md). */
#pragma once
#include "base.h"
#include "config.h"
#include "events.h"

enum {
    NONCE_SMALLEST = 16,
    NONCE_LARGEST = 64,
    USER_DATA_LARGEST = 64,
    CLAIMS_LARGEST = 1024,
    STATEMENT_LARGEST = 640,
    EVIDENCE_LARGEST = LOG_SIZE + CLAIMS_LARGEST + REPORT_SIZE + STATEMENT_LARGEST + 64,
};

void evidence_setup(const struct config *config);

/* The CBOR map {log, claims, report, statement}: its length, or 0 when the monitor refuses. `out` takes
 * EVIDENCE_LARGEST bytes. */
u64 evidence_write(u8 *out, struct span nonce, struct span user_data);
