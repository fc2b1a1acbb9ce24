# SPDX-License-Identifier: Apache-2.0
"""CCA tokens: the shared vectors, every check passing and failing, and what an attacker does to a token."""

from __future__ import annotations

from hashlib import sha256, sha384
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from ttee.codec import cbor
from ttee.codec.cbor import VendorValue
from ttee.errors import (
    AnchorError,
    BindingError,
    EndorsementError,
    FreshnessError,
    MalformedEvidenceError,
    NotAuthenticError,
    SignatureError,
    TteeError,
    UsageError,
    WeakKeyError,
)
from ttee.model import Assurance, Endorsements, Evidence, Status
from ttee.tee.arm.cca import TEE, checks
from ttee.tee.arm.cca import claims as claim_sets
from ttee.tee.arm.cca import evidence as evidence_of
from ttee.tee.arm.cca import verify as cca_verify
from ttee.tee.arm.fields import Component
from ttee.tee.arm.signed import forget_signatures
from ttee.tee.recognise import recognise
from ttee.testing.arm import Machine, component

EDITIONS = (claim_sets.PROFILE_2022, claim_sets.PROFILE_2023, claim_sets.PROFILE_2024)
MACHINE = Machine.named("a server")
PINNED = MACHINE.endorsements()
NONCE = bytes(range(64))
TOKEN = MACHINE.token(challenge=NONCE)


def wrapped(token: bytes) -> Evidence:
    return Evidence("arm-cca", {"token": token})


def refused(token: bytes, endorsements: Endorsements = PINNED, nonce: bytes | None = NONCE) -> TteeError:
    with pytest.raises(TteeError) as caught:
        TEE.verify(wrapped(token), endorsements, nonce=nonce)
    return caught.value


def changed_platform(change: dict[int | str, VendorValue], *, without: int | None = None) -> bytes:
    """A token whose platform signed other claims than its format has."""
    realm = MACHINE.realm(challenge=NONCE)
    claims = cbor.loads_vendor(
        claim_sets.encode_platform(MACHINE.platform(realm)), what="claims", max_size=1 << 16
    )
    assert isinstance(claims, dict)
    claims.update(change)
    claims.pop(without if without is not None else "", None)
    return MACHINE.sign(cbor.dumps_vendor(claims), claim_sets.encode_realm(realm))


def changed_realm(change: dict[int | str, VendorValue], *, without: int | None = None) -> bytes:
    """A token whose monitor signed other claims than its format has."""
    claims = cbor.loads_vendor(
        claim_sets.encode_realm(MACHINE.realm(challenge=NONCE)), what="claims", max_size=1 << 16
    )
    assert isinstance(claims, dict)
    claims.update(change)
    claims.pop(without if without is not None else "", None)
    return MACHINE.sign(claim_sets.encode_platform(MACHINE.platform()), cbor.dumps_vendor(claims))


# --- the shared vectors ---------------------------------------------------------------------------


def test_every_shared_vector_has_its_expected_result() -> None:
    cases = vectors.cases("cca")
    assert len(cases) == 6
    for case in cases:
        given_key = Endorsements(documents={"cpak": case.inputs["cpak"]})
        try:
            claims = TEE.verify(recognise(case.inputs["token"]), given_key)
        except (MalformedEvidenceError, NotAuthenticError):
            assert not case.valid, case.id
        else:
            assert case.valid, case.id
            assert claims.details["platform_profile"] == "http://arm.com/CCA-SSD/1.0.0"
            assert claims.details["lifecycle"] == "secured"
            # Their keys can be downloaded: what they sign is never more than a simulation.
            assert claims.assurance is Assurance.SIMULATED


@pytest.mark.parametrize("name", ["platform", "realm"])
def test_what_others_write_is_written_again_byte_for_byte(name: str) -> None:
    """The claims-sets of Veraison, in their own order of keys."""
    data = vectors.read(f"cca/{name}-claims.cbor")
    if name == "realm":
        assert claim_sets.parse_realm(
            claim_sets.encode_realm(claim_sets.parse_realm(data))
        ) == claim_sets.parse_realm(data)
    else:
        platform = claim_sets.parse_platform(data)
        assert claim_sets.parse_platform(claim_sets.encode_platform(platform)) == platform


