// SPDX-License-Identifier: Apache-2.0
//! The enclave runtime's cryptography over Zig's standard library, with a C ABI (firmware/runtime/crypto.h).
//! Nothing here is hand-written below the level of a protocol; HPKE (RFC 9180) is composed from std's
//! X25519, HKDF and ChaCha20-Poly1305, because std has no HPKE.
const std = @import("std");
const crypto = std.crypto;
const sha2 = crypto.hash.sha2;
const X25519 = crypto.dh.X25519;
const Hkdf = crypto.kdf.hkdf.HkdfSha256;
const Hmac = crypto.auth.hmac.sha2.HmacSha256;
const ChaCha = crypto.aead.chacha_poly.ChaCha20Poly1305;
const XChaCha = crypto.aead.chacha_poly.XChaCha20Poly1305;

/// A failed safety check is an illegal instruction: the monitor ends the enclave.
pub const panic = std.debug.no_panic;

export fn rt_sha256(out: *[32]u8, bytes: [*]const u8, length: usize) void {
    sha2.Sha256.hash(bytes[0..length], out, .{});
}

export fn rt_sha384(out: *[48]u8, bytes: [*]const u8, length: usize) void {
    sha2.Sha384.hash(bytes[0..length], out, .{});
}

export fn rt_sha512(out: *[64]u8, bytes: [*]const u8, length: usize) void {
    sha2.Sha512.hash(bytes[0..length], out, .{});
}

/// Zeros that the compiler may not leave out.
export fn rt_wipe(bytes: [*]u8, length: usize) void {
    crypto.secureZero(u8, bytes[0..length]);
}

export fn rt_x25519_public(out: *[32]u8, secret: *const [32]u8) void {
    out.* = X25519.recoverPublicKey(secret.*);
}

/// HPKE, RFC 9180: base mode, single shot, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
const hpke = struct {
    const kem_suite = "KEM" ++ "\x00\x20";
    const suite = "HPKE" ++ "\x00\x20" ++ "\x00\x01" ++ "\x00\x03";

    /// LabeledExtract, section 4.
    fn extract(comptime id: []const u8, salt: []const u8, comptime label: []const u8, ikm: []const u8) [32]u8 {
        var out: [32]u8 = undefined;
        var mac = Hmac.init(salt);
        mac.update("HPKE-v1" ++ id ++ label);
        mac.update(ikm);
        mac.final(&out);
        return out;
    }

    /// LabeledExpand, section 4, for outputs of at most one block of the hash.
    fn expand(comptime id: []const u8, prk: *const [32]u8, comptime label: []const u8, info: []const u8, comptime length: u8) [length]u8 {
        comptime std.debug.assert(length <= 32);
        var block: [32]u8 = undefined;
        defer crypto.secureZero(u8, &block);
        var mac = Hmac.init(prk);
        mac.update("\x00" ++ [1]u8{length} ++ "HPKE-v1" ++ id ++ label);
        mac.update(info);
        mac.update("\x01");
        mac.final(&block);
        return block[0..length].*;
    }

    /// Decap, section 4.1.
    fn decap(enc: *const [32]u8, secret: *const [32]u8, public: *const [32]u8) ?[32]u8 {
        var dh = X25519.scalarmult(secret.*, enc.*) catch return null; // all zero: enc is of small order
        defer crypto.secureZero(u8, &dh);
        var prk = extract(kem_suite, "", "eae_prk", &dh);
        defer crypto.secureZero(u8, &prk);
        return expand(kem_suite, &prk, "shared_secret", enc ++ public, 32);
    }

    /// KeySchedule, section 5.1, mode_base: the key and the nonce of the first message.
    fn schedule(shared: *const [32]u8, info: []const u8) struct { key: [32]u8, nonce: [12]u8 } {
        const psk_id_hash = extract(suite, "", "psk_id_hash", "");
        const info_hash = extract(suite, "", "info_hash", info);
        const context = [1]u8{0} ++ psk_id_hash ++ info_hash;
        var secret = extract(suite, shared, "secret", "");
        defer crypto.secureZero(u8, &secret);
        return .{
            .key = expand(suite, &secret, "key", &context, 32),
            .nonce = expand(suite, &secret, "base_nonce", &context, 12),
        };
    }
};

/// Opens `enc ‖ ciphertext ‖ tag` in place: the plaintext, of `length - 48` bytes, replaces the ciphertext.
/// False, and the message wiped, when it cannot be opened, whatever the cause.
export fn rt_hpke_open(
    message: [*]u8,
    length: usize,
    secret: *const [32]u8,
    public: *const [32]u8,
    info: [*]const u8,
    info_length: usize,
) bool {
    if (length < 48) return false;
    const enc = message[0..32];
    var shared = hpke.decap(enc, secret, public) orelse return false;
    defer crypto.secureZero(u8, &shared);
    var keys = hpke.schedule(&shared, info[0..info_length]);
    defer crypto.secureZero(u8, std.mem.asBytes(&keys));
    const body = message[32 .. length - 16];
    const tag = message[length - 16 ..][0..16].*;
    ChaCha.decrypt(body, body, tag, "", keys.nonce, keys.key) catch {
        crypto.secureZero(u8, body);
        return false;
    };
    return true;
}

/// Seals a reply in place, docs/spec/channel.md: the tag goes behind the plaintext.
export fn rt_reply_seal(buffer: [*]u8, length: usize, reply_key: *const [32]u8, request_digest: *const [32]u8) void {
    var prk = Hkdf.extract("", reply_key);
    defer crypto.secureZero(u8, &prk);
    var key: [32]u8 = undefined;
    defer crypto.secureZero(u8, &key);
    Hkdf.expand(&key, "ttee/channel/1 reply", prk);
    const nonce: [12]u8 = @splat(0); // the key serves once
    var tag: [16]u8 = undefined;
    const body = buffer[0..length];
    ChaCha.encrypt(body, &tag, body, request_digest, nonce, key);
    buffer[length..][0..16].* = tag;
}

/// XChaCha20-Poly1305 in place; the tag goes behind the plaintext.
export fn rt_seal(buffer: [*]u8, length: usize, ad: [*]const u8, ad_length: usize, nonce: *const [24]u8, key: *const [32]u8) void {
    var tag: [16]u8 = undefined;
    const body = buffer[0..length];
    XChaCha.encrypt(body, &tag, body, ad[0..ad_length], nonce.*, key.*);
    buffer[length..][0..16].* = tag;
}

/// The reverse: `length` is that of the plaintext. False, and the buffer wiped, when the tag is wrong.
export fn rt_unseal(buffer: [*]u8, length: usize, tag: *const [16]u8, ad: [*]const u8, ad_length: usize, nonce: *const [24]u8, key: *const [32]u8) bool {
    const body = buffer[0..length];
    XChaCha.decrypt(body, body, tag.*, ad[0..ad_length], nonce.*, key.*) catch {
        crypto.secureZero(u8, body);
        return false;
    };
    return true;
}
