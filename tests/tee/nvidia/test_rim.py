# SPDX-License-Identifier: Apache-2.0
"""Signed reference values: NVIDIA's own, and every way to bend XML, its signature, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from ttee.errors import AnchorError, EndorsementError, NotAuthenticError, SignatureError, TteeError
from ttee.pki.certificate import load_certificate
from ttee.pki.path import Root
from ttee.pki.trusted import Trusted
from ttee.tee.nvidia import xmldsig
from ttee.tee.nvidia.rim import Rim, load_rim, rim_maker
from ttee.testing import x509
from ttee.testing.nvidia import NOW, Vendor, named_key

VENDOR = Vendor.named("a GPU maker")
ROOTS = Trusted((VENDOR.anchor(),), (Root("theirs", key=sha256(VENDOR.anchor().key).digest()),))
VALUES = {0: [bytes(48)], 7: [b"\x01" * 48, b"\x02" * 48]}
RIM = VENDOR.rim("1.0", VALUES)
THEN = datetime(2025, 6, 1, tzinfo=UTC)


def load(data: bytes) -> Rim:
    return load_rim(data, "rim.driver", ROOTS, NOW)


def refused(data: bytes) -> TteeError:
    with pytest.raises(TteeError) as caught:
        load(data)
    return caught.value


@pytest.mark.parametrize(
    ("name", "version", "count"),
    [
        ("NV_GPU_DRIVER_GH100_550.144.03.xml", "550.144.03", 21),
        ("Driver_RIM_test_no_gpu.swidtag", "545.00", 21),
        ("1010_0200_882_96005E0001_PROD.swidtag", "96.00.5E.00.01", 12),
    ],
)
def test_nvidias_reference_values_are_read(name: str, version: str, count: int) -> None:
    data = vectors.read(f"nvidia/rim/{name}")
    signer = load_certificate(xmldsig.load(data, name).certificates[0], what="signer")
    found = load_rim(data, name, rim_maker(), signer.validity.start)
    assert found.version == version
    assert len(found.measurements) == count


def test_nvidias_example_of_a_wrong_signature_is_refused() -> None:
    with pytest.raises(SignatureError):
        load_rim(vectors.read("nvidia/rim/incorrect_signature_driver_rim.xml"), "rim", rim_maker(), THEN)


def test_what_is_signed_is_what_is_read() -> None:
    found = load(RIM)
    assert found.version == "1.0"
    assert found.measurements == {index: tuple(values) for index, values in VALUES.items()}


def test_white_space_and_quotes_that_canonical_xml_levels_change_nothing() -> None:
    assert load(RIM.replace(b' product="T"></s:Meta>', b"   product='T'/>")).version == "1.0"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<s:SoftwareIdentity", b'<!DOCTYPE x [<!ENTITY a "b">]><s:SoftwareIdentity'),
        (b"<s:Payload>", b"<!-- a --><s:Payload>"),
        (b"<s:Payload>", b"<?a b?><s:Payload>"),
        (b"<s:Payload>", b"<s:Payload><![CDATA[ ]]>"),
        (b"<s:Payload>", b'<s:Payload xml:lang="en">'),
        (b"<s:Payload>", b"<q:Payload>"),
        (b"</s:SoftwareIdentity>", b""),
        (b"</s:SoftwareIdentity>", b"</s:SoftwareIdentity><a/>"),
        (b"<ds:Signature ", b"<ds:Other "),
        (b'URI=""', b'URI="#a"'),
        (b'<ds:Reference URI="">', b'<ds:Reference URI="" Id="a">'),
        (b"xmldsig-more#ecdsa-sha384", b"xmldsig-more#hmac-sha384"),
        (b"xmldsig-more#sha384", b"xmldsig#sha1"),
        (b"#enveloped-signature", b"#base64"),
        (b"xml-c14n11", b"xml-c14n#WithComments"),
        (b"<ds:SignatureValue>", b"<ds:SignatureValue>*"),
        (b"<ds:SignatureValue>", b"<ds:SignatureValue><a/>"),
        (b"<ds:X509Data>", b"<ds:X509Data><ds:KeyName>a</ds:KeyName>"),
        (b"<s:Payload>", b"<s:Payload>" + b"<a>" * 20 + b"</a>" * 20),
        (b"<s:Payload>", b"<s:Payload " + b" ".join(b'xmlns:a%d="a"' % n for n in range(40)) + b">"),
    ],
)
def test_xml_of_another_shape_is_refused(old: bytes, new: bytes) -> None:
    assert old in RIM
    problem = refused(RIM.replace(old, new))
    assert isinstance(problem, EndorsementError)
    assert problem.where


def test_a_second_signature_or_one_wrapped_elsewhere_is_refused() -> None:
    begin, end = RIM.index(b"<ds:Signature "), RIM.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    signature = RIM[begin:end]
    assert isinstance(refused(RIM.replace(signature, signature * 2)), EndorsementError)
    hidden = RIM.replace(signature, b"").replace(b"<s:Payload>", b"<s:Payload>" + signature)
    assert isinstance(refused(hidden), EndorsementError)


def test_a_value_that_was_changed_is_noticed() -> None:
    assert isinstance(refused(RIM.replace(b"00" * 48, b"11" * 48)), SignatureError)


def test_another_key_than_the_certificates_is_refused() -> None:
    assert isinstance(refused(VENDOR.rim("1.0", VALUES, signer=named_key("a forger"))), SignatureError)


def test_another_root_is_no_anchor() -> None:
    assert isinstance(refused(Vendor.named("another").rim("1.0", VALUES)), AnchorError)


def test_a_certificate_that_ended_names_where_newer_values_are() -> None:
    problem = refused(VENDOR.rim("1.0", VALUES, end=NOW - timedelta(days=1)))
    assert isinstance(problem, EndorsementError)
    assert "https://rim.attestation.nvidia.com" in (problem.hint or "")


def test_a_signer_that_may_not_sign_is_refused() -> None:
    only_ca = (x509.basic_constraints(ca=False), x509.key_usage(5))
    assert isinstance(refused(VENDOR.rim("1.0", VALUES, extensions=only_ca)), NotAuthenticError)


GOOD = 'active="True" alternatives="1" index="0" size="48" type="Measurement"'
HASH = f'h:Hash0="{"00" * 48}"'


@pytest.mark.parametrize(
    "payload",
    [
        " ",
        "<s:Other></s:Other>",
        f"<s:Resource {HASH}></s:Resource>",
        f"<s:Resource {GOOD}></s:Resource>",
        f'<s:Resource {GOOD} {HASH} h:Hash1=""></s:Resource>',
        f"<s:Resource {GOOD.replace('48', '32')} {HASH}></s:Resource>",
        f"<s:Resource {GOOD.replace('True', 'yes')} {HASH}></s:Resource>",
        f"<s:Resource {GOOD.replace('True', 'False')} {HASH}></s:Resource>",
        f"<s:Resource {GOOD.replace('Measurement', 'File')} {HASH}></s:Resource>",
        f"<s:Resource {GOOD.replace(chr(34) + '0' + chr(34), chr(34) + 'x' + chr(34))} {HASH}></s:Resource>",
        f'<s:Resource {GOOD} h:Hash0="zz"></s:Resource>',
        f"<s:Resource {GOOD} {HASH}></s:Resource>" * 2,
    ],
)
def test_values_of_another_shape_are_refused(payload: str) -> None:
    """Signed as they are: it is the reading that refuses them."""
    assert isinstance(refused(VENDOR.rim("1.0", {}, payload=payload)), EndorsementError)


@given(st.integers(0, 8 * len(RIM) - 1))
def test_a_rim_with_any_bit_changed_ends_in_the_same_values_or_a_named_error(bit: int) -> None:
    changed = bytearray(RIM)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        found = load(bytes(changed))
    except (EndorsementError, NotAuthenticError):
        return
    assert (found.version, found.measurements) == (load(RIM).version, load(RIM).measurements)


def test_a_document_that_is_too_large_is_not_read() -> None:
    assert isinstance(refused(bytes(xmldsig.MAX_SIZE + 1)), EndorsementError)
