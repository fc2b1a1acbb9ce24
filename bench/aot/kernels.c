/* SPDX-License-Identifier: Apache-2.0
 * Programs to compare: the same source becomes an app, through WebAssembly, and native code. */
#include "kernels.h"

/* ---- Calls ---- */

static __attribute__((noinline)) uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

/* ---- Hashing: SHA-256 (FIPS 180-4) ---- */

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress(uint32_t state[8], const uint8_t block[64]) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
    }
    for (int i = 0; i < 8; i++) v[i] = state[i];
    for (int i = 0; i < 64; i++) {
        uint32_t e = v[4], a = v[0];
        uint32_t t = v[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + K[i] + w[i];
        uint32_t u = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        for (int j = 7; j > 0; j--) v[j] = v[j - 1];
        v[4] += t, v[0] = t + u;
    }
    for (int i = 0; i < 8; i++) state[i] += v[i];
}

static __attribute__((noinline)) uint32_t sha256(uint32_t blocks) {
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t block[64];
    for (uint32_t n = 0; n < blocks; n++) {
        for (uint32_t i = 0; i < 64; i++) block[i] = (uint8_t)(n * 7 + i);
        compress(state, block);
    }
    return state[0] ^ state[7];
}

/* ---- An order book: sorted insertion, matching from the best price ---- */

struct order {
    uint32_t price, quantity, id;
};
enum { BOOK = 256 };
static struct order bids[BOOK], asks[BOOK];
static uint32_t bid_count, ask_count;

static uint32_t seed;
static uint32_t next_random(void) {
    seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
    return seed;
}

static void insert(struct order *book, uint32_t *count, struct order o, int ascending) {
    uint32_t at = *count < BOOK ? (*count)++ : BOOK - 1;
    while (at > 0 && (ascending ? book[at - 1].price < o.price : book[at - 1].price > o.price)) {
        book[at] = book[at - 1];
        at--;
    }
    book[at] = o;
}

static __attribute__((noinline)) uint32_t match_orders(uint32_t orders) {
    uint32_t traded = 0;
    bid_count = ask_count = 0, seed = 12345;
    for (uint32_t i = 0; i < orders; i++) {
        uint32_t r = next_random();
        struct order o = {1000 + (r >> 8 & 63), 1 + (r >> 20 & 15), i};
        if (r & 1)
            insert(bids, &bid_count, o, 0);
        else
            insert(asks, &ask_count, o, 1);
        while (bid_count && ask_count && bids[bid_count - 1].price >= asks[ask_count - 1].price) {
            struct order *b = &bids[bid_count - 1], *a = &asks[ask_count - 1];
            uint32_t q = b->quantity < a->quantity ? b->quantity : a->quantity;
            traded += q * a->price;
            if (!(b->quantity -= q)) bid_count--;
            if (!(a->quantity -= q)) ask_count--;
        }
    }
    return traded;
}

/* ---- Memory: a matrix product of integers, and a hash table ---- */

enum { N = 96 };
static int32_t left[N][N], right[N][N], product[N][N];

static __attribute__((noinline)) uint32_t matrix(uint32_t rounds) {
    uint32_t sum = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) left[i][j] = i * 3 + j, right[i][j] = i ^ j;
    while (rounds--) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                int32_t s = 0;
                for (int k = 0; k < N; k++) s += left[i][k] * right[k][j];
                product[i][j] = s;
            }
        for (int i = 0; i < N; i++) left[i][i] = product[i][i] & 1023, sum += (uint32_t)product[i][N - 1 - i];
    }
    return sum;
}

struct entry {
    uint32_t key, value;
};
enum { SLOTS = 16384 };
static struct entry table[SLOTS];

static __attribute__((noinline)) uint32_t hash_table(uint32_t operations) {
    uint32_t sum = 0, used = 0;
    seed = 99;
    for (uint32_t i = 0; i < SLOTS; i++) table[i] = (struct entry){0, 0};
    for (uint32_t i = 0; i < operations; i++) {
        uint32_t key = (next_random() & 8191) + 1, at = key * 2654435761u >> 18;
        while (table[at].key && table[at].key != key) at = (at + 1) % SLOTS;
        if (!table[at].key) table[at].key = key, used++;
        sum += table[at].value += i;
    }
    return sum ^ used;
}

/* ---- Text: decimal numbers and words out of lines ---- */

