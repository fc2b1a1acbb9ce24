/* SPDX-License-Identifier: Apache-2.0 */
/* Physical memory protection: the table of docs/spec/riscv.md, section 1. The lowest entry that matches decides, and
 * what no entry matches is closed. PMP does not see what devices do by themselves, so only those without DMA are open. */
#include "bounds.h"
#include "monitor.h"

enum permission { NONE = 0, R = 1, W = 2, X = 4, NAPOT = 3 << 3 };
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

void pmp_init(void) {
    set_address(ENTRY_MONITOR, MONITOR, MONITOR_SIZE);
    set_address(ENTRY_CLINT, CLINT, CLINT_SIZE);
    set_address(ENTRY_PFLASH, PFLASH, PFLASH_SIZE);
    set_address(ENTRY_FINISHER, FINISHER, PAGE);
    set_address(ENTRY_UART, UART, PAGE);
    set_address(ENTRY_RAM, RAM, RAM_MOST);
    config[ENTRY_MONITOR] = NAPOT | NONE;
    config[ENTRY_CLINT] = NAPOT | NONE;
    config[ENTRY_PFLASH] = NAPOT | NONE;
    pmp_switch(NULL);
}

void pmp_place(const struct enclave *enclave) {
    set_address(ENTRY_EPM + (enum entry)(enclave - enclaves), enclave->epm, enclave->epm_size);
}

/* What a world may do with an EPM. In debug mode the host keeps its access: that is what the mode is. */
static uint8_t epm_config(const struct enclave *owner, const struct enclave *runs) {
    if (owner->state == FREE) return 0;
    const bool open = runs ? owner == runs : boot.mode == MODE_DEBUG;
    return NAPOT | (open ? R | W | X : NONE);
}

void pmp_switch(const struct enclave *enclave) {
    for (int i = 0; i < SLOTS; i++) config[ENTRY_EPM + i] = epm_config(&enclaves[i], enclave);
    if (enclave) set_address(ENTRY_UTM, enclave->utm, enclave->utm_size);
    config[ENTRY_UTM] = enclave ? NAPOT | R | W : 0;
    config[ENTRY_FINISHER] = enclave ? 0 : NAPOT | R | W;
    config[ENTRY_UART] = enclave ? 0 : NAPOT | R | W;
    config[ENTRY_RAM] = enclave ? 0 : NAPOT | R | W | X;
    csr_write(pmpcfg0, config_word(0));
    csr_write(pmpcfg2, config_word(8));
    __asm__ volatile("sfence.vma" ::: "memory");
}
