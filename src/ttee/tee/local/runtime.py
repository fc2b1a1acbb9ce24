# SPDX-License-Identifier: Apache-2.0
"""The runtime around an app, as an enclave's would be: registers, channel, evidence, requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ttee.channel.keeper import ChannelKeeper
from ttee.channel.sealed import ReplyStatus
from ttee.codec import cbor
from ttee.errors import RequestTooLargeError
from ttee.guest.abi import Services, TrapError
from ttee.guest.registers import RUNTIME, SYSTEM_READY, RuntimeRegisters, encode_log
from ttee.guest.statement import Statement
from ttee.tee.local.evidence import LocalClaims, config_digest, signed
from ttee.tee.local.keys import sealer_for
from ttee.tee.local.sandbox import Sandbox, trapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from ttee.app.bundle import Bundle

_REFUSED: Final = (1 << 64) - 1


class Runtime:
    """One app, running. AppTrappedError from any method ends it for good."""

    def __init__(self, bundle: Bundle, secret: bytes, *, fuel: int, line: Callable[[str], None]) -> None:
        """Start `bundle`. `secret`: of the device; `line`: takes the app's console. Raises ModuleError."""
        self._bundle = bundle
        self._measurement = bundle.measurement
        self._key = Ed25519PrivateKey.generate()
        self._keeper = ChannelKeeper(self._measurement)
        self._registers = RuntimeRegisters()
        self._registers.extend(RUNTIME, "app", self._measurement)
        self._registers.extend(RUNTIME, "config", config_digest(bundle))
        self._registers.extend(RUNTIME, SYSTEM_READY, b"")
        sealer = sealer_for(bundle, secret)
        self._sandbox = Sandbox(
            bundle.module,
            bundle.limits,
            lambda sandbox: Services(
                memory=sandbox,
                registers=self._registers,
                sealer=sealer,
                line=line,
                evidence=lambda user_data: self.evidence(b"", user_data),
            ),
            fuel=fuel,
        )
        self._sandbox.start()

    def evidence(self, nonce: bytes, user_data: bytes = b"") -> bytes:
        """The parts of evidence, as a CBOR map."""
        statement = Statement(
            app=self._measurement,
            nonce=nonce,
            registers=self._registers.values,
            user_data=user_data,
            channel_key=self._keeper.public_key,
        )
        claims = LocalClaims(
            registers=self._registers.values,
            public_key=self._key.public_key().public_bytes_raw(),
            report_data=statement.report_data,
        ).encode()
        return cbor.dumps(
            {
                "log": encode_log(self._registers.events),
                "claims": claims,
                "signature": self._key.sign(signed(claims)),
                "statement": statement.encode(),
            }
        )

    def call(self, sealed: bytes) -> bytes:
        """The sealed reply to a sealed request.

        Raises ChannelError, ReplayedError, KeysUsedUpError, RequestTooLargeError, AppTrappedError.
        """
        request = self._keeper.open(sealed)
        most = self._bundle.limits.request
        if len(request.payload) > most:
            raise RequestTooLargeError(
                f"the request has {len(request.payload)} bytes; the app takes {most}",
                source="docs/spec/app.md",
            )
        return request.seal_reply(*self._answer(request.payload))

    def _answer(self, request: bytes) -> tuple[ReplyStatus, bytes]:
        address = self._sandbox.alloc(len(request))
        if address == 0:
            return ReplyStatus.REFUSED, b"no room for the request"
        self._check(address, len(request))
        self._sandbox.write(address, request)
        answer = self._sandbox.handle(address, len(request))
        if answer == _REFUSED:
            return ReplyStatus.REFUSED, b"refused by the app"
        address, length = answer >> 32, answer & 0xFFFFFFFF
        self._check(address, length)
        if length > self._bundle.limits.reply:
            return ReplyStatus.REFUSED, b"the reply is larger than the app's limit"
        return ReplyStatus.OK, self._sandbox.read(address, length)

    def _check(self, address: int, length: int) -> None:
        try:
            self._sandbox.check(address, length)
        except TrapError as problem:
            raise trapped(str(problem)) from None