# --- genuine tokens -------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", EDITIONS)
def test_a_genuine_token_of_each_edition_passes_every_check(profile: str) -> None:
    machine = Machine.named("a server", profile)
    claims = TEE.verify(recognise(machine.token(challenge=NONCE)), machine.endorsements(), nonce=NONCE)
    assert [check.id for check in claims.checks] == [spec.id for spec in checks.CHECKS]
    assert {check.status for check in claims.checks} == {Status.PASS}
    assert claims.fresh
    assert claims.debug is False
    assert claims.nonce == claims.user_data == NONCE
    assert claims.registers == (bytes(64),) * 4
    assert claims.details["component_rmm"] == component("RMM").measurement
    assert claims.details["sizes_agree"] is True


def test_the_anchor_says_what_the_platform_is_worth() -> None:
    silicon = Endorsements(anchors=(MACHINE.anchor(Assurance.SILICON),))
    assert TEE.verify(wrapped(TOKEN), silicon).assurance is Assurance.SILICON


def test_inspecting_shows_every_field_and_verifies_nothing() -> None:
    assert TEE.describe is not None
    shown = TEE.describe(wrapped(MACHINE.token(challenge=NONCE, platform={"challenge": bytes(32)})))
    assert shown["challenge"] == NONCE
    assert shown["platform_challenge"] == bytes(32)


def test_without_a_nonce_freshness_is_listed_as_not_checked() -> None:
    claims = TEE.verify(wrapped(TOKEN), PINNED)
    assert not claims.fresh
    assert claims.checks[-1].status is Status.SKIPPED
    assert any("replay" in note for note in claims.not_checked)


def test_cached_and_uncached_claims_are_the_same() -> None:
    forget_signatures()
    first = TEE.verify(wrapped(TOKEN), PINNED, nonce=NONCE)
    assert TEE.verify(wrapped(TOKEN), PINNED, nonce=NONCE) == first


def test_claims_that_nobody_here_knows_are_named() -> None:
    claims = TEE.verify(wrapped(changed_platform({99999: b"?", -5: 1})), PINNED, nonce=NONCE)
    assert any("99999" in note for note in claims.not_checked)
    claims = TEE.verify(wrapped(changed_realm({88888: b"?"})), PINNED, nonce=NONCE)
    assert any("88888" in note for note in claims.not_checked)


# --- each check fails -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    [
        b"",
        TOKEN[:-1],
        TOKEN + b"\0",
        TOKEN[3:],
        cbor.tag_head(400) + TOKEN[3:],
        cbor.tag_head(907) + TOKEN[3:],
        cbor.tag_head(399) + cbor.dumps_vendor({44234: b""}),
        cbor.tag_head(399) + cbor.dumps_vendor({44234: b"", 44241: b"", 44242: b""}),
        cbor.tag_head(399) + cbor.dumps_vendor({44234: b"", 44241: 5}),
        cbor.tag_head(399) + cbor.dumps_vendor([1, 2]),
        cbor.tag_head(907) + cbor.dumps_vendor({44234: [264, b""], 44241: [263, b""]}),
        bytes(1 << 18),
    ],
)
def test_another_envelope_is_malformed(token: bytes) -> None:
    problem = refused(token)
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.ENVELOPE.id
    assert problem.where


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({265: "tag:arm.com,2099:cca_platform#9"}, "profile"),
        ({265: 5}, "profile"),
        ({10: bytes(31)}, "challenge"),
        ({2396: bytes(33)}, "implementation id"),
        ({256: bytes(33)}, "instance id"),
        ({256: "no bytes"}, "instance id"),
        ({2401: b""}, "configuration"),
        ({2395: 0x7000}, "lifecycle"),
        ({2395: True}, "lifecycle"),
        ({2395: -1}, "lifecycle"),
        ({2402: "md5"}, "hash algorithm"),
        ({2394: 2}, "client id"),
        ({2399: []}, "software components"),
        ({2399: [{2: bytes(32), 5: bytes(32)}] * 257}, "software components"),
        ({2399: [5]}, "software components[0]"),
        ({2399: [{2: bytes(32)}]}, "signer id"),
        ({2399: [{5: bytes(32)}]}, "measurement value"),
        ({2399: [{2: bytes(20), 5: bytes(32)}]}, "measurement value"),
        ({2399: [{2: bytes(32), 5: bytes(32), 1: "a\x1b"}]}, "type"),
        ({2400: ""}, "verification service"),
    ],
)
def test_a_platform_claim_that_is_not_as_it_must_be_is_named(
    change: dict[int | str, VendorValue], name: str
) -> None:
    problem = refused(changed_platform(change))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.PLATFORM_CLAIMS.id
    assert name in (problem.where or "")


