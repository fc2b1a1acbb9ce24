# SPDX-License-Identifier: Apache-2.0
"""The attacker's tools: patched sources, altered evidence, and hands on the memory chips.

Nothing here is simulated. Whoever owns the machine that emulates the TEE can do all of it.
"""

from __future__ import annotations

import shutil
import string
import struct
from collections.abc import Callable
from hashlib import sha3_512, sha512
from pathlib import Path

import attrs
from attrs import frozen
from nacl.bindings import (
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
)

from story import OtherwiseError
from ttee.codec import cbor
from ttee.guest.statement import Statement
from ttee.model import Evidence
from ttee.tee.keystone import evidence as keystone

_BACKDOOR = ("owner == runs : boot.mode == MODE_DEBUG;", "owner == runs : true;")
_LEAK = (
    "fn handle(request: []const u8) ttee.Refused![]const u8 {\n",
    "fn handle(request: []const u8) ttee.Refused![]const u8 {\n    ttee.log(request);\n",
)
_BID = struct.Struct("<32sIIQ")
_MAX_AMOUNT = 10**15
_NAME = frozenset((string.ascii_letters + string.digits + "-_").encode())


# --- patched software -----------------------------------------------------------------------------


def patched_app(app: Path, copy: Path) -> Path:
    """A copy of the auction with one line more: it tells the host every request."""
    shutil.copytree(app, copy, ignore=shutil.ignore_patterns("build", "__pycache__"))
    _patch(copy / "auction.zig", *_LEAK)
    return copy


def patched_firmware(sources: Path, copy: Path) -> Path:
    """A copy of the firmware whose monitor leaves every enclave open to the host, and denies it."""
    shutil.copytree(sources, copy)
    _patch(copy / "monitor" / "pmp.c", *_BACKDOOR)
    return copy


def _patch(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    if text.count(old) != 1:
        raise OtherwiseError(f"{file.name} has changed: the demo's patch does not fit any more")
    file.write_text(text.replace(old, new), "utf-8")


# --- hosts that lie ---------------------------------------------------------------------------------


@frozen(slots=True)
class LyingHost:
    """Answers challenges with whatever evidence it likes."""

    answer: Callable[[bytes], Evidence]

    def evidence(self, nonce: bytes) -> Evidence:
        """What `answer` makes of the challenge."""
        return self.answer(nonce)

    def call(self, sealed: bytes) -> bytes:
        """Never reached: nobody sends anything to a host whose evidence is refused."""
        raise RuntimeError(f"a client sealed {len(sealed)} bytes for a host that lied")


# --- altered evidence -----------------------------------------------------------------------------


def with_channel_key(evidence: Evidence, key: bytes) -> Evidence:
    """The same evidence, but for the channel key: what a man in the middle would like."""
    statement = attrs.evolve(Statement.decode(evidence.parts["statement"]), channel_key=key)
    return Evidence(evidence.tee, {**evidence.parts, "statement": statement.encode()})


def forged(evidence: Evidence, user_data: bytes, monitor_secret: bytes) -> Evidence:
    """Evidence over other user data, signed with the monitor's stolen key: the real thing, for all anyone sees."""
    statement = attrs.evolve(Statement.decode(evidence.parts["statement"]), user_data=user_data)
    claims = cbor.loads(evidence.parts["claims"], what="claims", max_size=4096)
    assert isinstance(claims, dict)  # noqa: S101 (our own TEE made it)
    new_claims = cbor.dumps({**claims, "report_data": statement.report_data})
    report = attrs.evolve(
        keystone.parse(evidence.parts["report"]), data=sha512(b"ttee/riscv-claims/1" + new_claims).digest()
    )
    signature = _sign(monitor_secret, report.sm_public_key, report.enclave_signed)
    parts = {
        "report": keystone.encode(attrs.evolve(report, enclave_signature=signature)),
        "claims": new_claims,
        "statement": statement.encode(),
        "log": evidence.parts["log"],
    }
    return Evidence(evidence.tee, parts)


def _sign(secret: bytes, public: bytes, message: bytes) -> bytes:
    """Keystone's EdDSA with a key in its expanded form: clamped scalar, then the prefix for nonces."""
    nonce = crypto_core_ed25519_scalar_reduce(sha3_512(secret[32:] + message).digest())
    big_r = crypto_scalarmult_ed25519_base_noclamp(nonce)
    challenge = crypto_core_ed25519_scalar_reduce(sha3_512(big_r + public + message).digest())
    product = crypto_core_ed25519_scalar_mul(challenge, _scalar(secret))
    return big_r + crypto_core_ed25519_scalar_add(nonce, product)


# --- memory chips ---------------------------------------------------------------------------------


def find_bids(memory: bytes) -> dict[str, int]:
    """Every name and amount in the auction's memory: who has read auction.zig knows its tables."""
    bids = {}
    for at in range(0, len(memory) - _BID.size, 8):
        field, length, gap, amount = _BID.unpack_from(memory, at)
        if not 1 <= length <= 32 or gap or not 1 <= amount <= _MAX_AMOUNT:
            continue
        name = field[:length]
        if _NAME.issuperset(name) and not any(field[length:]):
            bids[name.decode()] = amount
    return bids


def find_secret(memory: bytes, public: bytes) -> bytes | None:
    """The 64-byte secret key of `public`, looked for around every place where `public` itself lies."""
    found = memory.find(public)
    while found >= 0:
        for at in range(max(found - 256, 0), min(found + 256, len(memory) - 64), 8):
            candidate = memory[at : at + 64]
            if any(candidate[:32]) and crypto_scalarmult_ed25519_base_noclamp(_scalar(candidate)) == public:
                return candidate
        found = memory.find(public, found + 1)
    return None


def _scalar(secret: bytes) -> bytes:
    return crypto_core_ed25519_scalar_reduce(secret[:32] + bytes(32))
