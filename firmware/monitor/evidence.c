/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone's report over the digest of our claims: docs/spec/riscv.md, section 4. */
#include "monitor.h"
#include "rom.h"
#include "string.h"

struct report {
    struct {
        uint8_t hash[64];
        uint64_t data_len;
        uint8_t data[1024];
        uint8_t signature[64];
    } enclave;
    struct {
        uint8_t hash[64], public[32], signature[64];
    } monitor;
    uint8_t device_public[32];
};
_Static_assert(sizeof(struct report) == REPORT_SIZE, "Keystone's layout");

static struct report report;
static uint8_t claims[CLAIMS_MOST];

static void write_report(const struct enclave *enclave, size_t claims_len) {
    const struct span said[] = {TEXT("ttee/riscv-claims/1"), {claims, claims_len}};
    memset(&report, 0, sizeof report); /* nothing of an earlier one, in the unsigned tail of `data` either */
    memcpy(report.enclave.hash, enclave->measurement, sizeof report.enclave.hash);
    report.enclave.data_len = 64;
    ROM->sha_512(report.enclave.data, said, COUNT(said));
    const struct span signed_part[] = {{&report, __builtin_offsetof(struct report, enclave.data) + 64}};
    ROM->eddsa_sign(report.enclave.signature, signed_part, COUNT(signed_part), boot.monitor_public,
                    boot.monitor_secret);
    memcpy(report.monitor.hash, boot.monitor_hash, sizeof report.monitor.hash);
    memcpy(report.monitor.public, boot.monitor_public, sizeof report.monitor.public);
    memcpy(report.monitor.signature, boot.monitor_signature, sizeof report.monitor.signature);
    memcpy(report.device_public, boot.device_public, sizeof report.device_public);
}

struct sbi_result evidence(const struct enclave *enclave, uint64_t out, uint64_t capacity, uint64_t report_data) {
    const struct sbi_result illegal = {SBI_ILLEGAL_ARGUMENT, 0};
    if (!in_enclave(enclave, out, capacity) || !in_enclave(enclave, report_data, 64)) return illegal;
    const size_t claims_len = claims_write(claims, enclave, (const uint8_t *)report_data);
    if (capacity < sizeof report + claims_len) return illegal;
    write_report(enclave, claims_len);
    memcpy((void *)out, &report, sizeof report);
    memcpy((uint8_t *)out + sizeof report, claims, claims_len);
    return (struct sbi_result){SBI_OK, sizeof report + claims_len};
}
