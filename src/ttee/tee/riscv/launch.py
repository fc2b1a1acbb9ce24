# SPDX-License-Identifier: Apache-2.0
"""Starting an app in the RISC-V TEE: firmware, a machine, one enclave in it, and the conversation with that.

I/O: compiles (once, then from a cache), starts a process.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from ttee.app.bundle import Bundle
from ttee.errors import TeeUnavailableError
from ttee.model import Anchor, Assurance, ClaimValue, Evidence
from ttee.tee.base import Availability
from ttee.tee.riscv.aot import build_runtime, compile_app
from ttee.tee.riscv.config import config_page, epm_size_for, utm_size_for
from ttee.tee.riscv.device import device_key, device_secret
from ttee.tee.riscv.evidence import NAME
from ttee.tee.riscv.firmware import Firmware, build_firmware
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.measure import enclave_measurement
from ttee.tee.riscv.qemu import QEMU
from ttee.tee.riscv.runtime import Enclave
from ttee.tee.riscv.sources import firmware_sources


class RiscvInstance:
    """An app that runs in an enclave of a machine of its own (`ttee.tee.base.Instance`)."""

    tee = NAME

    def __init__(self, bundle: Bundle, machine: Machine, enclave: Enclave, *, timeout: float) -> None:
        """Use `launch`. `timeout`: seconds that each answer may take."""
        self.bundle = bundle
        self.machine = machine
        self.enclave = enclave
        self._timeout = timeout

    def evidence(self, nonce: bytes) -> Evidence:
        """Evidence over `nonce` (16 to 64 bytes). Raises TeeError."""
        return Evidence(NAME, self.enclave.attest(nonce, timeout=self._timeout))

    def call(self, sealed: bytes) -> bytes:
        """The sealed reply to a sealed request (docs/spec/channel.md). Raises TeeError, TransportError."""
        return self.enclave.call(sealed, timeout=self._timeout)

    def log(self) -> list[str]:
        """The app's console lines since the last call. Raises TeeDiedError once the machine has ended."""
        lines = self.enclave.console()
        if not lines:
            self.machine.qemu.check_alive()
        return lines

    def close(self) -> None:
        """End the machine and all that is in it. Twice is fine; a request under way ends with TeeDiedError."""
        self.machine.qemu.close()
        self.enclave.abandon()
        self.machine.close()

    def __enter__(self) -> Self:
        """Return the instance itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()


def launch(
    bundle: Bundle,
    *,
    state: Path,
    signature: bytes = b"",
    timeout: float = 60.0,
    firmware: Firmware | None = None,
) -> RiscvInstance:
    """Start `bundle`; `state` holds the device secret. `signature`: the authority's, if the bundle names one.

    `firmware`: other firmware than this installation's, which is how an attacker would start it.

    Raises TeeUnavailableError without QEMU or compiler, TeeError when the monitor refuses, AppTrappedError.
    """
    images = _images(bundle)
    with ExitStack() as failure:
        machine = failure.enter_context(
            Machine(firmware or build_firmware(), device_secret(state), timeout=timeout)
        )
        handle = machine.create_enclave(
            *images,
            epm_size=epm_size_for(bundle.limits, images[0], images[2]),
            utm_size=utm_size_for(bundle.limits),
            signature=signature,
        )
        enclave = Enclave.start(handle, bundle.limits, timeout=timeout)
        failure.pop_all()
    return RiscvInstance(bundle, machine, enclave, timeout=timeout)


def measure(bundle: Bundle) -> Mapping[str, ClaimValue]:
    """What a verifier should expect of this bundle, recomputed from source: enclave and monitor measurements."""
    firmware = build_firmware()
    return {
        "enclave_hash": enclave_measurement(*_images(bundle)),
        "monitor_hash": firmware.monitor_hash,
        "monitor_svn": firmware.monitor_svn,
    }


def to_sign(bundle: Bundle) -> bytes:
    """What an authority signs (docs/spec/riscv.md, section 3): its app in this runtime, at this security version."""
    return b"ttee/enclave/1" + enclave_measurement(*_images(bundle)) + bundle.svn.to_bytes(8, "little")


def anchors(state: Path) -> tuple[Anchor, ...]:
    """This machine's own device, as a policy pins it."""
    return (Anchor(NAME, device_key(device_secret(state)), Assurance.EMULATED, "made on this machine"),)


def available() -> Availability:
    """Whether QEMU, wasm2c, the cross compiler and the firmware's sources are here."""
    for program, package in ((QEMU, "qemu-system-misc"), ("wasm2c", "wabt")):
        if shutil.which(program) is None:
            return Availability(works=False, missing=program, hint=f"apt-get install {package}")
    if find_spec("ziglang") is None:
        return Availability(works=False, missing="the cross compiler", hint="pip install 'ttee[riscv]'")
    try:
        firmware_sources()
    except TeeUnavailableError as error:
        return Availability(works=False, missing=error.message, hint=error.hint or "")
    return Availability(works=True)


def _images(bundle: Bundle) -> tuple[bytes, bytes, bytes]:
    """Runtime, config page and app: what the monitor measures."""
    return build_runtime(), config_page(bundle), compile_app(bundle.module)
