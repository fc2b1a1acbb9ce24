# SPDX-License-Identifier: Apache-2.0
"""CoRIM: read strictly, worth what its signer is, and made into policies that accept what it says, and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from ttee.appraise import appraise, parse_policy
from ttee.codec import base64url, cose
from ttee.codec.cbor_tags import Tagged, TaggedValue, dumps
from ttee.errors import EndorsementError, MalformedEvidenceError, SignatureError, TteeError, UsageError
from ttee.formats.corim import Corim, convert, looks_like_one, parse, tee_of
from ttee.formats.policy_text import Draft
from ttee.model import Assurance, Claims, Evidence, Status
from ttee.tee.arm.cca.verify import verify as verify_cca
from ttee.tee.arm.psa.verify import verify as verify_psa
from ttee.testing.arm import Device, Machine

CCA, REALM = "tag:arm.com,2025:cca_platform#1.0.0", "tag:arm.com,2025:cca_realm#1.0.0"
PSA, SNP = "tag:arm.com,2025:psa#1.0.0", "tag:amd.com,2024:snp-corim-profile"
AT = datetime(2026, 11, 21, tzinfo=UTC)
NAMES = ("comid-1", "comid-5", "comid-cond-endorse-series", "comid-integrity-registers")
GOOD = ("corim-cca-platform-valid", "corim-sevsnp-valid")
SIGNED = ("signed-example-corim", "signed-good-corim")


def bytes_of(value: bytes) -> Tagged:
    return Tagged(560, value)


def comid(triples: dict[int | str, TaggedValue]) -> Tagged:
    return Tagged(506, dumps({1: {0: "a tag"}, 4: triples}))


def corim(*tags: TaggedValue, profile: str | None = CCA, **more: TaggedValue) -> bytes:
    content: dict[int | str, TaggedValue] = {0: "an id", 1: list(tags)}
    if profile:
        content[3] = Tagged(32, profile)
    return dumps(Tagged(501, {**content, **{int(key[1:]): value for key, value in more.items()}}))


def software(digest: bytes, name: str = "BL", scheme: str = "cca", **more: TaggedValue) -> TaggedValue:
    values: dict[int | str, TaggedValue] = {2: [[1, digest]], 11: name, 13: [bytes_of(bytes(32))]}
    return {0: f"{scheme}.software-component", 1: {**values, **{int(k[1:]): v for k, v in more.items()}}}


def design(*measurements: TaggedValue, implementation: bytes = bytes(32)) -> Tagged:
    return comid({0: [[{0: {0: bytes_of(implementation)}}, list(measurements)]]})


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def device_key(key: TaggedValue, instance: bytes, implementation: bytes = bytes(32)) -> Tagged:
    environment: TaggedValue = {0: {0: bytes_of(implementation)}, 1: Tagged(550, instance)}
    return comid({3: [[environment, [key]]]})


def only(drafts: tuple[Draft, ...]) -> Draft:
    (draft,) = drafts
    return draft


def failing(draft: Draft, claims: Claims) -> set[str]:
    policy = parse_policy(draft.text().encode(), where="test")
    verdict = appraise(claims, [policy], at="2026-11-21T12:00:00Z")
    return {check.id for check in verdict.checks if check.status is Status.FAIL}


# --- the envelope -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [*NAMES, *GOOD, *SIGNED, "unsigned-good-corim", "corim-cca-platform-bad-no-class"]
)
def test_every_real_file_is_read(name: str) -> None:
    data = vectors.read(f"corim/{name}.cbor")
    assert looks_like_one(data)
    found = parse(data)
    assert found.comids
    assert (found.signature is not None) == (name in SIGNED)


@pytest.mark.parametrize("name", GOOD)
def test_real_reference_values_become_policies(name: str) -> None:
    found = parse(vectors.read(f"corim/{name}.cbor"))
    for draft in convert([found], tee_of(found)):
        assert parse_policy(draft.text().encode(), where="test").tees.keys() == {tee_of(found)}


def test_an_environment_without_its_class_is_refused() -> None:
    with pytest.raises(MalformedEvidenceError, match="has no class"):
        convert([parse(vectors.read("corim/corim-cca-platform-bad-no-class.cbor"))], "arm-cca")


def known_signer() -> ec.EllipticCurvePublicKey:
    """The example key of RFC 7517, appendix A.1, with which the upstream tests sign."""
    x, y = (
        int.from_bytes(base64url.decode(text, what="test"))
        for text in (
            "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        )
    )
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


VALID = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", SIGNED)
def test_a_real_signature_is_verified_against_the_key_that_was_given(name: str) -> None:
    found = parse(vectors.read(f"corim/{name}.cbor"))
    assert "signed by the key that was given" in found.check(VALID, signer=known_signer())
    assert "NOT VERIFIED" in found.check(VALID, signer=None)
    with pytest.raises(SignatureError):
        found.check(VALID, signer=ec.generate_private_key(ec.SECP256R1()).public_key())


@pytest.mark.parametrize("name", SIGNED)
def test_a_changed_bit_breaks_the_signature(name: str) -> None:
    data = vectors.read(f"corim/{name}.cbor")
    for at in range(0, len(data), 7):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises((SignatureError, MalformedEvidenceError)):
            parse(changed).check(VALID, signer=known_signer())


def test_a_corim_counts_while_it_is_valid() -> None:
    found = parse(vectors.read("corim/signed-good-corim.cbor"))
    for moment in (datetime(2021, 1, 1, tzinfo=UTC), AT):
        with pytest.raises(EndorsementError, match="valid"):
            found.check(moment, signer=known_signer())
    with pytest.raises(UsageError, match="time zone"):
        found.check(datetime(2025, 1, 1), signer=None)  # noqa: DTZ001


def test_one_that_is_not_signed_says_so_and_has_no_signer() -> None:
    found = parse(vectors.read("corim/unsigned-good-corim.cbor"))
    assert "NOT SIGNED" in found.check(AT, signer=None)
    with pytest.raises(SignatureError, match="not signed"):
        found.check(AT, signer=known_signer())


def test_drafts_wrapped_it_in_tags_and_lists_which_are_read_alike() -> None:
    plain = corim(design(software(bytes(32))))
    for prefix in (b"\xd9\x01\xf4", b"\xd9\x01\xf6"):
        assert parse(prefix + plain).comids == parse(plain).comids
    old = dumps({0: "an id", 1: [dumps(design(software(bytes(32))))], 3: [CCA]})
    assert parse(old) == parse(plain)


def test_what_is_not_used_is_listed() -> None:
    triples: dict[int | str, TaggedValue] = {
        0: [[{0: {0: "x", 3: 1}}, [{1: {0: {0: "1"}, 99: 1}}]]],
        6: [1],
        -1: 0,
    }
    found = parse(
        corim(
            comid(triples), Tagged(505, b""), Tagged(508, b""), _2=[1], _77=0, _5=[{0: "me", 2: [1], -9: 0}]
        )
    )
    for what in (
        "layer 1",
        "values: 99",
        "software identity",
        "triples: -1",
        "a CoSWID",
        "kind 508",
        "linked",
        "77",
    ):
        assert any(what in line for line in found.unread), (what, found.unread)
    assert found.entities == ("me",)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "cut short"),
        (dumps(Tagged(502 + 1, {})), "its tag is 503"),
        (dumps(Tagged(501, [])), "not a map"),
        (dumps(Tagged(501, {1: []})), "id .* missing"),
        (dumps(Tagged(501, {0: "x"})), "tags .* missing"),
        (dumps(Tagged(501, {0: "x", 1: []})), "not a list of at least one"),
        (dumps(Tagged(501, {0: "x", 1: [1]})), "no tag that says"),
        (dumps(Tagged(501, {0: 1, 1: [1]})), "neither text, URI"),
        (corim(Tagged(506, b"\xa0")), "tag identity .* missing"),
        (corim(comid({})), "no triple"),
        (corim(comid({0: [[{}, [{1: {}}]]]})), "no class, instance or group"),
        (corim(comid({0: [[{0: {}}, []]]})), "not a list of at least one"),
        (corim(comid({0: [[{0: {}}]]})), "not a list of 2"),
        (corim(comid({0: [[{0: {}}, [{}]]]})), "values .* missing"),
        (corim(design(software(bytes(31)))), "sha-256 has 32 bytes"),
        (corim(design({0: "x", 1: {2: [[1]]}})), "not a list of 2"),
        (corim(design({0: "x", 1: {2: [[1, 1]]}})), "not bytes"),
        (corim(design({0: "x", 1: {2: [[b"", b"1"]]}})), "neither a number nor a name"),
        (corim(design({0: "x", 1: {1: -1}})), "security version"),
        (corim(design({0: "x", 1: {4: 1}})), "are bytes"),
        (corim(design({0: "x", 1: {4: Tagged(1, 1)}})), "tag 560"),
        (corim(design({0: "x", 1: {14: 1}})), "registers are not a map"),
        (corim(design({0: "x", 1: {11: 1}})), "name is not text"),
        (corim(comid({3: [[{0: {}}, [1]]]})), "none of the tags of keys"),
        (corim(comid({3: [[{0: {}}]]})), "two parts"),
        (corim(comid({0: [[{0: {1: 1}}, [{1: {}}]]]})), "vendor is not text"),
        (corim(comid({0: [[{0: {3: "x"}}, [{1: {}}]]]})), "layer is not a number"),
        (corim(design(software(bytes(32))), _4={0: 1}), "not after .* missing"),
        (corim(design(software(bytes(32))), _4={1: "x"}), "not a time"),
        (corim(design(software(bytes(32))), _5=[{0: 1}]), "name is not text"),
        (corim(design(software(bytes(32))), _5=[{0: "a", 2: ["b"]}]), "roles are not numbers"),
        (corim(design(software(bytes(32)))) + b"\0", "after its end"),
    ],
)
def test_other_shapes_are_malformed_with_their_place(data: bytes, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem) as caught:
        parse(data)
    assert caught.value.where


def test_a_signed_one_names_its_content_and_its_signer() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    payload = corim(design(software(bytes(32))))
    meta = dumps({0: {0: "the maker"}, 1: {0: Tagged(1, 0), 1: Tagged(1, 1 << 31)}})
    headers: dict[int | str, Any] = {3: "application/rim+cbor", 8: meta}
    signed = cose.encode(cose.sign(payload, key, algorithm=cose.ES256, headers=headers), tagged=True)
    found = parse(signed)
    assert (found.signer, found.valid_until) == ("the maker", datetime.fromtimestamp(1 << 31, UTC))
    assert "the maker" in found.check(AT, signer=key.public_key())
    others: list[dict[int | str, Any]] = [
        {3: "text/plain"},
        {3: headers[3], 8: 1},
        {3: headers[3], 8: b"\xa0"},
    ]
    for wrong in others:
        spoilt = cose.encode(cose.sign(payload, key, algorithm=cose.ES256, headers=wrong))
        with pytest.raises(MalformedEvidenceError):
            parse(spoilt)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    for begin in (b"", b"\xd9\x01\xf5", b"\xd9\x01\xfa", b"\xd2\x84", b"\xa2\x01\xa1\x00\x61a\x04"):
        try:
            parse(begin + data)
        except MalformedEvidenceError as problem:
            assert problem.where is not None  # noqa: PT017 (either way is right)


WHOLE = vectors.read("corim/corim-cca-platform-valid.cbor")


@given(st.integers(1, len(WHOLE) - 1), st.integers(0, 7))
@settings(max_examples=80)
def test_truncated_or_flipped_files_end_in_a_policy_or_a_named_error(at: int, bit: int) -> None:
    with pytest.raises(MalformedEvidenceError):
        parse(WHOLE[:at])
    flipped = bytearray(WHOLE)
    flipped[at] ^= 1 << bit
    try:
        for draft in convert([parse(bytes(flipped))], "arm-cca"):
            draft.text()
    except TteeError as problem:
        assert problem.message  # noqa: PT017 (either way is right)


# --- Arm --------------------------------------------------------------------------------------------

MACHINE = Machine.named("corim")
TOKEN = MACHINE.token()


def cca_claims(**changes: Any) -> Claims:
    evidence = Evidence("arm-cca", {"token": MACHINE.token(**changes)})
    return verify_cca(evidence, MACHINE.endorsements())


def platform_corim(claims: Claims, **changes: Any) -> Corim:
    """What the maker of this machine would say of it."""
    details: dict[str, Any] = {**claims.details, **changes}
    measured = [
        software(value, name=kind, _13=[bytes_of(signer)])
        for kind, _, value, signer, _ in details["software"]
    ]
    config: TaggedValue = {0: "cca.platform-config", 1: {4: bytes_of(details["platform_config"])}}
    implementation = details["implementation_id"]
    return parse(
        corim(
            design(*measured, config, implementation=implementation),
            device_key(Tagged(554, pem(MACHINE.key)), details["instance_id"], implementation),
        )
    )


def realm_corim(claims: Claims, **changes: TaggedValue) -> Corim:
    details: dict[str, Any] = dict(claims.details)
    rim = details["realm_initial_measurement"]
    measurements: dict[str, TaggedValue] = {
        "cca.rim": {2: [[8, rim]]},
        "cca.rem0": {2: [[8, details["rem0"]]]},
        "cca.rpv": {4: bytes_of(details["personalization"])},
        **changes,
    }
    entries: list[TaggedValue] = [{0: key, 1: values} for key, values in measurements.items() if values]
    return parse(corim(comid({0: [[{0: {0: bytes_of(rim)}}, entries]]}), profile=REALM))


def test_a_cca_token_is_accepted_as_its_makers_describe_it() -> None:
    claims = cca_claims()
    draft = only(convert([platform_corim(claims), realm_corim(claims)], "arm-cca"))
    assert failing(draft, claims) <= {"policy.assurance"}  # the key counts as simulated: it is for tests


@pytest.mark.parametrize(
    "changes",
    [
        {"platform": {"implementation_id": bytes(32)}},
        {"platform": {"config": b"\x02"}},
        {"initial_measurement": bytes(64)},
        {"personalization": b"\1" * 64},
        {"extensible_measurements": (b"\1" * 64, *(bytes(64),) * 3)},
    ],
)
def test_a_token_that_differs_in_one_claim_is_refused(changes: dict[str, Any]) -> None:
    claims = cca_claims()
    draft = only(convert([platform_corim(claims), realm_corim(claims)], "arm-cca"))
    assert failing(draft, cca_claims(**changes)) - failing(draft, claims)


def test_software_that_is_not_among_the_reference_values_is_refused() -> None:
    claims = cca_claims()
    measured: Any = claims.details["software"]
    wrong = [(*each[:2], bytes(32), *each[3:]) for each in measured]
    draft = only(convert([platform_corim(claims, software=wrong), realm_corim(claims)], "arm-cca"))
    assert "policy.arm-cca.software-measurements" in failing(draft, claims)


def test_a_platform_alone_leaves_the_realm_open_and_is_refused_until_it_is_named() -> None:
    claims = cca_claims()
    draft = only(convert([platform_corim(claims)], "arm-cca"))
    assert "# realm-initial-measurement" in draft.text()
    assert "policy.pinned.app" in failing(draft, claims)


def test_a_psa_token_is_accepted_as_its_maker_describes_it_and_no_other() -> None:
    device = Device.named("corim")
    claims = verify_psa(Evidence("arm-psa", {"token": device.token()}), device.endorsements())
    details: dict[str, Any] = dict(claims.details)
    measured = [software(value, name=kind, scheme="psa") for kind, _, value, _, _ in details["software"]]
    tags = (
        design(*measured, implementation=details["implementation_id"]),
        device_key(Tagged(554, pem(device.key)), details["instance_id"], details["implementation_id"]),
    )
    draft = only(convert([parse(corim(tag, profile=PSA)) for tag in tags], "arm-psa"))
    accepted = failing(draft, claims)
    assert accepted <= {"policy.assurance"}
    other = verify_psa(
        Evidence("arm-psa", {"token": device.token(implementation_id=bytes(32))}), device.endorsements()
    )
    assert "policy.arm-psa.implementation-id" in failing(draft, other) - accepted


def test_two_designs_are_two_policies() -> None:
    tags = [design(software(bytes(32)), implementation=bytes([n] * 32)) for n in (1, 2)]
    assert len(convert([parse(corim(*tags))], "arm-cca")) == 2


def test_the_keys_of_a_maker_are_as_real_as_it_is_said() -> None:
    claims = cca_claims()
    found = [platform_corim(claims), realm_corim(claims)]
    assert "insecure-emulated = true" in only(convert(found, "arm-cca")).text()
    chips = only(convert(found, "arm-cca", assurance=Assurance.SILICON)).text()
    assert 'assurance = "silicon"' in chips
    assert "insecure" not in chips


def test_first_drafts_had_tags_of_their_own() -> None:
    key: TaggedValue = Tagged(601, {1: "BL", 4: "1.0", 5: bytes(32)})
    environment: TaggedValue = {0: {0: Tagged(600, bytes(32))}}
    device: TaggedValue = {0: {0: Tagged(600, bytes(32))}, 1: Tagged(550, b"\1" * 33)}
    text = "".join(pem(MACHINE.key).split("\n")[1:-2])
    reference: TaggedValue = [environment, [{0: key, 1: {2: [[1, bytes(32)]]}}]]
    found = parse(corim(comid({0: [reference], 2: [[device, [{0: text}]]]}), profile=PSA))
    draft = only(convert([found], "arm-psa"))
    assert draft.anchors
    assert any(rule.key == "component-bl" for rule in draft.rules)


INSTANCE = b"\1" * 33
CERTIFICATE = Tagged(555, "-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        (design({1: {2: [[1, bytes(32)]]}}), "nothing is no key"),
        (design({0: 7, 1: {2: [[1, bytes(32)]]}}), "7 is no key"),
        (design({0: "cca.bad", 1: {2: [[1, bytes(32)]]}}), "cca.bad is no key"),
        (design({0: "cca.software-component", 1: {11: "BL"}}), "no digest"),
        (design({0: "cca.software-component", 1: {2: [["x", b"1"]]}}), "32, 48 nor 64"),
        (design(software(bytes(32), _13=[Tagged(554, "x")])), "signer id"),
        (design(software(bytes(32), _13=[bytes_of(bytes(32))] * 2)), "more than one signer"),
        (design({0: "cca.platform-config", 1: {5: b"x"}}), "no raw value"),
        (design({0: Tagged(601, {2: 1}), 1: {2: [[1, bytes(32)]]}}), "1 type, 4 version"),
        (design({0: Tagged(601, {1: 1}), 1: {2: [[1, bytes(32)]]}}), "text, text and bytes"),
        (design(software(bytes(32)), implementation=bytes(31)), "32 bytes"),
        (comid({0: [[{0: {0: "x"}}, [software(bytes(32))]]]}), "implementation id in bytes"),
        (comid({0: [[{0: {0: bytes_of(bytes(32))}, 1: 1}, [software(bytes(32))]]]}), "of an instance"),
        (comid({1: [[{0: {0: bytes_of(bytes(32))}}, [software(bytes(32))]]]}), "endorsed values"),
        (comid({3: [[{0: {0: bytes_of(bytes(32))}}, [Tagged(554, "x")]]]}), "no instance"),
        (device_key(Tagged(554, "x"), bytes(33)), "01 and 32 bytes"),
        (device_key(CERTIFICATE, INSTANCE), "exactly one public key"),
        (device_key(Tagged(554, "?"), INSTANCE), "not PEM"),
        (device_key(Tagged(554, b"?"), INSTANCE), "not text"),
        (device_key(Tagged(554, "MAA="), INSTANCE), "cannot be read"),
    ],
)
def test_what_arms_profile_does_not_allow_is_refused(tag: Tagged, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        convert([parse(corim(tag))], "arm-cca")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"cca.rim": None}, "cca.rim is missing"),
        ({"cca.rim": {2: [[8, bytes(64)]]}}, "another than the class id"),
        ({"cca.rpv": {11: "x"}}, "64 raw bytes"),
        ({"cca.rem4": {2: [[8, bytes(64)]]}}, "cca.rem4 is no key"),
        ({"cca.rem1": {11: "x"}}, "no digest"),
    ],
)
def test_what_the_realms_profile_does_not_allow_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        convert([realm_corim(cca_claims(), **changes)], "arm-cca")


# --- AMD --------------------------------------------------------------------------------------------

AMD_CLASS: TaggedValue = {0: {0: Tagged(111, bytes.fromhex("2b060104019c780301"))}}
LAUNCH: TaggedValue = {0: 641, 1: {2: [[7, b"\x77" * 48]]}}


def guest(*measurements: TaggedValue, environment: TaggedValue = AMD_CLASS) -> Corim:
    return parse(corim(comid({0: [[environment, list(measurements)]]}), profile=SNP))


def test_a_guests_fields_become_rules_and_a_machines_are_listed() -> None:
    tcb: TaggedValue = {0: 647, 1: {1: 9}}
    found = guest(LAUNCH, {0: 1, 1: {1: Tagged(553, 3)}}, {0: 5, 1: {4: bytes(4)}}, tcb)
    draft = only(convert([found], "amd-sev-snp"))
    assert {rule.key: rule.values for rule in draft.rules} == {
        "measurement": (b"\x77" * 48,),
        "min-guest-svn": (3,),
        "vmpl": (0,),
    }
    assert draft.origin == ("not compared: reported TCB",)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (lambda: guest(LAUNCH, LAUNCH), "stands there twice"),
        (lambda: guest({0: 2, 1: {}}), "no launch measurement"),
        (lambda: guest({0: "x", 1: {}}), "not a number"),
        (lambda: guest({0: 9999, 1: {}}), "no field"),
        (lambda: guest({0: 641, 1: {2: [[1, bytes(32)]]}}), "48 bytes"),
        (lambda: guest({0: 5, 1: {4: b"1"}}), "four raw bytes"),
        (lambda: guest({0: 642, 1: {4: b"1"}}), "32 bytes"),
        (lambda: guest({0: 1, 1: {}}), "security version is missing"),
        (lambda: guest(LAUNCH, environment={0: {0: "x"}}), "not an OID"),
        (lambda: guest(LAUNCH, environment={0: {0: Tagged(111, b"\x2b")}}), "not one of AMD's"),
    ],
)
def test_what_amds_profile_does_not_allow_is_refused(found: Any, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        convert([found()], "amd-sev-snp")


# --- which TEE --------------------------------------------------------------------------------------


def test_the_profile_says_which_tee_and_no_other_is_taken() -> None:
    found = parse(corim(design(software(bytes(32)))))
    assert tee_of(found) == "arm-cca"
    with pytest.raises(UsageError, match="none of arm-psa's"):
        convert([found], "arm-psa")
    with pytest.raises(UsageError, match="not read"):
        convert([found], "riscv")
    with pytest.raises(UsageError, match="does not say which TEE"):
        tee_of(parse(corim(design(software(bytes(32))), profile=None)))
    with pytest.raises(UsageError, match="neither reference values nor keys"):
        convert([parse(corim(Tagged(505, b"")))], "arm-cca")
