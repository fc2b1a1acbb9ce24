/* SPDX-License-Identifier: Apache-2.0 */
#include "sealing.h"
#include "crypto.h"
#include "monitor.h"

enum policy { POLICY_MEASUREMENT = 0, POLICY_AUTHORITY = 1 };

struct header {
    u8 magic[8];
    u8 policy, zeros[7];
    u64 svn;
    u8 nonce[24];
};

_Static_assert(sizeof(struct header) == SEAL_HEADER, "docs/spec/app-abi.md");

static enum policy policy;
static u64 svn;

static const struct span seal_path = TEXT("ttee/seal/1");

void sealing_setup(const struct config *config) {
    policy = config_has_authority(config) ? POLICY_AUTHORITY : POLICY_MEASUREMENT;
    svn = config->svn;
}

void sealing_key(u8 out[32], struct span path) {
    if (!monitor_derive(out, policy, svn, path)) leave(EXIT_UNUSABLE, TEXT("monitor: no key"));
}

u64 sealing_seal(u8 *blob, struct span content) {
    struct header header = {.magic = {'T', 'T', 'E', 'E', 'S', 'E', 'A', 'L'}, .policy = (u8)policy, .svn = svn};
    u8 key[32];
    monitor_random(header.nonce, sizeof header.nonce);
    sealing_key(key, seal_path);
    u8 *body = blob + SEAL_HEADER;
    memmove(body, content.bytes, content.length);
    memcpy(blob, &header, sizeof header);
    rt_seal(body, content.length, (const u8 *)&header, sizeof header, header.nonce, key);
    rt_wipe(key, sizeof key);
    return content.length + SEAL_OVERHEAD;
}

bool sealing_unseal(u8 *content, struct span blob) {
    static const u8 start[] = {'T', 'T', 'E', 'E', 'S', 'E', 'A', 'L'}, zeros[7];
    struct header header;
    u8 tag[SEAL_TAG], key[32];
    u64 length = blob.length - SEAL_OVERHEAD;
    memcpy(&header, blob.bytes, sizeof header);
    memcpy(tag, blob.bytes + SEAL_HEADER + length, sizeof tag);
    bool ours = memcmp(header.magic, start, sizeof start) == 0 && memcmp(header.zeros, zeros, sizeof zeros) == 0 &&
                header.policy <= POLICY_AUTHORITY && monitor_derive(key, header.policy, header.svn, seal_path);
    if (ours) {
        memmove(content, blob.bytes + SEAL_HEADER, length);
        ours = rt_unseal(content, length, tag, (const u8 *)&header, sizeof header, header.nonce, key);
        rt_wipe(key, sizeof key);
    }
    return ours;
}
