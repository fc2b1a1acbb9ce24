# SPDX-License-Identifier: Apache-2.0
"""An Intel quote: bytes to and from one typed structure. No cryptography. All integers are little-endian.

    header 48   version u16 (3, 4, 5) · attestation key type u16 · TEE type u32 · version 3: QE SVN u16,
                PCE SVN u16; later: reserved 4 · QE vendor 16 · user data 20
    version 5   body type u16 · body size u32
    body        an SGX report (384 bytes), or a TD report 1.0 (584) or 1.5 (648); what is signed ends here
    u32         size of the authentication data:
      64 · 64   signature r || s over all that stands before · attestation key x || y
      version 3 QE part
      later     u16 type 6 · u32 size · QE part
    zeros       padding, which some hosts add and nothing covers

    QE part     report of the quoting enclave 384 · its signature by the PCK key 64 · u16 size, authentication
                data · u16 type, u32 size, certification data

Source: Intel, "Intel SGX ECDSA QuoteLibReference DCAP API" and "Intel TDX DCAP Quoting Library API",
appendix A; intel/SGX-TDX-DCAP-QuoteVerificationLibrary:Src/AttestationLibrary/src/QuoteVerification.
"""

from __future__ import annotations

import struct
from typing import Final

from attrs import frozen

from ttee.errors import MalformedEvidenceError
from ttee.tee.intel.reports import SgxReport, TdReport

SGX, TDX = "intel-sgx", "intel-tdx"
SOURCE: Final = "Intel TDX DCAP Quoting Library API, appendix A.3 to A.5"
MAX_SIZE: Final = 1 << 20
ECDSA_P256: Final = 2
QE_VENDOR: Final = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")

PPID, PPID_RSA_2048, PPID_RSA_3072, PCK_LEAF, PCK_CHAIN, QE_REPORT, PLATFORM_MANIFEST = range(1, 8)
"""Types of certification data; `QE_REPORT` is the wrapper of later versions."""

_TEES = {0x00: SGX, 0x81: TDX}
_TEE_TYPES = {name: number for number, name in _TEES.items()}
_BODIES = {1: (SGX, SgxReport.SIZE), 2: (TDX, TdReport.SIZE), 3: (TDX, TdReport.SIZE_15)}
_HEADER = struct.Struct("<HHIHH16s20s")
_BODY = struct.Struct("<HI")
_BODY_TYPES = {size: number for number, (_, size) in _BODIES.items()}


@frozen(slots=True)
class Quote:
    """The fields of a quote, as bytes; nothing in it is verified yet."""

    version: int
    tee: str
    """`intel-sgx` or `intel-tdx`."""
    key_type: int
    qe_svn: int
    pce_svn: int
    qe_vendor: bytes
    user_data: bytes
    report: SgxReport | TdReport
    signed: bytes
    """What `signature` covers: everything up to the end of the body."""
    signature: bytes
    key: bytes
    """The attestation key, x || y."""
    qe_report: bytes
    qe_signature: bytes
    qe_auth: bytes
    certification: int
    """The type of `certification_data`."""
    certification_data: bytes
    platform: bytes
    """The authentication data behind `signature`: the same bytes for every quote of one attestation key."""
    padding: int
    """How many zeros stand behind the end."""


def parse(data: bytes) -> Quote:
    """The quote in `data`, which ends with it but for zeros. Raises MalformedEvidenceError with the place."""
    if len(data) > MAX_SIZE:
        raise _malformed(f"a quote of more than {MAX_SIZE} bytes is not read", MAX_SIZE)
    if len(data) < _HEADER.size:
        raise _malformed(f"it ends after {len(data)} bytes, inside the header", len(data))
    version, key_type, tee_type, qe_svn, pce_svn, vendor, user_data = _HEADER.unpack_from(data)
    tee = _TEES.get(tee_type)
    if tee is None:
        raise _malformed(f"its TEE type is {tee_type:#x}; 0 is SGX and 0x81 TDX", 4)
    if not (3 <= version <= 5) or (version == 3 and tee != SGX):
        raise _malformed(f"it has version {version}; SGX quotes have 3 to 5, and TDX quotes 4 or 5", 0)
    at, size = _HEADER.size, SgxReport.SIZE if tee == SGX else TdReport.SIZE
    if version == 5:
        at, size = _body_of_version_5(data, tee)
    end = at + size
    if end + 4 > len(data):
        raise _malformed(f"it ends after {len(data)} bytes, inside a body of {size}", len(data))
    report = SgxReport.parse(data[at:end]) if tee == SGX else TdReport.parse(data[at:end])
    stop = end + 4 + int.from_bytes(data[end : end + 4], "little")
    if stop > len(data):
        raise _malformed(f"its authentication data reach to byte {stop}, and it has {len(data)}", end)
    if data.count(0, stop) != len(data) - stop:
        raise _malformed(f"{len(data) - stop} bytes behind its end that are not all zero", stop)
    auth = data[end + 4 : stop]
    if len(auth) < 128 + (6 if version > 3 else 0):
        raise _malformed("its authentication data are cut short", end)
    qe_part = auth[128:] if version == 3 else _unwrap(auth, end + 4)
    qe_report, qe_signature, qe_auth, kind, certification = _qe_part(qe_part, stop - len(qe_part))
    return Quote(
        version=version,
        tee=tee,
        key_type=key_type,
        qe_svn=qe_svn,
        pce_svn=pce_svn,
        qe_vendor=vendor,
        user_data=user_data,
        report=report,
        signed=data[:end],
        signature=auth[:64],
        key=auth[64:128],
        qe_report=qe_report,
        qe_signature=qe_signature,
        qe_auth=qe_auth,
        certification=kind,
        certification_data=certification,
        platform=auth[64:],
        padding=len(data) - stop,
    )