@pytest.mark.parametrize("claim", [265, 10, 2396, 256, 2401, 2395, 2402, 2399])
def test_a_platform_claim_that_is_missing_is_missed(claim: int) -> None:
    problem = refused(changed_platform({}, without=claim))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.PLATFORM_CLAIMS.id
    assert "missing" in problem.message


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({10: bytes(32)}, "challenge"),
        ({44235: bytes(63)}, "personalization"),
        ({44236: "sha-1"}, "hash algorithm"),
        ({44238: bytes(20)}, "initial measurement"),
        ({44239: [bytes(64)] * 3}, "extensible measurements"),
        ({44239: [bytes(64), bytes(64), bytes(64), bytes(65)]}, "extensible measurements"),
        ({44239: [bytes(64), bytes(64), bytes(64), "x"]}, "extensible measurements"),
        ({44237: b""}, "public key"),
        ({44240: "crc32"}, "hash algorithm of the key"),
        ({44243: 2}, "memory encryption policy"),
        ({256: bytes(33)}, "instance id"),
        ({265: "http://arm.com/CCA-SSD/1.0.0"}, "profile"),
    ],
)
def test_a_realm_claim_that_is_not_as_it_must_be_is_named(
    change: dict[int | str, VendorValue], name: str
) -> None:
    problem = refused(changed_realm(change))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.REALM_CLAIMS.id
    assert name in (problem.where or "")


@pytest.mark.parametrize("claim", [10, 44235, 44236, 44237, 44238, 44239, 44240])
def test_a_realm_claim_that_is_missing_is_missed(claim: int) -> None:
    problem = refused(changed_realm({}, without=claim))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.REALM_CLAIMS.id


@pytest.mark.parametrize("platform", EDITIONS)
@pytest.mark.parametrize("realm", EDITIONS)
def test_parts_of_two_editions_do_not_go_together(platform: str, realm: str) -> None:
    if platform == realm:
        return
    token = MACHINE.token(challenge=NONCE, profile=claim_sets.PROFILES[realm], platform={"profile": platform})
    problem = refused(token)
    assert isinstance(problem, BindingError)
    assert problem.check == checks.PROFILES.id


def test_without_any_key_the_error_names_what_would_mend_it() -> None:
    problem = refused(TOKEN, Endorsements())
    assert isinstance(problem, EndorsementError)
    assert problem.check == checks.DEVICE_KEY.id
    assert "`cpak`" in (problem.hint or "")


def test_a_key_that_comes_with_the_evidence_is_never_an_anchor() -> None:
    brought = Evidence("arm-cca", {"token": TOKEN}, {"cpak": MACHINE.anchor().key})
    with pytest.raises(EndorsementError):
        TEE.verify(brought, Endorsements(), nonce=NONCE)


def test_a_published_key_makes_a_simulation_of_any_anchor() -> None:
    case = next(case for case in vectors.cases("cca") if case.id == "trustee_example")
    key = Endorsements(documents={"cpak": case.inputs["cpak"]})
    claims = TEE.verify(wrapped(case.inputs["token"]), key)
    (step,) = [check for check in claims.checks if check.id == checks.STRENGTH.id]
    assert step.status is Status.SKIPPED
    assert claims.assurance is Assurance.SIMULATED


def test_a_platform_part_of_another_machine_is_not_signed_by_the_pinned_key() -> None:
    problem = refused(Machine.named("another").token(challenge=NONCE))
    assert isinstance(problem, SignatureError)
    assert problem.check == checks.PLATFORM_SIGNATURE.id


def test_of_several_pinned_keys_one_must_have_signed() -> None:
    others = tuple(Machine.named(name).anchor() for name in ("one", "two"))
    problem = refused(TOKEN, Endorsements(anchors=others))
    assert isinstance(problem, AnchorError)
    assert problem.check == checks.DEVICE_KEY.id
    assert TEE.verify(wrapped(TOKEN), Endorsements(anchors=(*others, MACHINE.anchor())), nonce=NONCE).fresh


