/* SPDX-License-Identifier: Apache-2.0 */
/* An enclave that does as it is told: each time it is entered, it reads a command from its shared pages and obeys.
 * Words of the UTM: 0 command, 1..7 arguments; 8.. results. Tests use it as their hand inside an enclave. */
#include <stdint.h>

#include "ecall.h"

enum command { SBI, LOAD, STORE, JUMP, SPIN, COPY_OUT, COPY_IN, STOP_WITH };

struct entry {
    uint64_t registers[32]; /* as they were at first entry */
};

static struct sbi_result call(const uint64_t a[8]) {
    register uint64_t a0 __asm__("a0") = a[0];
    register uint64_t a1 __asm__("a1") = a[1];
    register uint64_t a2 __asm__("a2") = a[2];
    register uint64_t a6 __asm__("a6") = a[6];
    register uint64_t a7 __asm__("a7") = a[7];
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){a0, a1};
}

__attribute__((used)) static void obey(const struct entry *entry, uint64_t epm, uint64_t utm) {
    volatile uint64_t *box = (volatile uint64_t *)utm;
    for (int i = 0; i < 32; i++) box[16 + i] = entry->registers[i];
    box[48] = epm;
    uint64_t reason = 1;
    for (;;) {
        sbi_call(CALL_STOP, reason, 0, 0);
        reason = 1;
        uint64_t a[8];
        for (int i = 0; i < 8; i++) a[i] = box[i + 1];
        switch ((enum command)box[0]) {
        case SBI: {
            const struct sbi_result result = call(a);
            box[9] = result.error, box[10] = result.value;
            break;
        }
        case LOAD: box[9] = *(volatile uint64_t *)a[0]; break;
        case STORE: *(volatile uint64_t *)a[0] = a[1]; break;
        case JUMP: ((void (*)(void))a[0])(); break;
        case SPIN:
            for (uint64_t n = a[0]; n; n--) __asm__ volatile("");
            break;
        case COPY_OUT:
            for (uint64_t i = 0; i < a[1]; i++) ((volatile uint8_t *)utm)[1024 + i] = ((volatile uint8_t *)a[0])[i];
            break;
        case COPY_IN:
            for (uint64_t i = 0; i < a[1]; i++) ((volatile uint8_t *)a[0])[i] = ((volatile uint8_t *)utm)[1024 + i];
            break;
        case STOP_WITH: reason = a[0]; break;
        }
    }
}

__attribute__((naked, section(".text.start"))) void _start(void) {
    __asm__ volatile(
        "sd sp, 16(a5)\n" /* first free byte: entry registers; sp points to the stack below the end */
        "mv sp, a5\n"
        ".irp n, 0,1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "sd x\\n, (\\n * 8)(sp)\n"
        ".endr\n"
        "mv a0, sp\n"
        "add sp, a1, a2\n"
        "mv a2, a6\n"
        "j obey\n");
}
