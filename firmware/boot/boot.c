/* SPDX-License-Identifier: Apache-2.0 */
/* The boot ROM: takes the device secret, measures the monitor, derives the keys of both (Open DICE), and forgets
 * the secret. docs/spec/riscv.md, section 2; its step numbers are those below. */
#include "boot.h"
#include "console.h"
#include "crypto.h"
#include "platform.h"
#include "string.h"

static const struct span no_salt = {"", 0};

void boot_trapped(void) { halt("boot: trap in the boot ROM"); }

/* 1. Nobody after us can read it again. */
static void take_secret(uint8_t uds[32]) {
    memcpy(uds, (const void *)SECRET_PAGE, 32);
    wipe((void *)SECRET_PAGE, PAGE);
    uint8_t any = 0;
    for (int i = 0; i < 32; i++) any |= uds[i];
    if (!any) halt("boot: no device secret");
}

static void read_descriptor(struct monitor_descriptor *d) {
    memcpy(d, (const void *)DESCRIPTOR, sizeof *d);
    const struct image_header *image = (const struct image_header *)MONITOR;
    if (memcmp(d->magic, DESCRIPTOR_MAGIC, 8)) halt("boot: no monitor descriptor");
    if (d->size == 0 || d->size % PAGE || d->size > MONITOR_IMAGE_MOST) halt("boot: monitor size out of range");
    if (memcmp(image->magic, IMAGE_MAGIC, 8) || image->svn != d->svn) halt("boot: descriptor of another monitor");
    if (d->mode != MODE_NORMAL && d->mode != MODE_DEBUG) halt("boot: unknown mode");
}

/* What identifies the monitor over its updates: its maker's key if it is signed, else itself. */
static void find_authority(uint8_t authority[64], const struct monitor_descriptor *d, const uint8_t monitor_hash[64]) {
    static const uint8_t none[32];
    if (!memcmp(d->authority, none, sizeof none)) {
        memcpy(authority, monitor_hash, 64);
        return;
    }
    const struct span message[] = {TEXT("ttee/monitor/1"), {monitor_hash, 64}, {&d->svn, sizeof d->svn}};
    if (!eddsa_verify(d->signature, message, COUNT(message), d->authority))
        halt("boot: monitor authority signature is wrong");
    const struct span key[] = {PART(d->authority)};
    sha3_512(authority, key, COUNT(key));
}

/* 4. CDI_Attest changes with every monitor, CDI_Seal only with its authority. */
static void derive_cdi(uint8_t cdi[32], const uint8_t uds[32], const struct span *inputs, size_t count,
                       const struct span info) {
    uint8_t salt[64];
    sha3_512(salt, inputs, count);
    const struct span salt_span = PART(salt);
    hkdf_sha3_512(cdi, uds, &salt_span, &info, 1);
}

void boot_main(void) {
    uint8_t uds[32], seed[32], cdi_attest[32], device_secret[64], authority[64];
    struct monitor_descriptor descriptor;
    struct handover h;
    take_secret(uds);
    read_descriptor(&descriptor);
    memcpy(h.magic, HANDOVER_MAGIC, 8);
    h.mode = descriptor.mode;

    /* 2 */
    const struct span device_info[] = {TEXT("ttee/device-key/1")};
    hkdf_sha3_512(seed, uds, &no_salt, device_info, COUNT(device_info));
    eddsa_keypair(h.device_public, device_secret, seed);

    /* 3 */
    const struct span image[] = {{(const void *)MONITOR, descriptor.size}};
    sha3_512(h.monitor_hash, image, COUNT(image));
    find_authority(authority, &descriptor, h.monitor_hash);

    /* 4 */
    const uint8_t mode[1] = {(uint8_t)descriptor.mode};
    const struct span who[] = {PART(h.monitor_hash), PART(authority), PART(mode)};
    derive_cdi(cdi_attest, uds, who, 3, (struct span)TEXT("CDI_Attest"));
    derive_cdi(h.cdi_seal, uds, who + 1, 2, (struct span)TEXT("CDI_Seal"));

    /* 5 */
    const struct span monitor_info[] = {TEXT("ttee/monitor-key/1")};
    hkdf_sha3_512(seed, cdi_attest, &no_salt, monitor_info, COUNT(monitor_info));
    eddsa_keypair(h.monitor_public, h.monitor_secret, seed);

    /* 6 */
    const struct span endorsed[] = {PART(h.monitor_hash), PART(h.monitor_public)};
    eddsa_sign(h.monitor_signature, endorsed, COUNT(endorsed), h.device_public, device_secret);

    /* 7; start.S wipes the stack that all of this stood on. */
    memcpy((void *)SECRET_PAGE, &h, sizeof h);
}
