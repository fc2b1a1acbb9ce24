# SPDX-License-Identifier: Apache-2.0
"""The config page of an enclave, and how much memory an enclave needs (docs/spec/riscv.md, section 3). Pure.

The sizes mirror firmware/runtime: layout.h for the order of things, memory.c and main.c for what is taken.
"""

from __future__ import annotations

import struct
from typing import Final

from ttee.app.bundle import PAGE as WASM_PAGE
from ttee.app.bundle import Bundle, Limits
from ttee.tee.riscv.measure import PAGE, padded

MAGIC: Final = b"TTEECFG1"
_FIELDS: Final = struct.Struct("<8s48s32sQIIIII64s")

_STACK_GUARD: Final = 0x10000
_STACK_RUNTIME: Final = 0x4000
_LOG: Final = 65536
_REPORT_AND_CLAIMS: Final = 1352 + 1024
_SEEN: Final = 4096 * 32
_EVIDENCE: Final = _LOG + _REPORT_AND_CLAIMS + 640 + 64
_STEP: Final = 256
_SHARED_HEADER: Final = 8192
_ROUNDING: Final = 6 * 16


def config_page(bundle: Bundle) -> bytes:
    """The 4096 bytes that tell an enclave's runtime which app it runs, and within which limits."""
    limits = bundle.limits
    name = bundle.name.encode()
    return padded(
        _FIELDS.pack(
            MAGIC,
            bundle.measurement,
            bundle.authority,
            bundle.svn,
            limits.memory // WASM_PAGE,
            limits.stack,
            limits.request,
            limits.reply,
            len(name),
            name,
        )
    )


def sealed_request_size(limits: Limits) -> int:
    """Bytes of the longest request message (docs/spec/channel.md)."""
    return 32 + _steps(36 + limits.request) + 16


def epm_size_for(limits: Limits, runtime: bytes, app: bytes) -> int:
    """The smallest EPM, a power of two, that holds these images, the runtime's buffers and linear memory."""
    buffers = _LOG + _REPORT_AND_CLAIMS + _SEEN + sealed_request_size(limits) + _outbox(limits) + _ROUNDING
    stack = _STACK_GUARD + limits.stack + _STACK_RUNTIME
    images = len(padded(runtime)) + PAGE + len(padded(app))
    return _power_of_two(images + stack + buffers + limits.memory)


def utm_size_for(limits: Limits) -> int:
    """The smallest shared pages, a power of two, that hold every request and every reply."""
    return _power_of_two(_SHARED_HEADER + _outbox(limits))


def _outbox(limits: Limits) -> int:
    return max(_steps(8 + limits.reply) + 16, sealed_request_size(limits), _EVIDENCE)


def _steps(size: int) -> int:
    return size + -size % _STEP


def _power_of_two(size: int) -> int:
    return max(PAGE, 1 << (size - 1).bit_length())
