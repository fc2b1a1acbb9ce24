// SPDX-License-Identifier: Apache-2.0
//! NAME: greets whoever asks, and counts.
const std = @import("std");
const ttee = @import("ttee.zig");

comptime {
    ttee.app(handle);
}
pub const panic = ttee.panic;

/// Globals keep their values between requests; memory from the arena is taken back.
var greeted: u64 = 0;

fn handle(request: []const u8) ttee.Refused![]const u8 {
    if (request.len == 0) return error.Refused;
    greeted += 1;
    return std.fmt.allocPrint(ttee.arena, "Hello, {s}! You are number {d}.\n", .{ request, greeted }) catch
        return error.Refused;
}
