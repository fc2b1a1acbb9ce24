# SPDX-License-Identifier: Apache-2.0
"""The bodies of Intel quotes: what an enclave or a trust domain is. No cryptography; integers are little-endian.

    SGX report 384             TD report 584, 648 in version 1.5
      0  16 CPU SVN              0  16 TEE TCB SVN        232  48 MRCONFIGID
     16   4 MISCSELECT          16  48 MRSEAM             280  48 MROWNERCONFIG (owner's at 232 + 48)
     48  16 attributes          64  48 MRSIGNERSEAM       328 192 RTMR 0 to 3
     64  32 MRENCLAVE          112   8 SEAM attributes    520  64 report data
    128  32 MRSIGNER           120   8 TD attributes      584  16 TEE TCB SVN 2 (1.5)
    256   2 ISV product id     128   8 XFAM               600  48 MRSERVICETD (1.5)
    258   2 ISV SVN            136  48 MRTD
    320  64 report data        184  48 MRCONFIGID, 232 MROWNER, 280 MROWNERCONFIG

Source: Intel SDM volume 3D, table 39-22 (REPORT); Intel TDX Module ABI, TDREPORT_STRUCT.
"""

from __future__ import annotations

import struct
from typing import ClassVar

from attrs import frozen

_SGX = struct.Struct("<16s4s28s16s32s32s32s96sHH60s64s")
_TD = struct.Struct("<16s48s48s8s8s8s48s48s48s48s48s48s48s48s64s")
_TD_15 = struct.Struct("<16s48s")


@frozen(slots=True)
class SgxReport:
    """What an enclave is: `misc_select` and `attributes` as they stand, reserved fields as they came."""

    SIZE: ClassVar[int] = 384

    cpu_svn: bytes
    misc_select: bytes
    reserved_1: bytes
    attributes: bytes
    mr_enclave: bytes
    reserved_2: bytes
    mr_signer: bytes
    reserved_3: bytes
    isv_prod_id: int
    isv_svn: int
    reserved_4: bytes
    report_data: bytes

    @classmethod
    def parse(cls, data: bytes) -> SgxReport:
        """The report in exactly 384 bytes."""
        return cls(*_SGX.unpack(data))

    def encode(self) -> bytes:
        """Its 384 bytes."""
        return _SGX.pack(*(getattr(self, name) for name in _SGX_FIELDS))

    @property
    def debug(self) -> bool:
        """DEBUG, bit 1 of the attributes: the host may read and write the enclave."""
        return bool(self.attributes[0] & 0x02)


@frozen(slots=True)
class TdReport:
    """What a trust domain is. The last two fields are None in version 1.0."""

    SIZE: ClassVar[int] = 584
    SIZE_15: ClassVar[int] = 648

    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    td_attributes: bytes
    xfam: bytes
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    report_data: bytes
    tee_tcb_svn_2: bytes | None = None
    mr_service_td: bytes | None = None

    @classmethod
    def parse(cls, data: bytes) -> TdReport:
        """The report in exactly 584 or 648 bytes."""
        if len(data) == cls.SIZE:
            return cls(*_TD.unpack(data))
        return cls(*_TD.unpack_from(data), *_TD_15.unpack_from(data, cls.SIZE))

    def encode(self) -> bytes:
        """Its 584 or 648 bytes."""
        base = _TD.pack(*(getattr(self, name) for name in _TD_FIELDS[:15]))
        if self.tee_tcb_svn_2 is None or self.mr_service_td is None:
            return base
        return base + _TD_15.pack(self.tee_tcb_svn_2, self.mr_service_td)

    @property
    def rtmrs(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The four runtime registers."""
        return self.rtmr0, self.rtmr1, self.rtmr2, self.rtmr3

    @property
    def debug(self) -> bool:
        """Whether any bit of the group "TD under debug" is set: bits 0 to 7 of the TD attributes."""
        return self.td_attributes[0] != 0


_SGX_FIELDS = tuple(SgxReport.__annotations__)[1:]
_TD_FIELDS = tuple(TdReport.__annotations__)[2:]
