// SPDX-License-Identifier: Apache-2.0
//! What the boot ROM and the monitor need of std.crypto, with a C ABI (include/crypto.h). No algorithm lives here,
//! and no state: it all stands in ROM.
const std = @import("std");
const eddsa = @import("eddsa.zig");
const spans = @import("spans.zig");
const Message = spans.Message;
const Span = spans.Span;
const Sha3 = std.crypto.hash.sha3.Sha3_512;

/// A failed safety check is a trap in M-mode, which ends the machine.
pub const panic = std.debug.no_panic;

export fn sha3_512(out: *[64]u8, parts: [*]const Span, count: usize) void {
    Message.of(parts, count).hash(Sha3, out);
}

export fn sha_512(out: *[64]u8, parts: [*]const Span, count: usize) void {
    Message.of(parts, count).hash(std.crypto.hash.sha2.Sha512, out);
}

export fn sha_384(out: *[48]u8, parts: [*]const Span, count: usize) void {
    Message.of(parts, count).hash(std.crypto.hash.sha2.Sha384, out);
}

export fn hkdf_sha3_512(out: *[32]u8, ikm: *const [32]u8, salt: *const Span, info: [*]const Span, count: usize) void {
    spans.hkdf32(Sha3, out, ikm, salt.ptr[0..salt.len], .of(info, count));
}

export fn eddsa_keypair(public: *[32]u8, secret: *eddsa.Secret, seed: *const [32]u8) void {
    eddsa.keypair(public, secret, seed);
}

export fn eddsa_sign(
    signature: *[64]u8,
    parts: [*]const Span,
    count: usize,
    public: *const [32]u8,
    secret: *const eddsa.Secret,
) void {
    eddsa.sign(signature, .of(parts, count), public, secret);
}

export fn eddsa_verify(signature: *const [64]u8, parts: [*]const Span, count: usize, public: *const [32]u8) bool {
    return eddsa.verify(signature, .of(parts, count), public);
}

/// The generator behind `random`: ChaCha with fast key erasure, so a later look at it tells nothing of earlier output.
/// Its state is the caller's: `struct drbg`.
const Generator = std.Random.ChaCha;

comptime {
    if (@sizeOf(Generator) > 576 or @alignOf(Generator) > 8) @compileError("struct drbg is too small");
}

export fn drbg_seed(generator: *Generator, entropy: *const [64]u8) void {
    var digest: [64]u8 = undefined;
    Sha3.hash(entropy, &digest, .{});
    generator.* = .init(digest[0..32].*);
    std.crypto.secureZero(u8, &digest);
}

export fn drbg_fill(generator: *Generator, entropy: *const [64]u8, out: [*]u8, len: usize) void {
    generator.addEntropy(entropy);
    generator.fill(out[0..len]);
}