def test_a_forged_monitor_beside_a_genuine_platform_is_not_bound_to_it() -> None:
    """Signed by its own key, in a part of its own: without the binding, all signatures would verify."""
    forger = evolve(MACHINE, monitor_key=Machine.named("a forger").monitor_key)
    platform = claim_sets.encode_platform(MACHINE.platform())
    problem = refused(forger.sign(platform, claim_sets.encode_realm(forger.realm(challenge=NONCE))))
    assert isinstance(problem, BindingError)
    assert problem.check == checks.BINDING.id


def test_the_binding_is_made_with_the_algorithm_that_the_realm_names() -> None:
    sha384_token = MACHINE.token(challenge=NONCE, public_key_hash="sha-384")
    assert TEE.verify(wrapped(sha384_token), PINNED, nonce=NONCE).fresh
    wrong = {"challenge": sha384(MACHINE.realm_key()).digest()}
    assert isinstance(refused(MACHINE.token(challenge=NONCE, platform=wrong)), BindingError)


def test_a_realm_part_that_its_key_did_not_sign_is_refused() -> None:
    genuine = claim_sets.encode_realm(MACHINE.realm(challenge=NONCE))
    token = MACHINE.sign(
        claim_sets.encode_platform(MACHINE.platform()), genuine, realm_faults={"signature": bytes(96)}
    )
    problem = refused(token)
    assert isinstance(problem, SignatureError)
    assert problem.check == checks.REALM_SIGNATURE.id


@pytest.mark.parametrize("key", [b"\x04" + bytes(95), b"\x02" + bytes(96), bytes(97)])
def test_a_realm_key_that_is_no_point_of_p384_is_malformed(key: bytes) -> None:
    problem = refused(MACHINE.token(challenge=NONCE, public_key=key))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.REALM_SIGNATURE.id


def test_a_realm_key_off_its_curve_is_refused() -> None:
    problem = refused(MACHINE.token(challenge=NONCE, public_key=b"\x04" + bytes(96)))
    assert isinstance(problem, WeakKeyError)


@pytest.mark.parametrize(
    "key",
    [
        {1: 1, -1: 2, -2: bytes(48), -3: bytes(48)},
        {1: 2, -1: 9, -2: bytes(48), -3: bytes(48)},
        {1: 2, -1: "P-384", -2: bytes(48), -3: bytes(48)},
        {1: 2, -1: 2, -2: bytes(47), -3: bytes(48)},
        {1: 2, -1: 2, -2: bytes(48)},
        [1],
    ],
)
def test_a_cose_key_of_another_shape_is_malformed(key: Any) -> None:
    machine = Machine.named("a server", claim_sets.PROFILE_2023)
    token = machine.token(challenge=NONCE, public_key=cbor.dumps_vendor(key))
    assert isinstance(refused(token, machine.endorsements()), MalformedEvidenceError)


@pytest.mark.parametrize("state", [0x0000, 0x1000, 0x20FF, 0x5000, 0x6000])
def test_a_platform_whose_key_lies_open_does_not_attest(state: int) -> None:
    problem = refused(MACHINE.token(challenge=NONCE, platform={"lifecycle": state}))
    assert isinstance(problem, NotAuthenticError)
    assert problem.check == checks.LIFECYCLE.id


def test_a_platform_that_is_debugged_says_so() -> None:
    token = MACHINE.token(challenge=NONCE, platform={"lifecycle": 0x4001})
    claims = TEE.verify(wrapped(token), PINNED, nonce=NONCE)
    assert claims.debug is True
    assert claims.details["lifecycle"] == "non-rot-debug"


def test_a_measurement_of_another_size_than_its_algorithm_is_left_to_the_policy() -> None:
    claims = TEE.verify(wrapped(MACHINE.token(challenge=NONCE, hash_name="sha-256")), PINNED, nonce=NONCE)
    (step,) = [check for check in claims.checks if check.id == checks.SIZES.id]
    assert step.status is Status.SKIPPED
    assert claims.details["sizes_agree"] is False
    assert any("rim has 64 bytes" in note for note in claims.not_checked)


def test_another_challenge_is_a_replay() -> None:
    problem = refused(TOKEN, nonce=bytes(64))
    assert isinstance(problem, FreshnessError)
    assert problem.check == checks.NONCE.id


