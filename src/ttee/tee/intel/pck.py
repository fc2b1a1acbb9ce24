# SPDX-License-Identifier: Apache-2.0
"""What a PCK certificate says of its platform: Intel's SGX extension, 1.2.840.113741.1.13.1.

    .1 PPID   .2 TCB (.1 to .16 components, .17 PCE SVN, .18 CPU SVN)   .3 PCE-ID   .4 FMSPC   .5 SGX type
    .6 platform instance   .7 configuration (.1 dynamic platform, .2 cached keys, .3 SMT)

Source: Intel, "SGX PCK Certificate and Certificate Revocation List Profile Specification", section 1.3.5.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ttee.codec import der
from ttee.errors import CertificateError
from ttee.pki.cache import memo
from ttee.pki.certificate import Certificate

SGX_EXTENSION = "1.2.840.113741.1.13.1"
SOURCE = "Intel PCK Certificate Profile, section 1.3.5"
SGX_TYPES = ("standard", "scalable", "scalable with integrity")

_PREFIX = der.encode_oid(SGX_EXTENSION)[2:]


@frozen(slots=True)
class PckTcb:
    """The TCB that the key was made for: 16 components, and the SVN of the provisioning enclave."""

    components: bytes
    pce_svn: int
    cpu_svn: bytes
    """The same as the processor writes it; levels are compared by components."""


@frozen(slots=True)
class PckExtension:
    """The platform that a PCK certificate is of. What a processor CA's certificates lack is None."""

    ppid: bytes
    tcb: PckTcb
    pce_id: bytes
    fmspc: bytes
    sgx_type: str
    platform_instance: bytes | None
    dynamic_platform: bool | None
    cached_keys: bool | None
    smt_enabled: bool | None


def parse(certificate: Certificate) -> PckExtension:
    """The extension of a PCK certificate. Raises CertificateError."""
    extension = certificate.extensions.get(SGX_EXTENSION)
    if extension is None:
        raise CertificateError(
            "the PCK certificate does not say which platform it is of",
            where=f"PCK certificate, extension {SGX_EXTENSION}",
            source=SOURCE,
        )
    with der.named("the SGX extension of the PCK certificate", CertificateError):
        return _read(extension.value)


@memo(1024)
def _read(value: bytes) -> PckExtension:
    """The same platform is asked about when its endorsements are looked for, and when they are verified."""
    fields = _fields(value, _PREFIX)
    return PckExtension(
        ppid=_octets(fields, 1, 16),
        tcb=_tcb(_required(fields, 2)),
        pce_id=_octets(fields, 3, 2),
        fmspc=_octets(fields, 4, 6),
        sgx_type=_sgx_type(_required(fields, 5)),
        platform_instance=_octets(fields, 6, 16) if 6 in fields else None,
        **_configuration(fields.get(7)),
    )


def _fields(value: bytes, prefix: bytes) -> dict[int, der.Element]:
    """The values of a SEQUENCE of SEQUENCE { OID, value }, by the last arc of their OIDs."""
    found: dict[int, der.Element] = {}
    for item in der.elements(der.only(value, der.SEQUENCE), at_most=32):
        parts = der.elements(der.expect(item, der.SEQUENCE), at_most=2)
        if len(parts) != 2:
            raise der.DerError("a field that is not a name and a value", item[1])
        name = der.expect(parts[0], der.OID)
        if len(name) != len(prefix) + 1 or not name.startswith(prefix):
            continue  # Intel may add fields of other names
        if name[-1] in found:
            raise der.DerError(f"the field {der.oid(name)}, which is there twice", item[1])
        found[name[-1]] = parts[1]
    return found


def _tcb(element: der.Element) -> PckTcb:
    fields = _fields(_sequence(element), _PREFIX + b"\x02")
    components = (der.expect(_required(fields, i), der.INTEGER) for i in range(1, 17))
    return PckTcb(
        components=bytes(der.natural(component, below=256) for component in components),
        pce_svn=der.natural(der.expect(_required(fields, 17), der.INTEGER), below=1 << 16),
        cpu_svn=_octets(fields, 18, 16),
    )


def _configuration(element: der.Element | None) -> Mapping[str, bool | None]:
    fields = {} if element is None else _fields(_sequence(element), _PREFIX + b"\x07")
    names = ("dynamic_platform", "cached_keys", "smt_enabled")
    return {
        name: der.boolean(der.expect(fields[i], der.BOOLEAN)) if i in fields else None
        for i, name in enumerate(names, 1)
    }


def _sgx_type(element: der.Element) -> str:
    return SGX_TYPES[der.natural(der.expect(element, der.ENUMERATED), below=len(SGX_TYPES))]


def _sequence(element: der.Element) -> bytes:
    """The element whole again, for readers that want one."""
    return der.encode(der.SEQUENCE, der.expect(element, der.SEQUENCE))


def _octets(fields: Mapping[int, der.Element], arc: int, size: int) -> bytes:
    value = der.expect(_required(fields, arc), der.OCTET_STRING)
    if len(value) != size:
        raise der.DerError(f"the field .{arc} of {len(value)} bytes instead of {size}")
    return value


def _required(fields: Mapping[int, der.Element], arc: int) -> der.Element:
    if arc not in fields:
        raise der.DerError(f"no field .{arc}")
    return fields[arc]
