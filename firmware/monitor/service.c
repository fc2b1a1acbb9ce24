/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave may ask for. Its pointers count only inside its own memory, which nobody else changes meanwhile. */
#include "monitor.h"
#include "string.h"

static struct sbi_result failed(uint64_t error) { return (struct sbi_result){error, 0}; }

static struct sbi_result fill_random(const struct enclave *enclave, uint64_t out, uint64_t len) {
    if (len > RANDOM_MOST || !in_enclave(enclave, out, len)) return failed(SBI_ILLEGAL_ARGUMENT);
    entropy_fill((void *)out, len);
    return failed(SBI_OK);
}

static struct sbi_result extend_register(struct enclave *enclave, uint64_t index, uint64_t digest) {
    if (index >= REGISTERS || !in_enclave(enclave, digest, 48)) return failed(SBI_ILLEGAL_ARGUMENT);
    extend(enclave->registers[index], (const uint8_t *)digest);
    return failed(SBI_OK);
}

struct sbi_result service(struct enclave *enclave, const struct context *call) {
    const uint64_t a0 = call->x[A0], a1 = call->x[A1], a2 = call->x[A2];
    switch (call->x[A6]) {
    case CALL_RANDOM: return fill_random(enclave, a0, a1);
    case CALL_EXTEND: return extend_register(enclave, a0, a1);
    case CALL_EVIDENCE: return evidence(enclave, a0, a1, a2);
    case CALL_DERIVE: return seal_derive(enclave, a0);
    default: return failed((uint64_t)SBI_NOT_SUPPORTED);
    }
}
