/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's questions about addresses, one symbol for each, so that a proof can be asked about it alone; and where
 * the monitor keeps what the proofs look at, in the order of tools/prove/layout.py. */
#include "bounds.h"
#include "monitor.h"
#include "rom.h"

#define KEEP __attribute__((used))
bool probe_is_range(uint64_t base, uint64_t size);
bool probe_is_inside(uint64_t base, uint64_t size, uint64_t outer, uint64_t outer_size);
bool probe_overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size);
bool probe_is_napot(uint64_t base, uint64_t size);
uint64_t probe_napot(uint64_t base, uint64_t size);
bool probe_is_layout(const struct creation_record *r);
bool probe_is_creatable(const struct creation_record *r, uint64_t pool, uint64_t pool_size);

KEEP bool probe_is_range(uint64_t base, uint64_t size) { return is_range(base, size); }
KEEP bool probe_is_inside(uint64_t base, uint64_t size, uint64_t outer, uint64_t outer_size) {
    return is_inside(base, size, outer, outer_size);
}
KEEP bool probe_overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
    return overlaps(a, a_size, b, b_size);
}
KEEP bool probe_is_napot(uint64_t base, uint64_t size) { return is_napot(base, size); }
KEEP uint64_t probe_napot(uint64_t base, uint64_t size) { return napot(base, size); }
KEEP bool probe_is_layout(const struct creation_record *r) { return is_layout(r); }
KEEP bool probe_is_creatable(const struct creation_record *r, uint64_t pool, uint64_t pool_size) {
    return is_creatable(r, pool, pool_size);
}

#define AT(field) __builtin_offsetof(struct enclave, field)
#define LENT(function) (PFLASH + __builtin_offsetof(struct rom, function))
KEEP const uint64_t probe_layout[] = {
    SLOTS, sizeof(struct enclave), AT(state), AT(context), AT(epm), AT(epm_size), AT(utm), AT(utm_size),
    AT(measurement), AT(registers), FREE, FRESH, RUNNING,
    MAILBOX, POOL, RAM, RAM_MOST, sizeof(struct creation_record), CLAIMS_MOST, REPORT_SIZE, RANDOM_MOST, SEAL_PATH_MOST,
    LENT(sha3_512), LENT(sha_512), LENT(sha_384), LENT(hkdf_sha3_512), LENT(eddsa_sign), LENT(eddsa_verify),
};
