# SPDX-License-Identifier: Apache-2.0
"""CoRIMs that pass, or fail, by a hair: each type, tag and bound of Arm's profiles and of the envelope by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.formats.test_corim import (
    AT,
    CERTIFICATE,
    INSTANCE,
    MACHINE,
    PSA,
    REALM,
    bytes_of,
    cca_claims,
    comid,
    corim,
    design,
    device_key,
    only,
    pem,
    realm_corim,
    software,
)
from ttee.codec import cose
from ttee.codec.cbor_tags import Tagged, TaggedValue, dumps
from ttee.errors import EndorsementError, MalformedEvidenceError, UsageError
from ttee.formats.corim import Corim, convert, looks_like_one, parse
from ttee.formats.corim.envelope import MAX_TAGS
from ttee.formats.policy_text import Draft

DIGEST = bytes(32)
CLASS: TaggedValue = {0: bytes_of(DIGEST)}
KEY = Tagged(554, pem(MACHINE.key))
GOOD = software(DIGEST)


def drafts(*tags: TaggedValue, **more: Any) -> tuple[Draft, ...]:
    return convert([parse(corim(*tags, **more))], "arm-psa" if more.get("profile") == PSA else "arm-cca")


def old(key: TaggedValue) -> Tagged:
    return design({0: key, 1: {2: [[1, DIGEST]]}})


def config(**values: TaggedValue) -> TaggedValue:
    return {0: "cca.platform-config", 1: {int(key[1:]): value for key, value in values.items()}}


# --- Arm's platforms --------------------------------------------------------------------------------


def environment(**more: TaggedValue) -> Tagged:
    fields: dict[int | str, TaggedValue] = {0: CLASS, **{int(key[1:]): value for key, value in more.items()}}
    return comid({0: [[fields, [GOOD]]]})


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        (comid({0: [[{0: {0: Tagged(37, DIGEST)}}, [GOOD]]]}), "implementation id in bytes"),
        (comid({0: [[{0: {0: Tagged(560, "x" * 32)}}, [GOOD]]]}), "32 bytes"),
        (environment(_2=1), "of an instance, or a group"),
        (comid({3: [[{0: CLASS, 1: Tagged(560, INSTANCE)}, [KEY]]]}), "no instance that is a UEID"),
        (comid({3: [[{0: CLASS, 1: Tagged(550, "\1" * 33)}, [KEY]]]}), "01 and 32 bytes"),
        (comid({3: [[{0: CLASS, 1: Tagged(550, [1] * 33)}, [KEY]]]}), "01 and 32 bytes"),
        (device_key(KEY, b"\1" * 32), "01 and 32 bytes"),
        (comid({3: [[{0: CLASS, 1: Tagged(550, INSTANCE)}, [KEY, KEY]]]}), "exactly one public key"),
        (device_key(CERTIFICATE, INSTANCE), "exactly one public key"),
        (old(Tagged(602, {1: "BL"})), "no key of a measurement"),
        (old(Tagged(601, [1])), "1 type, 4 version"),
        (old(Tagged(601, {4: 1})), "text, text and bytes"),
        (old(Tagged(601, {5: "x"})), "text, text and bytes"),
        (design(software(DIGEST, _13=[Tagged(559, DIGEST)])), "signer id is not tagged bytes"),
        (design(software(DIGEST, _13=["x" * 32])), "signer id is not tagged bytes"),
        (design(software(DIGEST, _13=[bytes_of(bytes(31))])), "signer id is not tagged bytes"),
        (design(software(DIGEST, _13=[Tagged(560, "x" * 32)])), "signer id is not tagged bytes"),
    ],
)
def test_each_type_and_size_of_a_platform_counts_by_itself(tag: Tagged, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem) as caught:
        drafts(tag)
    assert caught.value.where


def test_an_rsa_key_is_none_of_a_device() -> None:
    numbers = int.from_bytes(b"\xff" * 255 + b"\x01"), 65537
    key = rsa.RSAPublicNumbers(numbers[1], numbers[0]).public_key()
    text = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(MalformedEvidenceError, match="elliptic curve's"):
        drafts(device_key(Tagged(554, text), INSTANCE))


def test_a_platforms_configuration_is_none_of_a_psa_device() -> None:
    with pytest.raises(MalformedEvidenceError, match="no key of a measurement"):
        drafts(design(software(DIGEST, scheme="psa"), config(_4=bytes_of(b"\1"))), profile=PSA)


def test_what_counts_only_under_conditions_is_left_out_and_named() -> None:
    conditional = comid({3: [[{0: CLASS, 1: Tagged(550, INSTANCE)}, [KEY], {0: [1]}]]})
    given = software(b"\1" * 32)
    assert isinstance(given, dict)
    authorized: TaggedValue = {**given, 2: [KEY]}
    draft = only(drafts(design(GOOD, authorized), conditional))
    assert draft.anchors == ()
    assert {line.split(",")[0].split(":")[0] for line in draft.origin} == {"left out"}
    assert any("under conditions" in line for line in draft.origin)
    assert any("a key authorized it" in line for line in draft.origin)
    assert b"\1" * 32 not in {value for rule in draft.rules for value in rule.values}


@pytest.mark.parametrize(("mask", "named"), [(b"\xff\xff", False), (b"\xff\xfe", True), (None, False)])
def test_a_mask_that_leaves_bits_out_is_named(mask: bytes | None, named: bool) -> None:
    value: TaggedValue = {0: "cca.platform-config", 1: {4: bytes_of(b"\1\2"), **({5: mask} if mask else {})}}
    draft = only(drafts(design(GOOD, value)))
    assert any("under the mask" in line for line in draft.origin) is named


def test_devices_are_named_only_where_their_keys_are_given() -> None:
    known = only(drafts(design(GOOD), device_key(KEY, INSTANCE)))
    assert [rule.values for rule in known.rules if rule.key == "instance-id"] == [(INSTANCE,)]
    assert not [rule for rule in only(drafts(design(GOOD))).rules if rule.key == "instance-id"]


def test_a_component_is_called_by_what_is_said_of_it() -> None:
    nameless = design({0: "cca.software-component", 1: {2: [[1, DIGEST]], 0: {0: "1.2"}}})
    rule = next(rule for rule in only(drafts(nameless)).rules if rule.key == "software-measurements")
    assert rule.notes == ("1.2",)


# --- Arm's realms -----------------------------------------------------------------------------------

RIM = b"\3" * 32


def realm(*entries: TaggedValue, **more: TaggedValue) -> tuple[Draft, ...]:
    fields: dict[int | str, TaggedValue] = {0: {0: bytes_of(RIM)}}
    fields |= {int(key[1:]): value for key, value in more.items()}
    return convert([parse(corim(comid({0: [[fields, list(entries)]]}), profile=REALM))], "arm-cca")


def measured(key: TaggedValue, **more: TaggedValue) -> TaggedValue:
    return {0: key, 1: {2: [[1, RIM]]}, **{int(name[1:]): value for name, value in more.items()}}


def test_a_realm_may_be_described_by_its_initial_measurement_alone() -> None:
    assert [rule.key for rule in only(realm(measured("cca.rim"))).rules] == ["realm-initial-measurement"]


@pytest.mark.parametrize(
    ("entries", "more", "problem"),
    [
        ((measured("cca.rim"),), {"_0": None, "_1": 1}, "has no class|is not a map"),
        ((measured("cca.rim"),), {"_1": 1}, "an instance, or a group"),
        ((measured("cca.rim"),), {"_2": 1}, "an instance, or a group"),
        ((measured("cca.rim", _2=[KEY]),), {}, "a key authorized it"),
        ((measured("cca.rim"), measured(7)), {}, "7 is no key"),
        ((measured("cca.rim"), measured([1])), {}, "is no key"),
        ((measured("cca.rim"), measured("cca.rim")), {}, "there twice"),
        ((measured("cca.rim"), {0: "cca.rpv", 1: {4: bytes_of(bytes(63))}}), {}, "64 raw bytes"),
    ],
)
def test_each_rule_of_a_realm_counts_by_itself(
    entries: tuple[TaggedValue, ...], more: dict[str, TaggedValue], problem: str
) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem) as caught:
        realm(*entries, **more)
    assert caught.value.where


def test_a_realm_without_a_class_is_refused() -> None:
    tag = comid({0: [[{1: Tagged(550, INSTANCE)}, [measured("cca.rim")]]]})
    with pytest.raises(MalformedEvidenceError, match="has no class"):
        convert([parse(corim(tag, profile=REALM))], "arm-cca")


def test_a_real_realm_is_described_with_all_it_measured() -> None:
    assert [rule.key for rule in only(convert([realm_corim(cca_claims())], "arm-cca")).rules] == [
        "realm-initial-measurement",
        "rem0",
        "personalization",
    ]


# --- the envelope -----------------------------------------------------------------------------------

SIGNER = ec.derive_private_key(7, ec.SECP256R1())


def signed(content: bytes, meta: TaggedValue) -> Corim:
    headers: dict[int | str, Any] = {3: "application/rim+cbor", 8: dumps(meta)}
    return parse(cose.encode(cose.sign(content, SIGNER, algorithm=cose.ES256, headers=headers), tagged=True))


def test_the_first_and_the_last_moment_count() -> None:
    begin, end = datetime(2001, 9, 9, tzinfo=UTC), datetime(2033, 5, 18, tzinfo=UTC)
    window: TaggedValue = {0: Tagged(1, int(begin.timestamp())), 1: Tagged(1, int(end.timestamp()))}
    found = parse(corim(design(GOOD), _4=window))
    assert found.check(begin, signer=None) == found.check(end, signer=None)
    for moment in (begin - timedelta(seconds=1), end + timedelta(seconds=1)):
        with pytest.raises(EndorsementError):
            found.check(moment, signer=None)


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", False),
        (b"\xd9\x01\xf4", False),
        (b"hello", False),
        (b"\x81\x01", False),
        (b"\xa1\x01\x01", True),
    ],
)
def test_what_looks_like_one_is_a_map_or_has_its_tag(data: bytes, answer: bool) -> None:
    assert looks_like_one(data) is answer


def test_a_comid_alone_cannot_be_what_was_signed() -> None:
    """A signature is over a CoRIM: a CoMID in its place would have neither profile nor validity."""
    alone = dumps({1: {0: "a tag"}, 4: {0: [[{0: CLASS}, [GOOD]]]}})
    assert parse(alone).id == "a tag"
    with pytest.raises(MalformedEvidenceError, match=r"id .* missing"):
        signed(alone, {0: {0: "the maker"}})


def test_a_corim_without_its_tag_is_told_from_a_comid() -> None:
    tag = design(GOOD)
    tags: list[TaggedValue] = [tag]
    window: TaggedValue = {0: Tagged(1, 0), 1: Tagged(1, 1 << 31)}
    assert parse(dumps({0: "an id", 1: tags, 4: window})).valid_until
    with pytest.raises(MalformedEvidenceError, match="not a list"):
        parse(dumps({0: "an id", 1: {0: "a tag"}}))


def test_there_is_an_end_to_tags() -> None:
    coswid = Tagged(505, b"")
    assert len(parse(corim(*[coswid] * MAX_TAGS)).unread) == MAX_TAGS
    with pytest.raises(MalformedEvidenceError, match=f"at most {MAX_TAGS}"):
        parse(corim(*[coswid] * (MAX_TAGS + 1)))


def test_what_is_read_is_not_listed_as_unread_and_the_rest_is_by_its_place() -> None:
    assert parse(corim(design(GOOD), _2=[1])).unread == ("corim: linked CoRIMs, which are not fetched",)
    window: TaggedValue = {1: Tagged(1, 1 << 31), 9: 0}
    assert parse(corim(design(GOOD), _4=window)).unread == ("corim, validity: 9",)
    meta: TaggedValue = {0: {0: "the maker", 1: "a URI", 7: 0}, 8: 0}
    assert set(signed(corim(design(GOOD)), meta).unread) == {"meta, signer: 7", "meta: 8"}


def test_a_moment_without_a_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(UsageError):
        parse(corim(design(GOOD))).check(AT.replace(tzinfo=None), signer=None)
