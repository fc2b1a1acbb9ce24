# SPDX-License-Identifier: Apache-2.0
"""What stands in the machine's flash: the boot ROM, and the descriptor of the monitor it is to start.

QEMU's `virt` wants flash of exactly 32 MiB and reads all of it at start. Ours is a sparse qcow2 image whose holes
lie on a null device, so that only the written clusters are read: 2 ms instead of 10.
Layout: QEMU docs/interop/qcow2.txt.
"""

from __future__ import annotations

import struct

from attrs import frozen

FLASH_SIZE = 32 << 20
DESCRIPTOR_OFFSET = 0x10_0000
MODE_NORMAL, MODE_DEBUG = 1, 2

_CLUSTER_BITS = 16
_CLUSTER = 1 << _CLUSTER_BITS
_COPIED = 1 << 63
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_HEADER_CLUSTERS = 5  # header, refcount table, refcount block, L1 table, L2 table


@frozen(slots=True)
class MonitorDescriptor:
    """Says which monitor the boot ROM starts (docs/spec/riscv.md, section 2)."""

    size: int
    svn: int
    authority: bytes = bytes(32)
    signature: bytes = bytes(64)
    mode: int = MODE_NORMAL

    def encode(self) -> bytes:
        """The 128 bytes in flash."""
        return struct.pack(
            "<8sQQ32s64sQ", b"TTEEMON1", self.size, self.svn, self.authority, self.signature, self.mode
        )


def flash_image(boot: bytes, descriptor: MonitorDescriptor) -> bytes:
    """The flash's content up to its last byte that is not zero."""
    if len(boot) > DESCRIPTOR_OFFSET:
        raise ValueError("the boot ROM runs into the monitor descriptor")
    return boot.ljust(DESCRIPTOR_OFFSET, b"\0") + descriptor.encode()


def sparse_qcow2(content: bytes) -> bytes:
    """`content` as a qcow2 (version 3) image of `FLASH_SIZE` bytes; clusters of zeros are left out."""
    clusters = [content[at : at + _CLUSTER] for at in range(0, len(content), _CLUSTER)]
    data = bytearray()
    level_2 = []
    for cluster in clusters:
        used = any(cluster)
        level_2.append(_COPIED | (_HEADER_CLUSTERS * _CLUSTER + len(data)) if used else 0)
        data += cluster.ljust(_CLUSTER, b"\0") if used else b""
    total = _HEADER_CLUSTERS + len(data) // _CLUSTER
    header = _HEADER.pack(
        *(b"QFI\xfb", 3),
        *(0, 0),  # no backing file named; the command line gives one
        *(_CLUSTER_BITS, FLASH_SIZE, 0),
        *(1, 3 * _CLUSTER),  # L1: one entry
        *(1 * _CLUSTER, 1),  # refcount table
        *(0, 0, 0, 0, 0),  # no snapshots, no features
        *(4, _HEADER.size),  # 16-bit refcounts
    )
    tables = (
        header,
        struct.pack(">Q", 2 * _CLUSTER),
        struct.pack(f">{total}H", *(1,) * total),
        struct.pack(">Q", _COPIED | 4 * _CLUSTER),
        struct.pack(f">{len(level_2)}Q", *level_2),
    )
    return b"".join(table.ljust(_CLUSTER, b"\0") for table in tables) + bytes(data)
