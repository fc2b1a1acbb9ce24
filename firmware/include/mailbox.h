/* SPDX-License-Identifier: Apache-2.0 */
/* Between Python and the host, in shared RAM: docs/spec/riscv.md, section 5. */
#pragma once
#include <stdint.h>

enum operation { OP_NOTHING, OP_SBI, OP_RUN, OP_RESUME, OP_LOAD, OP_STORE, OP_CALL, OP_POWER_OFF };

struct mailbox {
    uint8_t magic[8]; /* TTEEHOST */
    uint64_t request; /* sequence number, written last */
    uint64_t operation;
    uint64_t args[8];
    uint64_t cancel;
    uint64_t unused[4];
    uint64_t reply; /* sequence number, written last */
    uint64_t status, value;
    uint64_t fault_cause, fault_address;
    uint64_t instructions, ticks; /* that the operation took */
};
_Static_assert(__builtin_offsetof(struct mailbox, reply) == 128, "mailbox");
