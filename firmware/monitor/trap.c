/* SPDX-License-Identifier: Apache-2.0 */
/* Every trap into M-mode, and whom it belongs to. The world that called is the one we let run, whatever mcause says. */
#include "console.h"
#include "monitor.h"

#define INTERRUPT (UINT64_C(1) << 63)
#define MACHINE_TIMER (INTERRUPT | 7)
#define CALL_FROM_U 8
#define CALL_FROM_S 9
#define MSTATUS_MPP (UINT64_C(3) << 11)

static bool is_enclave_call(uint64_t function) { return function / 1000 == 3; }
static bool is_host_call(uint64_t function) { return function / 1000 == 2; }

static struct context *answer(struct context *context, struct sbi_result result) {
    context->x[A0] = result.error;
    context->x[A1] = result.value;
    return context;
}

static struct context *refuse(struct context *context, uint64_t error) {
    return answer(context, (struct sbi_result){error, 0});
}

/* First entry and every later one. */
static struct context *run(uint64_t id, bool resume) {
    struct enclave *enclave = enclave_find(id);
    if (!enclave) return refuse(&host_context, SBI_ILLEGAL_ARGUMENT);
    if (!resume && enclave->state != FRESH) return refuse(&host_context, SBI_NOT_FRESH);
    if (resume && enclave->state != STOPPED && enclave->state != INTERRUPTED)
        return refuse(&host_context, SBI_NOT_RUNNABLE);
    if (enclave->state == STOPPED) answer(&enclave->context, (struct sbi_result){SBI_OK, 0});
    return enter_enclave(enclave);
}

static struct context *host_call(struct context *host) {
    const uint64_t function = host->x[A6], a0 = host->x[A0];
    if (host->x[A7] == SBI_TIME && function == 0) {
        timer_for_host(a0);
        return refuse(host, SBI_OK);
    }
    if (host->x[A7] != SBI_TTEE) return refuse(host, (uint64_t)SBI_NOT_SUPPORTED);
    switch (function) {
    case CALL_CREATE: return answer(host, enclave_create(a0));
    case CALL_DESTROY: return answer(host, enclave_destroy(a0));
    case CALL_RUN: return run(a0, false);
    case CALL_RESUME: return run(a0, true);
    default: return refuse(host, is_enclave_call(function) ? SBI_WRONG_CALLER : (uint64_t)SBI_NOT_SUPPORTED);
    }
}

static struct context *enclave_call(struct enclave *enclave) {
    struct context *context = &enclave->context;
    const uint64_t function = context->x[A6], a0 = context->x[A0];
    if (context->x[A7] != SBI_TTEE) return refuse(context, (uint64_t)SBI_NOT_SUPPORTED);
    if (is_host_call(function)) return refuse(context, SBI_WRONG_CALLER);
    if (function == CALL_STOP) return return_to_host(STOPPED, SBI_EDGE_CALL, a0);
    if (function == CALL_EXIT) return return_to_host(EXITED, SBI_OK, a0);
    return answer(context, service(enclave, context));
}

struct context *trap(struct context *context) {
    const uint64_t cause = csr_read(mcause);
    struct enclave *enclave = running();
    if ((context->mstatus & MSTATUS_MPP) == MSTATUS_MPP) halt("monitor: trap in the monitor");
    if (cause == MACHINE_TIMER) {
        if (enclave) return return_to_host(INTERRUPTED, SBI_INTERRUPTED, 0);
        timer_fired();
        return context;
    }
    if (cause == CALL_FROM_U && enclave) {
        context->pc += 4;
        return enclave_call(enclave);
    }
    if (cause == CALL_FROM_S && !enclave) {
        context->pc += 4;
        return host_call(context);
    }
    if (enclave) return return_to_host(EXITED, SBI_FAULTED, cause); /* where it faulted is its own affair */
    halt("monitor: a trap that no world can cause");
}
