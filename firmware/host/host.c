/* SPDX-License-Identifier: Apache-2.0 */
/* The host: S-mode, untrusted, without an opinion. It does what the mailbox says and reports how it went, faults
 * included: whoever holds the mailbox has an operating system's power over the machine. docs/spec/riscv.md, section 5. */
#include <stddef.h>

#include "ecall.h"
#include "mailbox.h"
#include "platform.h"

#define mailbox ((volatile struct mailbox *)MAILBOX)
#define NO_FAULT UINT64_MAX
#define SPIN (TIMER_HZ / 5000)        /* 200 us */
#define FIRST_NAP (TIMER_HZ / 20000)  /* 50 us */
#define LONGEST_NAP (TIMER_HZ / 200)  /* 5 ms */
#define SIE_STIE (1 << 5)

struct fault {
    uint64_t cause, address;
};

struct sbi_result guarded_call(uint64_t target, const uint64_t args[7], struct fault *fault);
void load_8(void), load_16(void), load_32(void), load_64(void);
void store_8(void), store_16(void), store_32(void), store_64(void);

static uint64_t now(void) {
    uint64_t value;
    __asm__ volatile("rdtime %0" : "=r"(value));
    return value;
}

static uint64_t instructions_retired(void) {
    uint64_t value;
    __asm__ volatile("rdinstret %0" : "=r"(value));
    return value;
}

static struct sbi_result sbi(const uint64_t args[8]) {
    register uint64_t a0 __asm__("a0") = args[0];
    register uint64_t a1 __asm__("a1") = args[1];
    register uint64_t a2 __asm__("a2") = args[2];
    register uint64_t a3 __asm__("a3") = args[3];
    register uint64_t a4 __asm__("a4") = args[4];
    register uint64_t a5 __asm__("a5") = args[5];
    register uint64_t a6 __asm__("a6") = args[6];
    register uint64_t a7 __asm__("a7") = args[7];
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
                     : "memory");
    return (struct sbi_result){a0, a1};
}

static void wake_at(uint64_t time) { sbi((const uint64_t[8]){time, [7] = SBI_TIME}); }

/* Lets an enclave run until it stops by itself, or until the mailbox says that it took too long. */
static struct sbi_result run(enum host_call call, uint64_t id) {
    struct sbi_result result = sbi_call(call, id, 0, 0);
    while (result.error == SBI_INTERRUPTED && !mailbox->cancel) result = sbi_call(CALL_RESUME, id, 0, 0);
    return result;
}

static uint64_t accessor(uint64_t width, const uint64_t of_width[4]) {
    switch (width) {
    case 1: return of_width[0];
    case 2: return of_width[1];
    case 4: return of_width[2];
    default: return of_width[3];
    }
}

static struct sbi_result perform(uint64_t operation, const uint64_t args[8], struct fault *fault) {
    const uint64_t loads[] = {(uint64_t)load_8, (uint64_t)load_16, (uint64_t)load_32, (uint64_t)load_64};
    const uint64_t stores[] = {(uint64_t)store_8, (uint64_t)store_16, (uint64_t)store_32, (uint64_t)store_64};
    switch (operation) {
    case OP_NOTHING: return (struct sbi_result){0, 0};
    case OP_SBI: return sbi(args);
    case OP_RUN: return run(CALL_RUN, args[0]);
    case OP_RESUME: return run(CALL_RESUME, args[0]);
    case OP_LOAD: return guarded_call(accessor(args[1], loads), (const uint64_t[7]){args[0]}, fault);
    case OP_STORE: return guarded_call(accessor(args[1], stores), (const uint64_t[7]){args[0], args[2]}, fault);
    case OP_CALL: return guarded_call(args[0], args + 1, fault);
    case OP_POWER_OFF: *(volatile uint32_t *)FINISHER = 0x5555;
    }
    return (struct sbi_result){(uint64_t)SBI_NOT_SUPPORTED, 0};
}

static void answer(uint64_t sequence) {
    uint64_t args[8];
    for (int i = 0; i < 8; i++) args[i] = mailbox->args[i];
    struct fault fault = {NO_FAULT, 0};
    const uint64_t operation = mailbox->operation, instructions = instructions_retired(), time = now();
    const struct sbi_result result = perform(operation, args, &fault);
    mailbox->instructions = instructions_retired() - instructions;
    mailbox->ticks = now() - time;
    mailbox->status = result.error;
    mailbox->value = result.value;
    mailbox->fault_cause = fault.cause;
    mailbox->fault_address = fault.address;
    __asm__ volatile("fence" ::: "memory");
    mailbox->reply = sequence;
}

/* Spins for a while after a message, since the next one is likely; then naps, longer each time. */
static uint64_t next_request(uint64_t last) {
    const uint64_t since = now();
    for (uint64_t nap = 0;;) {
        const uint64_t sequence = mailbox->request;
        if (sequence != last) {
            __asm__ volatile("fence" ::: "memory");
            return sequence;
        }
        if (now() - since < SPIN) continue;
        nap = nap == 0 ? FIRST_NAP : nap < LONGEST_NAP / 2 ? nap * 2 : LONGEST_NAP;
        wake_at(now() + nap);
        __asm__ volatile("wfi");
    }
}

void host_main(void) {
    uint64_t last = mailbox->request;
    __asm__ volatile("csrs sie, %0" : : "r"((uint64_t)SIE_STIE));
    mailbox->reply = last;
    __asm__ volatile("fence" ::: "memory");
    *(volatile uint64_t *)mailbox->magic = UINT64_C(0x54534f4845455454); /* TTEEHOST */
    for (;;) {
        last = next_request(last);
        answer(last);
    }
}