@pytest.mark.parametrize("size", [0, 32, 65])
def test_a_nonce_of_another_size_is_the_callers_mistake(size: int) -> None:
    assert isinstance(refused(TOKEN, nonce=bytes(size)), UsageError)


def test_other_parts_than_a_token_are_refused() -> None:
    with pytest.raises(MalformedEvidenceError):
        TEE.verify(Evidence("arm-cca", {"token": TOKEN, "more": b""}), PINNED)


# --- what policies compare ------------------------------------------------------------------------


def test_the_digest_of_the_software_changes_with_each_component() -> None:
    def digest(*components: Component) -> object:
        token = MACHINE.token(platform={"components": components})
        return TEE.verify(wrapped(token), PINNED).details["software_digest"]

    usual = (component("BL2"), component("RMM"))
    expected: list[list[str | bytes]] = [[each.type or "", each.measurement, each.signer] for each in usual]
    assert digest(*usual) == sha256(cbor.dumps(expected)).digest()
    assert digest(*usual) != digest(*reversed(usual))
    assert digest(*usual) != digest(component("BL2"), component("RMM", "2.0.0"))
    assert digest(*usual) != digest(component("BL2"), evolve(component("RMM"), signer=bytes(32)))


def test_two_components_of_one_type_get_no_claim_of_their_own() -> None:
    token = MACHINE.token(platform={"components": (component("RMM", "1"), component("rmm", "2"))})
    assert "component_rmm" not in TEE.verify(wrapped(token), PINNED).details


@given(st.binary(min_size=64, max_size=64), st.integers(1, 12), st.data())
def test_what_is_remembered_of_a_realm_is_all_but_its_challenge(
    challenge: bytes, place: int, data: st.DataObject
) -> None:
    """Whatever the payload, remembered or not, first challenge or not: it reads as if for the first time."""
    payload = bytearray(claim_sets.encode_realm(MACHINE.realm(challenge=challenge)))
    for _ in range(data.draw(st.integers(0, 2))):
        payload[data.draw(st.sampled_from([0, 1, 2, 3, 67, 68, 69, 70, place, len(payload) - place]))] ^= 1
    for _ in range(2):
        try:
            expected: object = claim_sets.parse_realm(bytes(payload))
        except MalformedEvidenceError as error:
            expected = (error.message, error.where)
        try:
            found: object = cca_verify._realm(bytes(payload)).realm
        except MalformedEvidenceError as error:
            found = (error.message, error.where)
        assert found == expected


@given(st.integers(0, len(TOKEN) - 1), st.integers(1, 255))
def test_heads_alone_give_what_the_whole_reader_gives(at: int, change: int) -> None:
    """The usual form of a token is read without a walk; any other form, right or wrong, by the strict reader."""
    token = bytearray(TOKEN)
    token[at] ^= change
    usual = evidence_of._usual_form(bytes(token))
    if usual is not None:
        assert cbor.loads_vendor(bytes(token[3:]), what="it", max_size=1 << 16) == {
            evidence_of.PLATFORM: usual[0],
            evidence_of.REALM: usual[1],
        }


# --- hostile bytes --------------------------------------------------------------------------------


@given(st.integers(0, len(TOKEN) - 1))
def test_a_token_cut_anywhere_is_malformed(size: int) -> None:
    assert isinstance(refused(TOKEN[:size]), MalformedEvidenceError)


@given(st.integers(0, 8 * len(TOKEN) - 1))
def test_a_token_with_any_bit_changed_is_refused_by_name(bit: int) -> None:
    changed = bytearray(TOKEN)
    changed[bit // 8] ^= 1 << bit % 8
    assert isinstance(refused(bytes(changed)), MalformedEvidenceError | NotAuthenticError)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_malformed(data: bytes) -> None:
    assert isinstance(refused(cbor.tag_head(399) + data), MalformedEvidenceError)


def test_an_unprotected_header_is_not_signed_and_changes_nothing() -> None:
    realm, platform = MACHINE.realm(challenge=NONCE), MACHINE.platform()
    token = MACHINE.sign(
        claim_sets.encode_platform(platform),
        claim_sets.encode_realm(realm),
        platform_faults={"unprotected": {4: b"some key"}},
    )
    assert TEE.verify(wrapped(token), PINNED, nonce=NONCE).fresh
