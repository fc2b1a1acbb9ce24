# SPDX-License-Identifier: Apache-2.0
"""A RISC-V TEE in software: evidence as our monitor and runtime make it, with any fault one likes.

    tee = SoftwareTee()                                     # a random device, a made-up monitor and app
    evidence = tee.evidence()
    endorsements = Endorsements(anchors=(tee.anchor(),))
    lying = evolve(tee, claims=tee.altered_claims(debug=True))   # signed all the same
    claims = verify(lying.evidence(), endorsements, nonce=tee.nonce)

Each part that is not given is made from the one before it: log → statement → claims → data → report. A part
that is given is taken as it is, and signed: that is what a malicious runtime or monitor could do. To forge
without the keys, change the bytes of `evidence()` afterwards.
"""

from __future__ import annotations

from hashlib import sha3_512, sha384
from typing import TYPE_CHECKING

from attrs import field, frozen

from ttee.codec import cbor
from ttee.guest.registers import Event, encode_log, replay
from ttee.guest.statement import Statement, report_data_of
from ttee.model import Anchor, Assurance, Evidence
from ttee.tee.keystone import evidence as keystone
from ttee.tee.riscv.claims import PROFILE, MonitorClaims, digest
from ttee.tee.riscv.evidence import NAME, Parts
from ttee.testing.keystone import Device

if TYPE_CHECKING:
    from collections.abc import Mapping

APP = sha384(b"ttee/testing: an app").digest()
CONFIG = sha384(b"ttee/testing: its config").digest()


@frozen(slots=True, kw_only=True)
class SoftwareTee:
    """Everything that goes into evidence; `evolve` makes another one that differs in what you name."""

    device: Device = field(factory=Device.random)
    monitor_hash: bytes = sha3_512(b"ttee/testing: a monitor").digest()
    enclave_hash: bytes = sha3_512(b"ttee/testing: an enclave").digest()
    app: bytes = APP
    nonce: bytes = b"\x5a" * 32
    user_data: bytes = b""
    channel_key: bytes = b"\x09" + bytes(31)
    svn: int = 1
    app_svn: int = 1
    debug: bool = False
    platform: str = "qemu-virt"
    authority: bytes = b""
    identity: tuple[Event, ...] | None = None
    """Events of register 0; by default app, config and system-ready."""
    events: tuple[Event, ...] = ()
    """What the app extended afterwards."""

    log: bytes | None = None
    statement: bytes | None = None
    claims: bytes | None = None
    data: bytes | None = None
    """The report's data, in place of the digest of the claims."""

    def anchor(self, assurance: Assurance = Assurance.EMULATED) -> Anchor:
        """What a policy holds that pins this device."""
        return self.device.anchor(NAME, assurance)

    def evidence(self) -> Evidence:
        """The evidence."""
        return self.parts().evidence()

    def parts(self) -> Parts:
        """The four parts, as bytes."""
        claims = self._claims()
        data = digest(claims) if self.data is None else self.data
        report = self.device.boot_measured(self.monitor_hash).report(self.enclave_hash, data)
        return Parts(keystone.encode(report), claims, self._statement(), self._log())

    def all_events(self) -> tuple[Event, ...]:
        """The log, oldest first."""
        identity = self.identity
        if identity is None:
            identity = (Event(0, "app", self.app), Event(0, "config", CONFIG), Event(0, "system-ready", b""))
        return identity + self.events

    def honest_statement(self) -> Statement:
        """What an honest runtime states."""
        return Statement(self.app, self.nonce, replay(self.all_events()), self.user_data, self.channel_key)

    def honest_claims(self) -> MonitorClaims:
        """What an honest monitor claims; its report data is the digest of the statement, whatever that is."""
        return MonitorClaims(
            svn=self.svn,
            debug=self.debug,
            app_svn=self.app_svn,
            profile=PROFILE,
            epm_size=1 << 21,
            platform=self.platform,
            utm_size=1 << 17,
            authority=self.authority,
            registers=replay(self.all_events()),
            report_data=report_data_of(self._statement()),
        )

    def altered_claims(self, **changes: cbor.Encodable) -> bytes:
        """The honest claims but for some keys, which may be of any kind, or unknown ones."""
        return _altered(self._claims(), changes)

    def altered_statement(self, **changes: cbor.Encodable) -> bytes:
        """The same for the statement."""
        return _altered(self._statement(), changes)

    def _log(self) -> bytes:
        return encode_log(self.all_events()) if self.log is None else self.log

    def _statement(self) -> bytes:
        return self.honest_statement().encode() if self.statement is None else self.statement

    def _claims(self) -> bytes:
        return self.honest_claims().encode() if self.claims is None else self.claims


def _altered(data: bytes, changes: Mapping[str, cbor.Encodable]) -> bytes:
    value = cbor.loads(data, what="part", max_size=len(data))
    if not isinstance(value, dict):
        raise TypeError("only a map can be altered by keys")
    return cbor.dumps({**value, **changes})
