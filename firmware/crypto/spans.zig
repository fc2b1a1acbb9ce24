// SPDX-License-Identifier: Apache-2.0
//! A message as a list of pieces in memory, so that C hashes and signs without copying them together first.
const std = @import("std");

pub const Span = extern struct { ptr: [*]const u8, len: usize };

pub const Message = struct {
    parts: []const Span,

    pub fn of(parts: [*]const Span, count: usize) Message {
        return .{ .parts = parts[0..count] };
    }

    /// Feeds every piece to anything that has `update`: a hash or a MAC.
    pub fn feed(message: Message, sink: anytype) void {
        for (message.parts) |part| sink.update(part.ptr[0..part.len]);
    }

    pub fn hash(message: Message, comptime Hash: type, out: *[Hash.digest_length]u8) void {
        var state = Hash.init(.{});
        message.feed(&state);
        state.final(out);
    }
};

/// HKDF (RFC 5869) with one block of output: all keys here are 32 bytes, less than any of our hashes.
pub fn hkdf32(comptime Hash: type, out: *[32]u8, ikm: []const u8, salt: []const u8, info: Message) void {
    const Hmac = std.crypto.auth.hmac.Hmac(Hash);
    var prk: [Hmac.mac_length]u8 = undefined;
    Hmac.create(&prk, ikm, salt);
    var block = Hmac.init(&prk);
    info.feed(&block);
    block.update(&.{1});
    var okm: [Hmac.mac_length]u8 = undefined;
    block.final(&okm);
    out.* = okm[0..32].*;
    std.crypto.secureZero(u8, &prk);
    std.crypto.secureZero(u8, &okm);
}
