/* SPDX-License-Identifier: Apache-2.0
 * Calls into the monitor (docs/spec/riscv.md, section 3), and the two ways to end. */
#pragma once
#include "base.h"

enum exit_value { EXIT_DONE = 0, EXIT_TRAP = 1, EXIT_UNUSABLE = 2, EXIT_OUT_OF_MEMORY = 3 };

enum { RANDOM_AT_ONCE = 64, REPORT_SIZE = 1352, REGISTER_SIZE = 48 };

/* Fills any range from the TEE's generator. */
void monitor_random(u8 *out, u64 length);

/* Returns to the host until it resumes this enclave. */
void monitor_stop(void);

void monitor_extend(u64 index, const u8 digest[REGISTER_SIZE]);

/* Report, then claims: the length written, or 0 when the monitor refuses. */
u64 monitor_evidence(u8 *out, u64 capacity, const u8 report_data[64]);

/* False when the monitor refuses: no authority, or a newer version's key. */
bool monitor_derive(u8 out[32], u64 policy, u64 svn, struct span path);

/* Says why on the console, wipes what is secret and leaves for good. */
_Noreturn void leave(enum exit_value value, struct span line);
