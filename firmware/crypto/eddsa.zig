// SPDX-License-Identifier: Apache-2.0
//! eddsa-ed25519-sha3-512-keystone: EdDSA over edwards25519 as in RFC 8032, section 5.1, with SHA3-512 wherever
//! the RFC has SHA-512. It is not Ed25519; Keystone's reports are signed so. Curve and scalars are the library's.
const std = @import("std");
const Message = @import("spans.zig").Message;
const Curve = std.crypto.ecc.Edwards25519;
const Hash = std.crypto.hash.sha3.Sha3_512;

/// The secret key in Keystone's expanded form: clamped scalar, then the prefix for nonces.
pub const Secret = [64]u8;

pub fn keypair(public: *[32]u8, secret: *Secret, seed: *const [32]u8) void {
    Hash.hash(seed, secret, .{});
    Curve.scalar.clamp(secret[0..32]);
    public.* = mulBase(secret[0..32].*).toBytes();
}

pub fn sign(signature: *[64]u8, message: Message, public: *const [32]u8, secret: *const Secret) void {
    var state = Hash.init(.{});
    state.update(secret[32..64]);
    message.feed(&state);
    var digest: [64]u8 = undefined;
    state.final(&digest);
    var nonce = Curve.scalar.reduce64(digest);
    signature[0..32].* = mulBase(nonce).toBytes();
    const scalar = Curve.scalar.reduce(secret[0..32].*);
    signature[32..64].* = Curve.scalar.mulAdd(challenge(signature[0..32], public, message), scalar, nonce);
    std.crypto.secureZero(u8, &digest);
    std.crypto.secureZero(u8, &nonce);
}

/// Strict where the RFC leaves a choice: S < L, canonical encodings, no point of small order.
pub fn verify(signature: *const [64]u8, message: Message, public: *const [32]u8) bool {
    return verifies(signature, message, public) catch false;
}

fn verifies(signature: *const [64]u8, message: Message, public: *const [32]u8) !bool {
    const s = signature[32..64].*;
    try Curve.scalar.rejectNonCanonical(s);
    const key = try decode(public);
    _ = try decode(signature[0..32]);
    const h = challenge(signature[0..32], public, message);
    const r = try Curve.mulDoubleBasePublic(Curve.basePoint, s, key.neg(), h);
    return std.mem.eql(u8, &r.toBytes(), signature[0..32]);
}

fn decode(encoded: *const [32]u8) !Curve {
    try Curve.rejectNonCanonical(encoded.*);
    const point = try Curve.fromBytes(encoded.*);
    try point.rejectLowOrder();
    return point;
}

fn challenge(r: *const [32]u8, public: *const [32]u8, message: Message) [32]u8 {
    var state = Hash.init(.{});
    state.update(r);
    state.update(public);
    message.feed(&state);
    var digest: [64]u8 = undefined;
    state.final(&digest);
    return Curve.scalar.reduce64(digest);
}

/// The identity is the only refusal, and no reduced digest or clamped scalar that anybody can find leads there.
fn mulBase(scalar: [32]u8) Curve {
    return Curve.basePoint.mul(scalar) catch unreachable;
}
