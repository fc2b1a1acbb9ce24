# SPDX-License-Identifier: Apache-2.0
"""What a PCK certificate says of its platform, and every way in which it can say it wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tee.intel.cases import named
from ttee.codec import der
from ttee.errors import CertificateError
from ttee.pki.certificate import Certificate, Extension, load_certificate, load_pem_chain
from ttee.tee.intel import pck
from ttee.tee.intel.pck import SGX_EXTENSION
from ttee.tee.intel.quote import parse
from ttee.testing import x509
from ttee.testing.intel import Vendor

MACHINE = Vendor.random().machine()


def certificate(extension: bytes = b"") -> Certificate:
    extensions = (x509.basic_constraints(ca=False), extension or MACHINE.extension())
    return load_certificate(MACHINE.pck(extensions=extensions), what="PCK certificate")


def said(value: bytes) -> pck.PckExtension:
    """What a certificate whose SGX extension has this value says."""
    good = certificate()
    return pck.parse(evolve(good, extensions={**good.extensions, SGX_EXTENSION: Extension(False, value)}))


def field(arcs: str, value: bytes) -> bytes:
    return x509.sequence(der.encode_oid(f"{SGX_EXTENSION}.{arcs}"), value)


def fields(**changes: bytes) -> bytes:
    """A whole extension, some of its fields replaced, or left out where they are empty."""
    octets = x509.octets
    tcb = {f"2.{arc}": der.encode_integer(arc) for arc in range(1, 17)}
    tcb |= {"2.17": der.encode_integer(11), "2.18": octets(bytes(16))}
    tcb |= {name.replace("_", "."): value for name, value in changes.items() if "_" in name}
    top = {
        "1": octets(bytes(16)),
        "2": x509.sequence(*(field(arcs, value) for arcs, value in tcb.items() if value)),
        "3": octets(bytes(2)),
        "4": octets(bytes(6)),
        "5": der.encode_integer(0, der.ENUMERATED),
    }
    top |= {name.removeprefix("f"): value for name, value in changes.items() if "_" not in name}
    return x509.sequence(*(field(arcs, value) for arcs, value in top.items() if value))


def test_a_genuine_certificate_says_which_platform_it_is_of() -> None:
    quote = parse(named("gcp_cos113@2025-07").quote)
    leaf, *_ = load_pem_chain(quote.certification_data, what="chain", size=range(3, 4))
    found = pck.parse(leaf)
    assert found.fmspc.hex() == "00806f050000"
    assert found.pce_id == bytes(2)
    assert found.tcb.components.hex() == "07070202030100030000000000000000"
    assert found.tcb.cpu_svn == found.tcb.components
    assert (found.tcb.pce_svn, found.sgx_type) == (11, "scalable")
    assert (found.dynamic_platform, found.cached_keys, found.smt_enabled) == (True, False, True)
    assert len(found.ppid) == len(found.platform_instance or b"") == 16


def test_certificates_of_a_processor_ca_leave_the_configuration_out() -> None:
    machine = evolve(MACHINE, configuration=None, sgx_type=0)
    found = pck.parse(load_certificate(machine.pck(), what="PCK certificate"))
    assert (found.platform_instance, found.dynamic_platform, found.sgx_type) == (None, None, "standard")


def test_components_stand_in_their_order() -> None:
    assert said(fields()).tcb.components == bytes(range(1, 17))


def test_a_certificate_without_the_extension_is_of_no_platform() -> None:
    bare = load_certificate(MACHINE.pck(extensions=(x509.basic_constraints(ca=False),)), what="x")
    with pytest.raises(CertificateError, match="which platform"):
        pck.parse(bare)


@pytest.mark.parametrize(
    "changes",
    [
        {"f1": b""},
        {"f2": b""},
        {"f3": b""},
        {"f4": b""},
        {"f5": b""},
        {"f1": x509.octets(bytes(15))},
        {"f3": x509.octets(bytes(3))},
        {"f4": x509.octets(bytes(5))},
        {"f4": der.encode_integer(1)},
        {"f5": der.encode_integer(3, der.ENUMERATED)},
        {"f5": der.encode_integer(0)},
        {"f6": x509.octets(bytes(4))},
        {"f7": x509.octets(b"")},
        {"f7": x509.sequence(field("7.1", b"\1\1\1"))},
        {"2_1": b""},
        {"2_16": b""},
        {"2_17": b""},
        {"2_18": b""},
        {"2_18": x509.octets(bytes(15))},
        {"2_3": der.encode_integer(256)},
        {"2_3": der.encode_integer(-1)},
        {"2_3": x509.octets(b"\1")},
        {"2_17": der.encode_integer(1 << 16)},
        {"2_4": b"\2\2\0\1"},
    ],
)
def test_a_malformed_extension_is_refused(changes: dict[str, bytes]) -> None:
    with pytest.raises(CertificateError, match="cannot be read") as caught:
        said(fields(**changes))
    assert caught.value.source


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\5\0",
        x509.sequence(b"\5\0"),
        x509.sequence(x509.sequence(der.encode_oid(f"{SGX_EXTENSION}.1"))),
        x509.sequence(x509.sequence(*[der.encode_oid(f"{SGX_EXTENSION}.1")] * 3)),
        fields() + b"\0",
        x509.sequence(field("1", x509.octets(bytes(16))), der.only(fields(), der.SEQUENCE)),
    ],
)
def test_an_extension_of_another_shape_is_refused(value: bytes) -> None:
    with pytest.raises(CertificateError):
        said(value)


def test_fields_that_intel_may_add_are_let_through() -> None:
    more = (
        der.only(fields(), der.SEQUENCE)
        + field("9", b"\5\0")
        + field("9.4", b"\5\0")
        + x509.sequence(der.encode_oid(SGX_EXTENSION.removesuffix("1") + "2.4"), b"\5\0")
        + x509.sequence(der.encode_oid("1.2.3"), b"\5\0")
    )
    assert said(der.encode(der.SEQUENCE, more)).fmspc == bytes(6)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_ends_in_a_platform_or_a_named_error(data: st.DataObject) -> None:
    value = bytearray(fields())
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(CertificateError):
        said(bytes(value))
