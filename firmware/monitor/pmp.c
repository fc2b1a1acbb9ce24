/* SPDX-License-Identifier: Apache-2.0 */
/* Physical memory protection: the table of docs/spec/riscv.md, section 1. The lowest entry that matches decides, and what
 * no entry matches is closed. PMP does not see what devices do by themselves, so only those without DMA are opened. */
#include "bounds.h"
#include "monitor.h"

enum permission { NONE = 0, R = 1, W = 2, X = 4, NAPOT = 3 << 3, LOCKED = 1 << 7 };
enum entry {
    ENTRY_MONITOR,
    ENTRY_CLINT,
    ENTRY_PFLASH,
    ENTRY_EPM,
    ENTRY_UTM = ENTRY_EPM + SLOTS,
    ENTRY_FINISHER,
    ENTRY_UART,
    ENTRY_RAM = 15,
};

static uint8_t config[16];

static void set_address(enum entry entry, uint64_t base, uint64_t size) {
    const uint64_t value = napot(base, size);
    switch ((int)entry) {
#define CASE(n)                        \
    case n: csr_write(pmpaddr##n, value); break;
        CASE(0) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
        CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15)
#undef CASE
    }
}

static uint64_t config_word(int first) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) word = word << 8 | config[first + i];
    return word;
}

static void apply(void) {
    csr_write(pmpcfg0, config_word(0));
    csr_write(pmpcfg2, config_word(8));
    __asm__ volatile("sfence.vma" ::: "memory");
}

static enum entry epm_entry(const struct enclave *enclave) { return ENTRY_EPM + (enum entry)(enclave - enclaves); }

void pmp_init(void) {
    set_address(ENTRY_MONITOR, MONITOR, MONITOR_SIZE);
    set_address(ENTRY_CLINT, CLINT, CLINT_SIZE);
    set_address(ENTRY_PFLASH, PFLASH, PFLASH_SIZE);
    set_address(ENTRY_FINISHER, FINISHER, PAGE);
    set_address(ENTRY_UART, UART, PAGE);
    set_address(ENTRY_RAM, RAM, RAM_MOST);
    config[ENTRY_MONITOR] = NAPOT | NONE;
    config[ENTRY_CLINT] = NAPOT | NONE;
    config[ENTRY_PFLASH] = LOCKED | NAPOT | NONE; /* not even for us: a write could put the flash in command mode */
    pmp_switch(NULL);
}

void pmp_close(const struct enclave *enclave) {
    set_address(epm_entry(enclave), enclave->epm, enclave->epm_size);
    config[epm_entry(enclave)] = NAPOT | (boot.mode == MODE_DEBUG ? R | W | X : NONE);
    apply();
}

void pmp_open(const struct enclave *enclave) {
    config[epm_entry(enclave)] = 0;
    apply();
}

/* To an enclave, or to the host for NULL. In debug mode the host keeps its access: that is what the mode is. */
void pmp_switch(const struct enclave *enclave) {
    const uint8_t closed = NAPOT | (boot.mode == MODE_DEBUG ? R | W | X : NONE);
    for (int i = 0; i < SLOTS; i++)
        if (enclaves[i].state != FREE) config[ENTRY_EPM + i] = enclave ? NAPOT | NONE : closed;
    if (enclave) {
        config[epm_entry(enclave)] = NAPOT | R | W | X;
        set_address(ENTRY_UTM, enclave->utm, enclave->utm_size);
    }
    config[ENTRY_UTM] = enclave ? NAPOT | R | W : 0;
    config[ENTRY_FINISHER] = enclave ? 0 : NAPOT | R | W;
    config[ENTRY_UART] = enclave ? 0 : NAPOT | R | W;
    config[ENTRY_RAM] = enclave ? 0 : NAPOT | R | W | X;
    apply();
}
