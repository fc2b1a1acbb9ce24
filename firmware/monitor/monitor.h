/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor: M-mode, one hart, no heap, never interrupted while it works. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot.h"
#include "platform.h"
#include "sbi.h"

#define SLOTS 8
#define REGISTERS 4

/* Registers of a world that does not run; its layout is known to trap.S. */
struct context {
    uint64_t x[32], pc, mstatus;
};
_Static_assert(sizeof(struct context) == 34 * 8, "context as in trap.S");

enum reg { A0 = 10, A1, A2, A3, A4, A5, A6, A7 };

enum state { FREE, FRESH, RUNNING, STOPPED, INTERRUPTED, EXITED };

struct enclave {
    enum state state;
    struct context context;
    uint64_t epm, epm_size, utm, utm_size;
    uint8_t measurement[64];
    uint8_t authority[32];
    bool has_authority;
    uint64_t svn;
    uint8_t registers[REGISTERS][48];
};

extern struct enclave enclaves[SLOTS];
extern struct context host_context;
extern struct handover boot; /* as the boot ROM left it */
extern uint64_t ram_end;

#define csr_read(name)                                                  \
    ({                                                                  \
        uint64_t value_;                                                \
        __asm__ volatile("csrr %0, " #name : "=r"(value_) : : "memory"); \
        value_;                                                         \
    })
#define csr_write(name, value) __asm__ volatile("csrw " #name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define csr_set(name, bits) __asm__ volatile("csrs " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits) __asm__ volatile("csrc " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")
#define csr_swap(name, value)                                                                              \
    ({                                                                                                     \
        uint64_t old_;                                                                                     \
        __asm__ volatile("csrrw %0, " #name ", %1" : "=r"(old_) : "r"((uint64_t)(value)) : "memory");       \
        old_;                                                                                              \
    })

/* trap.S: what this machine has. */
bool ram_answers(uint64_t address);
bool has_entropy_source(void);

/* world.c: which enclave runs, or NULL for the host; and the way from one to the other. */
struct enclave *running(void);
void world_init(void);
struct context *enter_enclave(struct enclave *enclave);
struct context *return_to_host(enum state state, uint64_t error, uint64_t value);

/* pmp.c */
void pmp_init(void);
void pmp_place(const struct enclave *enclave);  /* says where its EPM lies; takes effect with the next switch */
void pmp_switch(const struct enclave *enclave); /* to the view of an enclave, or of the host for NULL */

/* enclave.c: what the host may ask for. */
struct sbi_result enclave_create(uint64_t record);
struct sbi_result enclave_destroy(uint64_t id);
struct enclave *enclave_find(uint64_t id);
bool in_enclave(const struct enclave *enclave, uint64_t address, uint64_t size);

/* service.c: what an enclave may ask for. */
struct sbi_result service(struct enclave *enclave, const struct context *call);

/* measure.c */
void measure(uint8_t measurement[64], const struct creation_record *record);
void extend(uint8_t measurement_register[48], const uint8_t digest[48]);

/* claims.c, evidence.c */
#define CLAIMS_MOST 512
size_t claims_write(uint8_t out[CLAIMS_MOST], const struct enclave *enclave, const uint8_t report_data[64]);
struct sbi_result evidence(const struct enclave *enclave, uint64_t out, uint64_t capacity, uint64_t report_data);

/* seal.c */
struct sbi_result seal_derive(const struct enclave *enclave, uint64_t record);

/* entropy.c */
void entropy_init(void);
void entropy_fill(void *out, size_t len);

/* timer.c */
void timer_init(void);
void timer_for_host(uint64_t deadline);
void timer_slice(void);
void timer_resume_host(void);
void timer_fired(void);
