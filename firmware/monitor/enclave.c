/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an enclave as the host directs it. Whatever the host passes is copied once, then checked. */
#include "bounds.h"
#include "monitor.h"
#include "rom.h"
#include "string.h"

#define CONFIG_MAGIC "TTEECFG1"

struct enclave enclaves[SLOTS];

static struct sbi_result failed(uint64_t error) { return (struct sbi_result){error, 0}; }

struct enclave *enclave_find(uint64_t id) {
    return id < SLOTS && enclaves[id].state != FREE ? &enclaves[id] : NULL;
}

bool in_enclave(const struct enclave *enclave, uint64_t address, uint64_t size) {
    return is_inside(address, size, enclave->epm, enclave->epm_size);
}

/* The range shares a byte with the memory of a living enclave: its own, or the pages it shares. */
static bool touches_enclave(uint64_t base, uint64_t size, bool shared_too) {
    for (int i = 0; i < SLOTS; i++) {
        const struct enclave *e = &enclaves[i];
        if (e->state == FREE) continue;
        if (overlaps(base, size, e->epm, e->epm_size)) return true;
        if (shared_too && overlaps(base, size, e->utm, e->utm_size)) return true;
    }
    return false;
}

/* Memory that the host could have written itself, and so may ask us to read. */
static bool is_host_memory(uint64_t address, uint64_t size) {
    return is_inside(address, size, MAILBOX, ram_end - MAILBOX) && !touches_enclave(address, size, false);
}

static struct enclave *free_slot(void) {
    for (int i = 0; i < SLOTS; i++)
        if (enclaves[i].state == FREE) return &enclaves[i];
    return NULL;
}

/* The app's maker signs the measurement, if the config page names one. */
static bool is_authorised(const struct enclave *enclave, const uint8_t signature[64]) {
    const struct span message[] = {
        TEXT("ttee/enclave/1"), PART(enclave->measurement), {&enclave->svn, sizeof enclave->svn}};
    return !enclave->has_authority || ROM->eddsa_verify(signature, message, COUNT(message), enclave->authority);
}

/* Reads the config page where nobody else can change it any more. */
static bool read_config(struct enclave *enclave, const struct config_page *config) {
    static const uint8_t none[32];
    if (memcmp(config->magic, CONFIG_MAGIC, sizeof config->magic)) return false;
    memcpy(enclave->authority, config->authority, sizeof enclave->authority);
    enclave->has_authority = memcmp(config->authority, none, sizeof none) != 0;
    enclave->svn = config->svn;
    return true;
}

/* U-mode at the start of the EPM; all registers but these are zero. */
static struct context first_entry(const struct creation_record *r) {
    struct context context = {.pc = r->epm};
    context.x[A1] = r->epm;
    context.x[A2] = r->epm_size;
    context.x[A3] = r->runtime;
    context.x[A4] = r->user;
    context.x[A5] = r->free;
    context.x[A6] = r->utm;
    context.x[A7] = r->utm_size;
    return context;
}

static void release(struct enclave *enclave) {
    wipe((void *)enclave->epm, enclave->epm_size);
    wipe((void *)enclave->utm, enclave->utm_size);
    wipe(enclave, sizeof *enclave); /* FREE */
    pmp_switch(NULL);
}

struct sbi_result enclave_create(uint64_t address) {
    struct creation_record r;
    if (address % 8 || !is_host_memory(address, sizeof r)) return failed(SBI_ILLEGAL_ARGUMENT);
    memcpy(&r, (const void *)address, sizeof r);
    if (!is_creatable(&r, POOL, ram_end - POOL)) return failed(SBI_ILLEGAL_ARGUMENT);
    if (overlaps(r.epm, r.epm_size, r.utm, r.utm_size) || touches_enclave(r.epm, r.epm_size, true) ||
        touches_enclave(r.utm, r.utm_size, true))
        return failed(SBI_OVERLAP);
    struct enclave *enclave = free_slot();
    if (!enclave) return failed(SBI_NO_FREE_RESOURCE);

    enclave->state = FRESH;
    enclave->epm = r.epm, enclave->epm_size = r.epm_size;
    enclave->utm = r.utm, enclave->utm_size = r.utm_size;
    pmp_place(enclave);
    pmp_switch(NULL); /* from here on, nobody else reads or writes the EPM */
    memset((void *)r.free, 0, r.epm_size - (r.free - r.epm));
    memset((void *)r.utm, 0, r.utm_size);
    measure(enclave->measurement, &r);
    if (!read_config(enclave, (const struct config_page *)r.runtime) || !is_authorised(enclave, r.signature)) {
        release(enclave);
        return failed(SBI_ILLEGAL_ARGUMENT);
    }
    enclave->context = first_entry(&r);
    return (struct sbi_result){SBI_OK, (uint64_t)(enclave - enclaves)};
}

struct sbi_result enclave_destroy(uint64_t id) {
    struct enclave *enclave = enclave_find(id);
    if (!enclave) return failed(SBI_ILLEGAL_ARGUMENT);
    if (enclave->state == RUNNING) return failed(SBI_NOT_RUNNABLE);
    release(enclave);
    return failed(SBI_OK);
}
