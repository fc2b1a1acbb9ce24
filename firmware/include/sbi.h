/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the monitor: docs/spec/riscv.md, section 3. Numbers are Keystone's where Keystone has them. */
#pragma once
#include <stdint.h>

#define SBI_TTEE 0x08424b45
#define SBI_TIME 0x54494d45

enum host_call { CALL_CREATE = 2001, CALL_DESTROY = 2002, CALL_RUN = 2003, CALL_RESUME = 2005 };

enum enclave_call {
    CALL_RANDOM = 3001,
    CALL_STOP = 3004,
    CALL_EXIT = 3006,
    CALL_EXTEND = 3101,
    CALL_EVIDENCE = 3102,
    CALL_DERIVE = 3103,
};

enum sbi_error {
    SBI_OK = 0,
    SBI_NOT_SUPPORTED = -2,
    SBI_FAULTED = 100001,
    SBI_INTERRUPTED = 100002,
    SBI_NOT_RUNNABLE = 100004,
    SBI_OVERLAP = 100006,
    SBI_ILLEGAL_ARGUMENT = 100008,
    SBI_NO_FREE_RESOURCE = 100009,
    SBI_EDGE_CALL = 100011,
    SBI_WRONG_CALLER = 100014,
    SBI_NOT_FRESH = 100016,
};

#define RANDOM_MOST 64
#define SEAL_PATH_MOST 256
#define REPORT_SIZE 1352

/* What `create` is given. */
struct creation_record {
    uint64_t epm, epm_size, utm, utm_size, runtime, user, free, reserved;
    uint8_t signature[64];
};
_Static_assert(sizeof(struct creation_record) == 128, "creation record");

/* What `derive` is given. */
struct derive_record {
    uint64_t out, policy, svn, path, path_len, reserved;
};
_Static_assert(sizeof(struct derive_record) == 48, "derive record");

enum seal_policy { SEAL_MEASUREMENT = 0, SEAL_AUTHORITY = 1 };

/* The measured page that says what an enclave is. */
struct config_page {
    uint8_t magic[8]; /* TTEECFG1 */
    uint8_t app[48];
    uint8_t authority[32];
    uint64_t svn;
    uint32_t memory_pages, stack, request_most, reply_most, name_len;
    uint8_t name[64];
    uint8_t zeros[3916];
};
_Static_assert(sizeof(struct config_page) == 4096, "config page");
_Static_assert(__builtin_offsetof(struct config_page, svn) == 88, "config page");

struct sbi_result {
    uint64_t error, value;
};