def signed_part(
    version: int,
    report: SgxReport | TdReport,
    *,
    qe_svn: int = 0,
    pce_svn: int = 0,
    user_data: bytes = bytes(20),
) -> bytes:
    """What an attestation key signs: header and body. For simulations."""
    body = report.encode()
    tee_type = _TEE_TYPES[SGX if isinstance(report, SgxReport) else TDX]
    header = _HEADER.pack(version, ECDSA_P256, tee_type, qe_svn, pce_svn, QE_VENDOR, user_data)
    return header + (_BODY.pack(_BODY_TYPES[len(body)], len(body)) if version == 5 else b"") + body


def authenticated(
    signed: bytes,
    signature: bytes,
    *,
    key: bytes,
    qe_report: bytes,
    qe_signature: bytes,
    qe_auth: bytes,
    certification: tuple[int, bytes],
) -> bytes:
    """A whole quote out of its parts. For simulations."""
    kind, content = certification
    qe_part = b"".join(
        (
            qe_report,
            qe_signature,
            len(qe_auth).to_bytes(2, "little"),
            qe_auth,
            _BODY.pack(kind, len(content)),
            content,
        )
    )
    if signed[0] > 3:
        qe_part = _BODY.pack(QE_REPORT, len(qe_part)) + qe_part
    auth = signature + key + qe_part
    return signed + len(auth).to_bytes(4, "little") + auth


def _body_of_version_5(data: bytes, tee: str) -> tuple[int, int]:
    """Where the body begins, and its size."""
    at = _HEADER.size + _BODY.size
    if len(data) < at:
        raise _malformed(f"it ends after {len(data)} bytes, inside the body's type and size", len(data))
    kind, size = _BODY.unpack_from(data, _HEADER.size)
    if _BODIES.get(kind) != (tee, size):
        raise _malformed(f"a body of type {kind} and {size} bytes is none of {tee}", _HEADER.size)
    return at, size


def _unwrap(auth: bytes, at: int) -> bytes:
    """The QE part inside its wrapper."""
    kind, size = _BODY.unpack_from(auth, 128)
    if kind != QE_REPORT:
        raise _malformed(f"certification data of type {kind} where {QE_REPORT} belongs", at + 128)
    if size != len(auth) - 134:
        raise _malformed(f"certification data of {size} bytes in a place of {len(auth) - 134}", at + 130)
    return auth[134:]


def _qe_part(part: bytes, at: int) -> tuple[bytes, bytes, bytes, int, bytes]:
    auth = 450 + int.from_bytes(part[448:450], "little")
    if auth + 6 > len(part):
        raise _malformed("the quoting enclave's part is cut short", at + len(part))
    kind, size = _BODY.unpack_from(part, auth)
    if size != len(part) - auth - 6:
        raise _malformed(
            f"certification data of {size} bytes in a place of {len(part) - auth - 6}", at + auth + 2
        )
    if not PPID <= kind <= PCK_CHAIN and kind != PLATFORM_MANIFEST:
        raise _malformed(f"certification data of type {kind}, which is none", at + auth)
    return part[:384], part[384:448], part[450:auth], kind, part[auth + 6 :]


def _malformed(message: str, at: int) -> MalformedEvidenceError:
    return MalformedEvidenceError(
        f"not a well-formed Intel quote: {message}",
        where=f"quote, byte {at}",
        hint="get the quote again, in binary, from where it was made",
        source=SOURCE,
    )
