/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor says about an enclave: docs/spec/riscv.md, section 4. Deterministic CBOR: RFC 8949, section 4.2.1. */
#include "boot.h"
#include "console.h"
#include "monitor.h"
#include "string.h"

enum major { UNSIGNED = 0, BYTES = 2, STRING = 3, ARRAY = 4, MAP = 5 };
enum simple { CBOR_FALSE = 0xf4, CBOR_TRUE = 0xf5 };

struct writer {
    uint8_t *at, *end;
};

static void put(struct writer *w, const void *from, size_t len) {
    if (len > (size_t)(w->end - w->at)) halt("monitor: claims do not fit");
    memcpy(w->at, from, len);
    w->at += len;
}

static void put_byte(struct writer *w, uint8_t byte) { put(w, &byte, 1); }

/* An argument in the fewest bytes that hold it. */
static void head(struct writer *w, enum major major, uint64_t n) {
    const int width = n < 24 ? 0 : n <= 0xff ? 1 : n <= 0xffff ? 2 : n <= 0xffffffff ? 4 : 8;
    static const uint8_t marks[] = {[1] = 24, [2] = 25, [4] = 26, [8] = 27};
    put_byte(w, (uint8_t)(major << 5 | (width ? marks[width] : n)));
    for (int i = width - 1; i >= 0; i--) put_byte(w, (uint8_t)(n >> (8 * i)));
}

static void text(struct writer *w, const char *s, size_t len) { head(w, STRING, len), put(w, s, len); }
static void bytes(struct writer *w, const void *from, size_t len) { head(w, BYTES, len), put(w, from, len); }
#define LITERAL(w, s) text(w, s, sizeof(s) - 1)

size_t claims_write(uint8_t out[CLAIMS_MOST], const struct enclave *enclave, const uint8_t report_data[64]) {
    struct writer w = {out, out + CLAIMS_MOST};
    head(&w, MAP, 10);
    LITERAL(&w, "svn"), head(&w, UNSIGNED, MONITOR_SVN);
    LITERAL(&w, "debug"), put_byte(&w, boot.mode == MODE_NORMAL ? CBOR_FALSE : CBOR_TRUE);
    LITERAL(&w, "app_svn"), head(&w, UNSIGNED, enclave->svn);
    LITERAL(&w, "profile"), LITERAL(&w, "ttee/riscv/1");
    LITERAL(&w, "epm_size"), head(&w, UNSIGNED, enclave->epm_size);
    LITERAL(&w, "platform"), LITERAL(&w, "qemu-virt");
    LITERAL(&w, "utm_size"), head(&w, UNSIGNED, enclave->utm_size);
    LITERAL(&w, "authority"), bytes(&w, enclave->authority, enclave->has_authority ? sizeof enclave->authority : 0);
    LITERAL(&w, "registers"), head(&w, ARRAY, REGISTERS);
    for (int i = 0; i < REGISTERS; i++) bytes(&w, enclave->registers[i], sizeof enclave->registers[i]);
    LITERAL(&w, "report_data"), bytes(&w, report_data, 64);
    return (size_t)(w.at - out);
}
