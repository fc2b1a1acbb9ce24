/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that an enclave seals with: docs/spec/riscv.md, section 3, "Sealing keys". */
#include "monitor.h"
#include "rom.h"
#include "string.h"

static void by_measurement(uint8_t key[32], const struct enclave *enclave, const struct span *path) {
    const struct span salt = PART(enclave->measurement);
    const struct span info[] = {TEXT("ttee/seal/measurement/1"), *path};
    ROM->hkdf_sha3_512(key, boot.cdi_seal, &salt, info, COUNT(info));
}

static void by_authority(uint8_t key[32], const struct enclave *enclave, uint64_t svn, const struct span *path) {
    const struct span owner[] = {PART(enclave->authority), {&svn, sizeof svn}};
    uint8_t digest[64];
    ROM->sha3_512(digest, owner, COUNT(owner));
    const struct span salt = PART(digest);
    const struct span info[] = {TEXT("ttee/seal/authority/1"), *path};
    ROM->hkdf_sha3_512(key, boot.cdi_seal, &salt, info, COUNT(info));
}

struct sbi_result seal_derive(const struct enclave *enclave, uint64_t address) {
    const struct sbi_result illegal = {SBI_ILLEGAL_ARGUMENT, 0};
    struct derive_record r;
    if (!in_enclave(enclave, address, sizeof r)) return illegal;
    memcpy(&r, (const void *)address, sizeof r);
    if (r.reserved || !in_enclave(enclave, r.out, 32)) return illegal;
    if (r.path_len > SEAL_PATH_MOST || (r.path_len && !in_enclave(enclave, r.path, r.path_len))) return illegal;
    const struct span path = {r.path_len ? (const void *)r.path : "", r.path_len};
    uint8_t key[32];
    if (r.policy == SEAL_MEASUREMENT)
        by_measurement(key, enclave, &path);
    else if (r.policy == SEAL_AUTHORITY && enclave->has_authority && r.svn <= enclave->svn)
        by_authority(key, enclave, r.svn, &path); /* older versions' keys, never newer ones' */
    else
        return illegal;
    memcpy((void *)r.out, key, sizeof key);
    wipe(key, sizeof key);
    return (struct sbi_result){SBI_OK, 0};
}
