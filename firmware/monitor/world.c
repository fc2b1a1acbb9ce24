/* SPDX-License-Identifier: Apache-2.0 */
/* From the host to an enclave and back. */
#include "console.h"
#include "monitor.h"
#include "string.h"

#define DELEGATED_EXCEPTIONS 0xb1ff /* all but calls of S-mode: the host minds its own */
#define DELEGATED_INTERRUPTS 0x222  /* software, timer, external, each of S-mode */
#define MIE_MTIE (1 << 7)
#define COUNTER_TIME (1 << 1)
#define COUNTERS_CYCLE_TIME_INSTRET 7
#define MSTATUS_MPP_S (UINT64_C(1) << 11)
#define MSTATUS_UXL_64 (UINT64_C(2) << 32)
#define MSTATUS_SXL_64 (UINT64_C(2) << 34)
#define MISA_H (1 << 7)

/* THE table of every CSR that a world switch writes: what the host starts with, and what holds in an enclave.
 * The host's own values are kept while an enclave runs; an enclave is in U-mode and cannot change its own.
 *  - medeleg, mideleg, mie: nothing of an enclave may trap to the host, and no interrupt of the host may stop it.
 *  - mcounteren, scounteren: an enclave has `time` and no other counter.
 *  - menvcfg: no Sstc, no cache-block instructions; senvcfg: none of the host's choices for U-mode.
 *  - satp: no translation, so no page table of the host.
 *  - the rest: nothing of the host's S-mode stays in the registers.
 * mstatus travels in the context: in an enclave FS = VS = XS = 0 (off), SUM = MXR = MPRV = 0, MPP = U.
 * Floating-point and vector registers stay the host's: with FS and VS off, an enclave reaches none of them. */
#define WORLD_CSRS(X)                                     \
    X(medeleg, DELEGATED_EXCEPTIONS, 0)                   \
    X(mideleg, DELEGATED_INTERRUPTS, 0)                   \
    X(mie, MIE_MTIE, MIE_MTIE)                            \
    X(mip, 0, 0)                                          \
    X(mcounteren, COUNTERS_CYCLE_TIME_INSTRET, COUNTER_TIME) \
    X(scounteren, COUNTERS_CYCLE_TIME_INSTRET, COUNTER_TIME) \
    X(menvcfg, 0, 0)                                      \
    X(senvcfg, 0, 0)                                      \
    X(satp, 0, 0)                                         \
    X(stvec, 0, 0)                                        \
    X(sscratch, 0, 0)                                     \
    X(sepc, 0, 0)                                         \
    X(scause, 0, 0)                                       \
    X(stval, 0, 0)

#define AS_FIELD(name, host, enclave) uint64_t name;
static struct { WORLD_CSRS(AS_FIELD) } host_csrs;

struct context host_context;
static struct enclave *current;

struct enclave *running(void) { return current; }

void world_init(void) {
    if (csr_read(misa) & MISA_H) halt("monitor: the table of CSRs does not cover the hypervisor extension");
#define INITIALISE(name, host, enclave) csr_write(name, host);
    WORLD_CSRS(INITIALISE)
    host_context = (struct context){.pc = HOST, .mstatus = MSTATUS_MPP_S | MSTATUS_UXL_64 | MSTATUS_SXL_64};
}

struct context *enter_enclave(struct enclave *enclave) {
#define KEEP(name, host, enclave) host_csrs.name = csr_swap(name, enclave);
    WORLD_CSRS(KEEP)
    current = enclave;
    enclave->state = RUNNING;
    enclave->context.mstatus = MSTATUS_UXL_64 | MSTATUS_SXL_64;
    pmp_switch(enclave);
    timer_slice();
    __asm__ volatile("fence.i" ::: "memory");
    return &enclave->context;
}

struct context *return_to_host(enum state state, uint64_t error, uint64_t value) {
    current->state = state;
    if (state == EXITED) wipe(&current->context, sizeof current->context);
    current = NULL;
#define RESTORE(name, host, enclave) csr_write(name, host_csrs.name);
    WORLD_CSRS(RESTORE)
    pmp_switch(NULL);
    timer_resume_host();
    host_context.x[A0] = error;
    host_context.x[A1] = value;
    return &host_context;
}
