# SPDX-License-Identifier: Apache-2.0
"""Measurements of the monitor and of enclaves, recomputed. Pure: what a verifier needs, without QEMU or a compiler.

Source: docs/spec/riscv.md, sections 2 and 3; Keystone sm/src/attest.c.
"""

from __future__ import annotations

import hashlib
import struct

PAGE = 4096


def padded(image: bytes) -> bytes:
    """`image`, followed by zeros to whole pages."""
    return image + bytes(-len(image) % PAGE)


def monitor_hash(monitor: bytes) -> bytes:
    """SHA3-512 of the monitor's flat image in whole pages: 64 bytes."""
    return hashlib.sha3_512(padded(monitor)).digest()


def enclave_measurement(runtime: bytes, config: bytes, app: bytes) -> bytes:
    """SHA3-512 of the three sizes and the pages: 64 bytes. Each image is padded to whole pages first."""
    images = [padded(image) for image in (runtime, config, app)]
    return hashlib.sha3_512(struct.pack("<3Q", *map(len, images)) + b"".join(images)).digest()
