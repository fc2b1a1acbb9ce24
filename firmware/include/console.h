/* SPDX-License-Identifier: Apache-2.0 */
/* One line on the UART, and the end of the machine. */
#pragma once
#include <stdint.h>

#include "platform.h"

static inline void console_put(uint8_t byte) {
    volatile uint8_t *uart = (volatile uint8_t *)UART;
    for (int patience = 1000; patience && !(uart[5] & 0x20); patience--) {} /* transmitter empty; never for ever */
    uart[0] = byte;
}

static inline void console_text(const char *text) {
    while (*text) console_put((uint8_t)*text++);
}

static inline void console_hex(uint64_t value) {
    for (int shift = 60; shift >= 0; shift -= 4) console_put((uint8_t)"0123456789abcdef"[value >> shift & 15]);
}

/* QEMU's test finisher; `code` becomes its exit status. */
__attribute__((noreturn)) static inline void power_off(uint32_t code) {
    *(volatile uint32_t *)FINISHER = code ? code << 16 | 0x3333 : 0x5555;
    for (;;) __asm__ volatile("wfi");
}

/* A machine that cannot be trusted to go on says why, and ends. */
__attribute__((noreturn)) static inline void halt(const char *why) {
    console_text(why);
    console_put('\n');
    power_off(1);
}
