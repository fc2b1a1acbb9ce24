// SPDX-License-Identifier: Apache-2.0
//! A sealed-bid second-price auction (Vickrey 1961) of one lot.
//!
//!     open <lot> <reserve>     once               -> token <32 hex digits>
//!     bid <name> <amount>      once per name      -> receipt <64 hex digits>
//!     status                                      -> <state>, lot, reserve and number of bids
//!     close <token>            may be repeated    -> result, an empty line, evidence (CBOR)
//!
//! The highest bid wins and pays the second highest, or the reserve if there is no second; of equal bids
//! the earlier wins. Every other amount stays in here. What is not accepted is answered `refused: <why>`.
const std = @import("std");
const ttee = @import("ttee.zig");
const Sha256 = std.crypto.hash.sha2.Sha256;
const Sha512 = std.crypto.hash.sha2.Sha512;

comptime {
    ttee.app(handle);
}
pub const panic = ttee.panic;

const max_bids = 100;
const max_name = 32;
const max_amount = 1_000_000_000_000_000;
const max_evidence = 16 * 1024;

const Name = extern struct {
    bytes: [max_name]u8 = @splat(0),
    len: u32 = 0,

    fn text(self: *const Name) []const u8 {
        return self.bytes[0..self.len];
    }
};
const Bid = extern struct { name: Name, amount: u64 };

var state: enum { new, open, closed } = .new;
var lot: Name = .{};
var reserve: u64 = 0;
var token: [16]u8 = undefined;
var bids: [max_bids]Bid = undefined;
var count: usize = 0;

const Refusal = error{ Unknown, BadName, BadAmount, BadToken, NotOpen, OpenAlready, Closed, BelowReserve, NameTaken, Full, NoEvidence };

fn why(refusal: Refusal) []const u8 {
    return switch (refusal) {
        error.Unknown => "refused: say open <lot> <reserve>, bid <name> <amount>, close <token> or status",
        error.BadName => "refused: a name is 1 to 32 of a-z A-Z 0-9 - _",
        error.BadAmount => "refused: an amount is a whole number from 1 to 1000000000000000, without leading zeros",
        error.BadToken => "refused: that is not the token that open returned",
        error.NotOpen => "refused: the auction is not open yet",
        error.OpenAlready => "refused: the auction has been opened already",
        error.Closed => "refused: the auction is closed",
        error.BelowReserve => "refused: the amount is below the reserve",
        error.NameTaken => "refused: that name has bid already; the first bid counts",
        error.Full => "refused: no more bids are taken",
        error.NoEvidence => "refused: the TEE gave no evidence; try again",
    };
}

fn handle(request: []const u8) ttee.Refused![]const u8 {
    return answer(request) catch |refusal| why(refusal);
}

fn answer(request: []const u8) Refusal![]const u8 {
    var words: [3][]const u8 = undefined;
    var split = std.mem.splitScalar(u8, request, ' ');
    var n: usize = 0;
    while (split.next()) |word| : (n += 1) {
        if (n == words.len) return error.Unknown;
        words[n] = word;
    }
    const is = std.mem.eql;
    if (n == 3 and is(u8, words[0], "open")) return open(words[1], words[2]);
    if (n == 3 and is(u8, words[0], "bid")) return bid(words[1], words[2]);
    if (n == 2 and is(u8, words[0], "close")) return close(words[1]);
    if (n == 1 and is(u8, words[0], "status")) return status();
    return error.Unknown;
}

/// The lot and the reserve are public: they go into register 3 as they are.
fn open(lot_text: []const u8, reserve_text: []const u8) Refusal![]const u8 {
    if (state != .new) return error.OpenAlready;
    const parsed_lot = try parseName(lot_text);
    const parsed_reserve = try parseAmount(reserve_text);
    ttee.extend("open", print("{s} {s}", .{ lot_text, reserve_text })) catch return error.Full;
    lot = parsed_lot;
    reserve = parsed_reserve;
    ttee.random(&token);
    state = .open;
    return print("token {s}", .{std.fmt.bytesToHex(token, .lower)});
}

