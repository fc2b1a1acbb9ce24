# SPDX-License-Identifier: Apache-2.0
"""A dstack attestation, of any version, becomes the evidence of the TEE inside; and says no more than was signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256, sha512
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from tests.tee.amd.vendors import vendor as amd_vendor
from ttee.appraise import appraise, parse_policy
from ttee.codec import msgpack, scale
from ttee.errors import BindingError, MalformedEvidenceError, TteeError
from ttee.eventlog import dstack as log
from ttee.formats import dstack_v0, unwrap
from ttee.formats.dstack_statement import PART, LoggedEvent, Statement
from ttee.model import Claims, Endorsements, Evidence, Status, Tier
from ttee.tee.amd.verify import verify as verify_amd
from ttee.tee.intel.evidence import split
from ttee.tee.intel.reports import TdReport
from ttee.tee.intel.verify import verify as verify_intel
from ttee.tee.nitro.verify import verify as verify_nitro
from ttee.tee.recognise import dump_evidence, recognise
from ttee.testing import amd, intel, nitro
from ttee.testing.dstack import BOOT, Attestation, logged, register

VENDOR = intel.Vendor.random()
MACHINE = VENDOR.machine()
REPORT_DATA = bytes(range(64))
EVENTS = logged()


def quote(
    events: tuple[LoggedEvent, ...] = EVENTS, report_data: bytes = REPORT_DATA, **registers: bytes
) -> bytes:
    fields: dict[str, Any] = {"rtmr3": register(events), "report_data": report_data, **registers}
    return MACHINE.quote(report=intel.td_report(**fields))


MADE = Attestation(quote(), report_data=REPORT_DATA)


def verified(data: bytes) -> Claims:
    return verify_intel(recognise(data), VENDOR.endorsements(MACHINE), at=intel.NOW)


def found(data: bytes) -> Evidence:
    evidence = unwrap(data)
    assert evidence is not None
    return evidence


@pytest.mark.parametrize("data", [MADE.v0(), MADE.v1()], ids=["V0", "V1"])
def test_the_guests_own_events_say_which_app_runs(data: bytes) -> None:
    claims = verified(data)
    assert claims.details["compose_hash"] == dict(BOOT)["compose-hash"]
    assert claims.details["app_id"] == dict(BOOT)["app-id"]
    assert (claims.details["key_provider"], claims.details["key_provider_id"]) == ("kms", b"\xc0\xff\xee")
    assert claims.events == tuple((3, name, payload) for name, payload in BOOT)
    passed = {check.id for check in claims.checks if check.status is Status.PASS}
    assert {"intel.event-log.replay", "intel.dstack.statement"} <= passed
    assert "the configuration in the dstack attestation: nothing signs it" in claims.not_checked


def test_both_versions_and_their_stripped_forms_are_one_evidence() -> None:
    assert found(MADE.v0()) == found(MADE.v1())
    stripped = evolve(MADE, events=logged(stripped=True))
    assert verified(stripped.v0()).details == verified(MADE.v0()).details == verified(stripped.v1()).details


def test_the_evidence_survives_its_envelope() -> None:
    assert recognise(dump_evidence(found(MADE.v1()))) == found(MADE.v1())


def test_events_of_the_second_digest_version_count_with_their_preimage() -> None:
    events = logged(version=2)
    made = Attestation(quote(events), events=events, report_data=REPORT_DATA)
    assert verified(made.v1()).details["compose_hash"] == dict(BOOT)["compose-hash"]
    spoilt = (*events[:2], evolve(events[2], preimage="7b7d"), *events[3:])
    with pytest.raises(BindingError, match="preimage"):
        verified(evolve(made, events=spoilt).v1())


def test_what_the_app_adds_after_system_ready_says_nothing_of_it() -> None:
    more = (*BOOT, ("compose-hash", b"a lie"), ("my-event", b"mine"))
    made = Attestation(quote(logged(more)), events=logged(more), runtime=more, report_data=REPORT_DATA)
    assert verified(made.v0()).details["compose_hash"] == dict(BOOT)["compose-hash"]


@pytest.mark.parametrize("number", [2, len(EVENTS) - 1])
def test_an_event_of_another_type_cannot_hide_where_the_systems_events_end(number: int) -> None:
    """The digest of other types is not that of name and payload, so the replay alone would not tell."""
    events = (*EVENTS[:number], evolve(EVENTS[number], type=4), *EVENTS[number + 1 :])
    for data in (evolve(MADE, events=events).v0(), evolve(MADE, events=events).v1()):
        with pytest.raises(BindingError, match="extend RTMR 3") as caught:
            verified(data)
        assert caught.value.check == "intel.event-log.replay"


def test_two_events_that_say_who_runs_are_refused() -> None:
    more = (*BOOT[:3], ("compose-hash", b"another"), *BOOT[3:])
    made = Attestation(quote(logged(more)), events=logged(more), runtime=more, report_data=REPORT_DATA)
    with pytest.raises(BindingError, match="two events say compose-hash") as caught:
        verified(made.v0())
    assert caught.value.check == "intel.event-log.replay"


def test_a_log_without_system_ready_is_known_to_be_open_at_its_end() -> None:
    less = BOOT[:-1]
    made = Attestation(quote(logged(less)), events=logged(less), runtime=less, report_data=REPORT_DATA)
    assert any("no system-ready" in line for line in verified(made.v0()).not_checked)


@pytest.mark.parametrize("change", ["name", "payload", "left out", "added", "swapped"])
def test_a_log_of_another_story_is_refused(change: str) -> None:
    changed = {
        "name": (evolve(EVENTS[2], name="compose-hasj"),),
        "payload": (evolve(EVENTS[2], payload=bytes(32)),),
        "left out": (),
        "added": (EVENTS[2], *logged([("more", b"")])),
        "swapped": (EVENTS[3], EVENTS[2]),
    }[change]
    events = (*EVENTS[:2], *changed, *EVENTS[4 if change == "swapped" else 3 :])
    runtime = [(event.name, event.payload) for event in events]
    with pytest.raises(BindingError) as caught:
        verified(evolve(MADE, events=events, runtime=runtime).v0())
    assert caught.value.check == "intel.event-log.replay"


def test_a_policy_pins_the_compose_hash_and_refuses_one_changed_bit() -> None:
    claims = verified(MADE.v1())

    def held(compose: bytes) -> Tier:
        pins = "\n".join(
            f'{name} = ["{value.hex()}"]'
            for name in ("mr_td", "rtmr1", "rtmr2")
            if isinstance(value := claims.details[name], bytes)
        ).replace("mr_td", "mr-td")
        text = (
            'schema = "ttee.policy/1"\nname = "app"\n[freshness]\nnonce = "optional"\n[tee.intel-tdx]\n'
            f'anchors = [{{ key = "{VENDOR.anchor("intel-tdx").key.hex()}", assurance = "silicon" }}]\n'
            f'{pins}\ncompose-hash = ["{compose.hex()}"]\n'
        )
        policy = parse_policy(text.encode(), where="test")
        return appraise(claims, [policy], at="2026-11-21T12:00:00Z").status

    compose = dict(BOOT)["compose-hash"]
    assert held(compose) is Tier.WARNING  # no nonce was given
    assert held(bytes([compose[0] ^ 1]) + compose[1:]) is Tier.CONTRAINDICATED


def test_other_report_data_beside_the_quote_are_refused() -> None:
    with pytest.raises(BindingError, match="names the report data") as caught:
        verified(evolve(MADE, report_data=bytes(64)).v0())
    assert caught.value.check == "intel.dstack.statement"


def test_a_pods_payload_must_be_what_the_report_data_are_the_digest_of() -> None:
    digest = sha512(b"app-data:hello").digest()
    made = Attestation(quote(report_data=digest), report_data=digest, payload="hello")
    assert "intel.dstack.statement" in {check.id for check in verified(made.v1()).checks}
    with pytest.raises(BindingError, match="app-data"):
        verified(evolve(made, payload="hallo").v1())


def test_a_virtual_tpms_quote_is_kept_and_listed_as_not_checked() -> None:
    for data in (evolve(MADE, kind=dstack_v0.GCP_TDX).v0(), evolve(MADE, kind=dstack_v0.GCP_TDX).v1()):
        assert Statement.read(found(data).parts[PART]).tpm_quote["message"] == b"message".hex()
        assert any("virtual TPM" in line for line in verified(data).not_checked)


DOCUMENT = json.dumps({"app_id": "aa", "compose_hash": "bb" * 32, "key_provider": "kms", "instance_id": None})


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_an_snp_report_vouches_for_the_document_by_its_host_data(version: str) -> None:
    maker = amd_vendor()
    chip = maker.chip()
    host_data = sha256(b"dstack-mr-config-v3:\0" + DOCUMENT.encode()).digest()
    report = chip.report(report_data=REPORT_DATA, host_data=host_data)
    made = Attestation(
        report,
        dstack_v0.SEV_SNP,
        runtime=(),
        report_data=REPORT_DATA,
        mr_config=DOCUMENT,
        certificates=(b"0",),
    )
    evidence = recognise(getattr(made, version)())
    assert evidence.endorsements == {"dstack_certificate.1": b"0"}
    evidence = Evidence(evidence.tee, evidence.parts)
    claims = verify_amd(evidence, maker.endorsements(chip), at=amd.NOW)
    assert (claims.details["compose_hash"], claims.details["key_provider"]) == (b"\xbb" * 32, "kms")
    other = evolve(made, mr_config=DOCUMENT.replace("bb", "bc"))
    with pytest.raises(BindingError, match="digest of mr_config") as caught:
        verify_amd(
            Evidence(evidence.tee, found(getattr(other, version)()).parts),
            maker.endorsements(chip),
            at=amd.NOW,
        )
    assert caught.value.check == "amd.dstack.statement"


def test_an_enclaves_events_are_held_by_no_register() -> None:
    enclave = nitro.Vendor.named("dstack").enclave()
    document = enclave.document(user_data=REPORT_DATA)
    made = Attestation(document, dstack_v0.NITRO, runtime=(("app-id", b"x"),), report_data=REPORT_DATA)
    given = nitro.Vendor.named("dstack").endorsements()
    for data in (made.v0(), made.v1()):
        claims = verify_nitro(recognise(data), given, at=nitro.NOW)
        assert "events that no register holds: app-id" in claims.not_checked
    with pytest.raises(BindingError) as caught:
        verify_nitro(recognise(evolve(made, report_data=bytes(64)).v0()), given, at=nitro.NOW)
    assert caught.value.check == "nitro.dstack.statement"


def test_nobody_here_verifies_a_nitrotpm() -> None:
    for data in (evolve(MADE, kind=dstack_v0.NITRO_TPM).v0(), evolve(MADE, kind=dstack_v0.NITRO_TPM).v1()):
        with pytest.raises(MalformedEvidenceError, match="aws-nitro-tpm, which no TEE here verifies"):
            unwrap(data)


def test_two_lists_of_events_must_tell_one_story() -> None:
    for runtime in ((*BOOT[:2], ("other", b"")), (*BOOT, ("more", b""))):
        with pytest.raises(MalformedEvidenceError):
            unwrap(evolve(MADE, runtime=runtime).v0())
    assert found(evolve(MADE, runtime=BOOT[:3]).v0()) == found(MADE.v0())


# --- JSON -------------------------------------------------------------------------------------------


def answer(**changes: Any) -> bytes:
    fields = {
        "quote": MADE.quote.hex(),
        "event_log": found(MADE.v0()).parts["event_log"].decode(),
        "report_data": REPORT_DATA.hex(),
        "vm_config": "{}",
    }
    return json.dumps(
        {key: value for key, value in {**fields, **changes}.items() if value is not None}
    ).encode()


def test_what_the_guest_agent_answers_is_the_same_evidence() -> None:
    assert verified(answer()).details == verified(MADE.v0()).details
    attestation = json.dumps({"quote": None, "attestation": "0x" + MADE.v0().hex()}).encode()
    assert unwrap(attestation) == found(MADE.v0())
    assert found(answer(event_log=found(MADE.v0()).parts["event_log"].hex())).parts == found(answer()).parts


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"more": 1}, "unknown"),
        ({"quote": "zz"}, "not hex"),
        ({"quote": 1}, "not text"),
        ({"report_data": "00"}, "64"),
        ({"attestation": MADE.v0().hex()}, "give one of the two"),
        ({"attestation": MADE.v0().hex(), "quote": "00", "event_log": ""}, "not that of the attestation"),
        ({"attestation": "ff"}, "no version"),
    ],
)
def test_json_that_is_something_else_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        Statement.read(found(answer(**changes)).parts[PART])


# --- hostile bytes ----------------------------------------------------------------------------------


@given(st.integers(0, len(MADE.v0()) - 1))
@settings(max_examples=40)
def test_truncated_attestations_are_malformed(size: int) -> None:
    for data in (MADE.v0(), MADE.v1()):
        with pytest.raises(MalformedEvidenceError):
            recognise(data[: max(size, 1)])


@given(st.integers(0, 8 * len(MADE.v0()) - 1))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_ends_in_a_named_error_or_changes_nothing_that_counts(bit: int) -> None:
    for whole in (MADE.v0(), MADE.v1()):
        data = bytearray(whole)
        at = bit % (8 * len(data))
        data[at // 8] ^= 1 << at % 8
        try:
            claims = verified(bytes(data))
        except TteeError:
            continue
        assert claims.details["compose_hash"] == dict(BOOT)["compose-hash"]


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_first_ones_are_read_or_refused_by_name(data: bytes) -> None:
    for begin in (b"\0\0", b"\0\3", b"\x83\xa8platform"):
        try:
            unwrap(begin + data)
        except MalformedEvidenceError as problem:
            assert problem.where is not None  # noqa: PT017 (either way is right)


CONTENT = MADE.content()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 2}, "version is not 1"),
        ({"more": 1}, "map of version"),
        ({"platform": {"kind": "tdx"}}, "map of kind, data"),
        ({"platform": {"kind": "sgx", "data": {}}}, "none of"),
        ({"platform": {"kind": "tdx", "data": {"quote": b""}}}, "map of quote, event_log"),
        ({"platform": {"kind": "tdx", "data": {"quote": [256], "event_log": []}}}, "not bytes"),
        ({"platform": {"kind": "tdx", "data": {"quote": b"", "event_log": 1}}}, "not a list"),
        ({"stack": {"kind": "other", "data": {}}}, "neither dstack nor"),
        (
            {"stack": {"kind": "dstack", "data": {"report_data": b"", "runtime_events": [], "config": ""}}},
            "64",
        ),
    ],
)
def test_v1_of_another_shape_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        unwrap(msgpack.dumps({**CONTENT, **change}))


def test_v0_must_end_where_it_ends_and_be_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MalformedEvidenceError, match="after its end"):
        unwrap(MADE.v0() + b"\0")
    monkeypatch.setattr("ttee.formats.dstack.MAX_SIZE", 99)
    for data in (MADE.v0(), MADE.v1()):
        with pytest.raises(MalformedEvidenceError, match="99"):
            unwrap(data)


@pytest.mark.parametrize(
    "part",
    [b"[]", b'{"more":1}', b'{"report_data":1}', b'{"events":1}', b'{"events":[1]}', b'{"report_data":"00"}'],
)
def test_a_statement_of_another_shape_is_refused(part: bytes) -> None:
    evidence = found(MADE.v0())
    with pytest.raises(MalformedEvidenceError):
        verify_intel(
            Evidence(evidence.tee, {**evidence.parts, PART: part}), VENDOR.endorsements(MACHINE), at=intel.NOW
        )


def test_a_digest_may_be_missing_only_where_it_can_be_computed() -> None:
    event = {"imr": 0, "event_type": 4, "event": "", "event_payload": "00"}
    with pytest.raises(MalformedEvidenceError, match="no digest"):
        log.parse(json.dumps([event]).encode())
    guests = {**event, "imr": 3, "event_type": log.RUNTIME, "event": "a"}
    assert log.parse(json.dumps([guests]).encode()).events[0].digests == (log.runtime_digest("a", b"\0"),)


# --- the shared vectors -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["quote-report", "tdx-lite-attestation"])
def test_real_attestations_replay_and_say_who_runs(name: str) -> None:
    from ttee.tee.intel.dstack import check_event_log, check_statement
    from ttee.tee.steps import Steps

    evidence = recognise(vectors.read(f"dstack/{name}.json"))
    report = split(evidence).report
    assert isinstance(report, TdReport)
    told = check_event_log(report, evidence.parts["event_log"], Steps())
    check_statement(evidence.parts[PART], report.report_data, Steps())
    compose, app = told.details["compose_hash"], told.details["app_id"]
    assert isinstance(compose, bytes)
    assert app == compose[:20]  # as both were deployed
    changed = evidence.parts["event_log"].replace(compose.hex().encode(), bytes(32).hex().encode())
    with pytest.raises(BindingError):
        check_event_log(report, changed, Steps())


def test_real_nitro_documents_are_found_inside_their_attestations() -> None:
    document = vectors.read("nitro/dstack_prod.cose.bin")
    made = Attestation(document, dstack_v0.NITRO, runtime=(), config="")
    assert found(made.v0()).parts["document"] == document


def test_other_bytes_are_none_of_ours() -> None:
    for data in (b"", b"\0", b"{}", b'{"quote": 1}', scale.octets(b"x"), MADE.quote):
        assert unwrap(data) is None


def test_a_real_quote_its_log_and_its_collateral_make_one_story() -> None:
    collateral = vectors.read("intel-dcap/collateral/tdx_90c06f000000_2026-02-18_6b64f75a.json")
    evidence = recognise(vectors.read("dstack/quote-report.json"))
    given = Endorsements(documents={"collateral": collateral})
    claims = verify_intel(evidence, given, at=datetime(2026, 2, 19, tzinfo=UTC))
    assert claims.details["tcb_status"] == "UpToDate"
    assert claims.details["key_provider"] == "local-sgx"
    # What this app said after system-ready is told, and claims nothing.
    assert claims.events[-1][1] == "LIUM_MINER_HOTKEY"
    assert "lium_miner_hotkey" not in claims.details