static __attribute__((noinline)) uint32_t parse(uint32_t rounds) {
    static const char text[] =
        "{\"bidder\": \"alice\", \"amount\": 120045, \"items\": [3, 14, 159, 2653], \"note\": \"as agreed\"}\n"
        "{\"bidder\": \"bob\", \"amount\": 99999999, \"items\": [27, 18, 281828], \"note\": \"\\\"quoted\\\"\"}\n";
    uint32_t sum = 0;
    while (rounds--) {
        uint32_t number = 0, in_number = 0, depth = 0, words = 0, in_string = 0;
        for (const char *p = text; *p; p++) {
            char c = *p;
            if (in_string) {
                if (c == '\\')
                    p++;
                else if (c == '"')
                    in_string = 0;
                else
                    sum = sum * 31 + (uint8_t)c;
                continue;
            }
            if (c >= '0' && c <= '9') {
                number = number * 10 + (uint32_t)(c - '0'), in_number = 1;
                continue;
            }
            if (in_number) sum += number, number = in_number = 0;
            switch (c) {
                case '"': in_string = 1, words++; break;
                case '{': case '[': depth++; break;
                case '}': case ']': depth--; break;
                case '\n': sum ^= words; break;
                default: break;
            }
        }
        sum += depth + rounds;
    }
    return sum;
}

/* ---- Indirect calls: a stack machine whose instructions are functions in a table ---- */

struct vm {
    uint32_t stack[32];
    uint32_t depth, at, steps;
    const uint8_t *code;
};
typedef void (*instruction)(struct vm *);

static void vm_push(struct vm *m) { m->stack[m->depth++] = m->code[m->at++]; }
static void vm_add(struct vm *m) { m->depth--, m->stack[m->depth - 1] += m->stack[m->depth]; }
static void vm_xor(struct vm *m) { m->depth--, m->stack[m->depth - 1] ^= m->stack[m->depth]; }
static void vm_mul(struct vm *m) { m->depth--, m->stack[m->depth - 1] *= m->stack[m->depth] | 1; }
static void vm_dup(struct vm *m) { m->stack[m->depth] = m->stack[m->depth - 1], m->depth++; }
static void vm_swap(struct vm *m) {
    uint32_t top = m->stack[m->depth - 1];
    m->stack[m->depth - 1] = m->stack[m->depth - 2], m->stack[m->depth - 2] = top;
}
static void vm_loop(struct vm *m) { m->at = m->steps-- ? 0 : m->at; }
static void vm_stop(struct vm *m) { m->code = 0; }

static const instruction instructions[8] = {vm_push, vm_add, vm_xor, vm_mul, vm_dup, vm_swap, vm_loop, vm_stop};

static __attribute__((noinline)) uint32_t interpret(uint32_t steps) {
    static const uint8_t code[] = {0, 7, 1, 4, 0, 13, 3, 5, 0, 101, 2, 1, 6, 7};
    static struct vm m;
    m = (struct vm){.stack = {1}, .depth = 1, .steps = steps, .code = code};
    while (m.code) instructions[m.code[m.at++] & 7](&m);
    return m.stack[m.depth - 1];
}

/* The dearest case: calls through a table of functions that do next to nothing. */
typedef uint32_t (*operation)(uint32_t, uint32_t);
static uint32_t op_add(uint32_t a, uint32_t b) { return a + b; }
static uint32_t op_xor(uint32_t a, uint32_t b) { return a ^ b; }
static uint32_t op_mul(uint32_t a, uint32_t b) { return a * (b | 1); }
static uint32_t op_rot(uint32_t a, uint32_t b) { return a << (b & 7) | a >> (31 - (b & 7)); }
static const operation operations[4] = {op_add, op_xor, op_mul, op_rot};

static __attribute__((noinline)) uint32_t call_through(uint32_t steps) {
    uint32_t a = 1, b = 2;
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t c = operations[(a >> 3 ^ i) & 3](a, b);
        b = a + i, a = c;
    }
    return a;
}

/* ---- Floating point, which this hart does in software ---- */

static __attribute__((noinline)) uint32_t floats(uint32_t steps) {
    double x = 1, y = 0, sum = 0;
    for (uint32_t i = 1; i <= steps; i++) {
        double nx = x - y / 64;
        y += x / 64, x = nx;
        sum += x * y / i;
    }
    return (uint32_t)(int32_t)(sum * 1e6);
}

uint32_t run_kernel(uint32_t kernel, uint32_t n) {
    switch (kernel) {
        case 0: return fib(n);
        case 1: return sha256(n);
        case 2: return match_orders(n);
        case 3: return matrix(n);
        case 4: return hash_table(n);
        case 5: return parse(n);
        case 6: return interpret(n);
        case 7: return floats(n);
        case 8: return call_through(n);
        default: return 0;
    }
}