/// A bid goes into register 3 as a commitment: the salt lets its bidder find it, and keeps others from guessing it.
fn bid(name_text: []const u8, amount_text: []const u8) Refusal![]const u8 {
    try mustBeOpen();
    const name = try parseName(name_text);
    const amount = try parseAmount(amount_text);
    if (amount < reserve) return error.BelowReserve;
    for (bids[0..count]) |*other| {
        if (std.mem.eql(u8, other.name.text(), name_text)) return error.NameTaken;
    }
    if (count == max_bids) return error.Full;

    var salt: [32]u8 = undefined;
    ttee.random(&salt);
    var commitment: [Sha256.digest_length]u8 = undefined;
    var hash = Sha256.init(.{});
    hash.update("auction/1 bid");
    hash.update(&salt);
    hash.update(name_text);
    hash.update(&.{0});
    hash.update(amount_text);
    hash.final(&commitment);
    ttee.extend("bid", &commitment) catch return error.Full;

    bids[count] = .{ .name = name, .amount = amount };
    count += 1;
    return print("receipt {s}", .{std.fmt.bytesToHex(salt, .lower)});
}

fn status() []const u8 {
    if (state == .new) return "not open yet";
    return print("{s}: lot {s}, reserve {d}, bids {d}", .{ @tagName(state), lot.text(), reserve, count });
}

/// Whoever holds the token may ask again: a host that loses the answer cannot make it disappear.
fn close(token_text: []const u8) Refusal![]const u8 {
    if (state == .new) return error.NotOpen;
    var given: [token.len]u8 = undefined;
    if (token_text.len != 2 * token.len) return error.BadToken;
    _ = std.fmt.hexToBytes(&given, token_text) catch return error.BadToken;
    if (!std.crypto.timing_safe.eql([token.len]u8, given, token)) return error.BadToken;
    state = .closed;

    const text = result();
    var digest: [Sha512.digest_length]u8 = undefined;
    Sha512.hash(text, &digest, .{});
    const evidence = ttee.report(&digest, take(max_evidence)) catch return error.NoEvidence;
    return print("{s}\n{s}", .{ text, evidence });
}

/// Every line ends in a newline and none is empty, so that an empty line can end it.
fn result() []const u8 {
    const terms = .{ lot.text(), reserve, count };
    if (count == 0) return print("auction/1 result\nlot {s}\nreserve {d}\nbids {d}\nsold no\n", terms);
    var winner = &bids[0];
    var price = reserve;
    for (bids[1..count]) |*next| {
        const loser = if (next.amount > winner.amount) winner else next;
        if (next.amount > winner.amount) winner = next;
        price = @max(price, loser.amount);
    }
    return print("auction/1 result\nlot {s}\nreserve {d}\nbids {d}\nsold yes\nwinner {s}\nprice {d}\n", //
        terms ++ .{ winner.name.text(), price });
}

fn mustBeOpen() Refusal!void {
    switch (state) {
        .new => return error.NotOpen,
        .open => {},
        .closed => return error.Closed,
    }
}

fn parseName(text: []const u8) Refusal!Name {
    if (text.len == 0 or text.len > max_name) return error.BadName;
    var name: Name = .{ .len = @intCast(text.len) };
    for (text, name.bytes[0..text.len]) |c, *to| {
        if (!std.ascii.isAlphanumeric(c) and c != '-' and c != '_') return error.BadName;
        to.* = c;
    }
    return name;
}

fn parseAmount(text: []const u8) Refusal!u64 {
    if (text.len == 0 or text[0] == '0') return error.BadAmount;
    var amount: u64 = 0;
    for (text) |c| {
        if (!std.ascii.isDigit(c)) return error.BadAmount;
        amount = amount * 10 + (c - '0');
        if (amount > max_amount) return error.BadAmount;
    }
    return amount;
}

/// Memory until the next request. All answers together fit by far, so running out is a fault of this app: a trap.
fn take(size: usize) []u8 {
    return ttee.arena.alloc(u8, size) catch unreachable;
}

fn print(comptime format: []const u8, values: anytype) []const u8 {
    return std.fmt.allocPrint(ttee.arena, format, values) catch unreachable;
}
