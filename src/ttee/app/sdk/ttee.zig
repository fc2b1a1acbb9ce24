// SPDX-License-Identifier: Apache-2.0
//! What an app sees of its TEE (docs/spec/app-abi.md, version 1).
//!
//!     const ttee = @import("ttee.zig");
//!     comptime { ttee.app(handle); }
//!     pub const panic = ttee.panic;
//!
//!     fn handle(request: []const u8) ttee.Refused![]const u8 {
//!         return request;
//!     }
//!
//! Between calls globals keep their values; what `arena` gave is taken back.
const std = @import("std");

/// The app does not take the request; the client is told so, and no more.
pub const Refused = error{Refused};

/// A panic is a trap: it ends the instance for good.
pub const panic = std.debug.no_panic;

const imports = struct {
    extern "ttee" fn random(out: [*]u8, length: u32) void;
    extern "ttee" fn log(line: [*]const u8, length: u32) void;
    extern "ttee" fn extend(name: [*]const u8, name_length: u32, payload: [*]const u8, payload_length: u32) i32;
    extern "ttee" fn derive_key(path: [*]const u8, path_length: u32, out: *[32]u8) void;
    extern "ttee" fn seal(in: [*]const u8, length: u32, out: [*]u8, capacity: u32) i32;
    extern "ttee" fn unseal(in: [*]const u8, length: u32, out: [*]u8, capacity: u32) i32;
    extern "ttee" fn report(user_data: [*]const u8, length: u32, out: [*]u8, capacity: u32) i32;
};

/// A sealed blob is this much longer than its content.
pub const seal_overhead = 64;

/// Fills `out` from the TEE's generator.
pub fn random(out: []u8) void {
    imports.random(out.ptr, @intCast(out.len));
}

/// One line for the operator, at most 1024 bytes. The host reads it: nothing secret.
pub fn log(line: []const u8) void {
    imports.log(line.ptr, @intCast(line.len));
}

/// Extends register 3 by an event. Name of 1 to 64 bytes of UTF-8, payload of up to 1024 bytes.
pub fn extend(name: []const u8, payload: []const u8) error{ LogFull, Refused }!void {
    const result = imports.extend(name.ptr, @intCast(name.len), payload.ptr, @intCast(payload.len));
    if (result == -2) return error.LogFull;
    if (result != 0) return error.Refused;
}

/// A key bound to this TEE and to this app's authority, or its measurement if it has none. Path of up to 128 bytes.
pub fn deriveKey(path: []const u8) [32]u8 {
    var key: [32]u8 = undefined;
    imports.derive_key(path.ptr, @intCast(path.len), &key);
    return key;
}

/// Encrypts for later runs of this app in this TEE.
pub fn seal(content: []const u8, out: []u8) error{TooSmall}![]u8 {
    const result = imports.seal(content.ptr, @intCast(content.len), out.ptr, @intCast(out.len));
    if (result < 0) return error.TooSmall;
    return out[0..@intCast(result)];
}

/// The reverse of `seal`.
pub fn unseal(blob: []const u8, out: []u8) error{ TooSmall, NotSealed }![]u8 {
    const result = imports.unseal(blob.ptr, @intCast(blob.len), out.ptr, @intCast(out.len));
    if (result == -1) return error.TooSmall;
    if (result < 0) return error.NotSealed;
    return out[0..@intCast(result)];
}

/// Evidence over up to 64 bytes of the app's choice, as CBOR.
pub fn report(user_data: []const u8, out: []u8) error{ TooSmall, Refused }![]u8 {
    const result = imports.report(user_data.ptr, @intCast(user_data.len), out.ptr, @intCast(out.len));
    if (result == -1) return error.TooSmall;
    if (result < 0) return error.Refused;
    return out[0..@intCast(result)];
}

/// Memory for one request.
pub const arena = std.mem.Allocator{ .ptr = undefined, .vtable = &.{
    .alloc = arenaAlloc,
    .resize = std.mem.Allocator.noResize,
    .remap = std.mem.Allocator.noRemap,
    .free = std.mem.Allocator.noFree,
} };

extern const __heap_base: u8; // from the linker: the first byte behind data and stack
var next: u64 = 0;

fn arenaAlloc(_: *anyopaque, size: usize, alignment: std.mem.Alignment, _: usize) ?[*]u8 {
    if (next == 0) next = @intFromPtr(&__heap_base);
    const begin = std.mem.alignForward(u64, next, alignment.toByteUnits());
    const end = begin + size;
    const have = @as(u64, @wasmMemorySize(0)) << 16;
    if (end > have) {
        if (end > std.math.maxInt(u32)) return null;
        if (@wasmMemoryGrow(0, @intCast((end - have + 65535) >> 16)) < 0) return null;
    }
    next = end;
    return @ptrFromInt(@as(usize, @intCast(begin)));
}

/// Exports the app: `handle` is called once per request. Its answer must stay where it is:
/// global, part of the request, or from `arena`.
pub fn app(comptime handle: fn (request: []const u8) Refused![]const u8) void {
    const exports = struct {
        fn alloc(size: u32) callconv(.c) ?[*]u8 {
            next = 0;
            return arena.rawAlloc(size, .@"16", 0);
        }
        fn call(request: [*]const u8, length: u32) callconv(.c) u64 {
            const reply = handle(request[0..length]) catch return std.math.maxInt(u64);
            return @as(u64, @intFromPtr(reply.ptr)) << 32 | reply.len;
        }
    };
    @export(&exports.alloc, .{ .name = "alloc" });
    @export(&exports.call, .{ .name = "handle" });
}
