# SPDX-License-Identifier: Apache-2.0
"""The HCL report: what Azure's paravisor keeps in the virtual TPM's memory at 0x01400001. No cryptography.

    offset  size  field                                   source: kinvolk/azure-cvm-tooling:az-cvm-vtpm/src/hcl
         0     4  "HCLA"
         4     4  version
         8     4  size of all that is meant
        12    20  kind of request, status, reserved
        32  1184  an SNP report, or a TDREPORT of 1024 bytes and zeros
      1216     4  size of the runtime data, this header included
      1220     4  version, 1
      1224     4  kind of report: 2 SNP, 4 TDX
      1228     4  hash in report_data: 1 SHA-256, 2 SHA-384, 3 SHA-512
      1232     4  size of the JSON
      1236     …  JSON: {"keys": [{"kid": "HCLAkPub", …}, …], "vm-configuration": {…}, "user-data": "<hex>"}; then zeros

All little endian. The JSON's hash stands in report_data: the paravisor vouches for the virtual TPM's attestation key.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from struct import Struct

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ttee.codec import hex, json  # noqa: A004 (the module's name)
from ttee.errors import MalformedEvidenceError

SOURCE = "kinvolk/azure-cvm-tooling:az-cvm-vtpm/src/hcl"
MAGIC = b"HCLA"
SNP, TDX = 2, 4
SHA256 = 1
MAX_SIZE = 16 * 1024
REPORT = slice(32, 1216)
JSON = 1236
AK = "HCLAkPub"
_RUNTIME = Struct("<5I")
_USER_DATA = 64


@frozen(slots=True)
class Hcl:
    """An HCL report. `runtime` is the JSON, byte for byte as it was hashed; `ak` a SubjectPublicKeyInfo."""

    kind: int
    hash: int
    report: bytes
    """An SNP report; or a TDREPORT, which nobody but its own machine can verify."""
    runtime: bytes
    ak: bytes
    user_data: bytes
    configuration: tuple[tuple[str, bool | str], ...]


def parse(data: bytes) -> Hcl:
    """The HCL report in `data`. Raises MalformedEvidenceError."""
    if len(data) > MAX_SIZE or len(data) < JSON or data[:4] != MAGIC:
        raise _malformed(f"{len(data)} bytes that are none", f"hcl_report, byte {min(len(data), MAX_SIZE)}")
    whole, version, kind, hash_kind, size = _RUNTIME.unpack_from(data, REPORT.stop)
    end = JSON + size
    if version != 1 or kind not in (SNP, TDX) or size > len(data) - JSON or whole != size + _RUNTIME.size:
        raise _malformed(
            "its runtime data are of an unknown kind, or have other sizes than they say",
            "hcl_report, byte 1216",
        )
    if any(data[end:]):
        raise _malformed("bytes behind its end that are not zero", f"hcl_report, byte {end}")
    runtime = data[JSON:end]
    value = json.loads(runtime, what="hcl_report, runtime data", max_size=MAX_SIZE, max_depth=5)
    if not isinstance(value, dict):
        raise _malformed("its runtime data are no object", "hcl_report, byte 1236")
    said = value.get("user-data", "")
    user_data = hex.decode(said, what="user-data") if isinstance(said, str) else b"?"
    if len(user_data) not in (0, _USER_DATA):
        raise _malformed(f"its user-data are not {_USER_DATA} bytes", "hcl_report, user-data")
    found = value.get("vm-configuration", {})
    configuration = tuple(
        (name, item)
        for name, item in (found.items() if isinstance(found, dict) else ())
        if isinstance(item, bool | str)
        and len(name) <= 64
        and name.replace("-", "").isalnum()
        and name.isascii()
    )
    return Hcl(kind, hash_kind, data[REPORT], runtime, _ak(value.get("keys")), user_data, configuration)


def _ak(listed: json.JsonValue) -> bytes:
    """The attestation key among the keys (JWK, RFC 7517): exactly one has its name."""
    keys = (
        [key for key in listed if isinstance(key, dict) and key.get("kid") == AK]
        if isinstance(listed, list)
        else []
    )
    if len(keys) != 1 or keys[0].get("kty") != "RSA":
        raise _malformed(f"it does not have exactly one RSA key called {AK}", "hcl_report, keys")
    try:
        n, e = (int.from_bytes(_base64url(keys[0].get(name))) for name in ("n", "e"))
        key = rsa.RSAPublicNumbers(e, n).public_key()
    except (ValueError, Base64Error):
        raise _malformed(f"its {AK} cannot be read", "hcl_report, keys") from None
    if not 2048 <= key.key_size <= 8192:
        raise _malformed(f"its {AK} has {key.key_size} bits", "hcl_report, keys")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _base64url(value: json.JsonValue) -> bytes:
    if not isinstance(value, str) or len(value) > 2048:
        raise ValueError
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"the HCL report cannot be read: {message}", where=where, source=SOURCE)
