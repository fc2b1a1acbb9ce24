/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone's enclave measurement, read in place: the EPM is closed to everybody else by now. */
#include "monitor.h"
#include "rom.h"
#include "string.h"

void measure(uint8_t measurement[64], const struct creation_record *record) {
    const uint64_t sizes[3] = {record->runtime - record->epm, record->user - record->runtime,
                               record->free - record->user};
    const struct span parts[] = {{sizes, sizeof sizes}, {(const void *)record->epm, record->free - record->epm}};
    ROM->sha3_512(measurement, parts, COUNT(parts));
}

/* R = SHA-384(R || digest), as TDX extends an RTMR. */
void extend(uint8_t measurement_register[48], const uint8_t digest[48]) {
    uint8_t next[48];
    const struct span parts[] = {{measurement_register, 48}, {digest, 48}};
    ROM->sha_384(next, parts, COUNT(parts));
    memcpy(measurement_register, next, sizeof next);
}
