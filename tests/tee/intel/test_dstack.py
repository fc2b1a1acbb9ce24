# SPDX-License-Identifier: Apache-2.0
"""What dstack says beside a quote counts as far as the quote vouches for it."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha512
from typing import Any

import pytest
from attrs import evolve

from tests import vectors
from tests.formats.attested import EVENTS, MACHINE, MADE, REPORT_DATA, VENDOR, found, quote, verified
from ttee.appraise import appraise, parse_policy
from ttee.errors import BindingError, MalformedEvidenceError
from ttee.formats.dstack_statement import PART, LoggedEvent, Statement
from ttee.model import Endorsements, Evidence, Status, Tier
from ttee.tee.intel.dstack import check_event_log, check_statement
from ttee.tee.intel.evidence import split
from ttee.tee.intel.reports import TdReport
from ttee.tee.intel.verify import verify as verify_intel
from ttee.tee.recognise import recognise
from ttee.tee.steps import Steps
from ttee.testing import intel
from ttee.testing.dstack import BOOT, Attestation, logged


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


def test_without_its_log_a_statement_leaves_the_registers_unexplained() -> None:
    whole = found(MADE.v0())
    parts = {name: part for name, part in whole.parts.items() if name in ("quote", PART)}
    claims = verify_intel(evolve(whole, parts=parts), VENDOR.endorsements(MACHINE), at=intel.NOW)
    assert "what the runtime registers are made of: no event log was given" in claims.not_checked
    assert "the configuration in the dstack attestation: nothing signs it" in claims.not_checked


def test_both_versions_and_their_stripped_forms_are_one_evidence() -> None:
    assert found(MADE.v0()) == found(MADE.v1())
    stripped = evolve(MADE, events=logged(stripped=True))
    assert verified(stripped.v0()).details == verified(MADE.v0()).details == verified(stripped.v1()).details


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


@pytest.mark.parametrize("name", ["quote-report", "tdx-lite-attestation"])
def test_real_attestations_replay_and_say_who_runs(name: str) -> None:
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


def left_open(*events: LoggedEvent, **registers: bytes) -> list[str]:
    """What a log leaves unsaid of the registers, or of where the system's events end."""
    runtime = [(event.name, event.payload) for event in events if event.register == 3]
    made = Attestation(quote(events, **registers), events=events, runtime=runtime, report_data=REPORT_DATA)
    return [line for line in verified(made.v0()).not_checked if "event log" in line or "system-ready" in line]


ACPI = LoggedEvent(0, 10, bytes(48), "acpi-loader", b"ACPI DATA")


def test_a_stripped_log_gives_the_guests_register_and_says_that_it_does_not_give_the_others() -> None:
    others = [f"what RTMR {n} is made of: the event log does not say" for n in range(3)]
    assert left_open(*EVENTS) == others
    assert left_open(ACPI, *EVENTS) == others
    assert left_open(*EVENTS, rtmr1=bytes(48)) == [others[0], others[2]]
    assert left_open(rtmr3=bytes(48)) == others


@pytest.mark.parametrize("change", [{"payload": b"OTHER"}, {"type": 4}, {"register": 1}])
def test_a_log_with_any_other_event_of_the_firmware_must_give_all_registers(change: dict[str, Any]) -> None:
    with pytest.raises(BindingError, match="the log does not give RTMR"):
        left_open(evolve(ACPI, **change), *EVENTS)


def test_a_document_of_another_tee_is_refused_beside_a_quote() -> None:
    evidence = found(MADE.v0())
    part = Statement(REPORT_DATA, mr_config="{}").encode()
    with pytest.raises(MalformedEvidenceError, match="no mr_config"):
        verify_intel(
            Evidence(evidence.tee, {**evidence.parts, PART: part}), VENDOR.endorsements(MACHINE), at=intel.NOW
        )


@pytest.mark.parametrize(
    "said", [b"[]", b'{"name":"kms"}', b'{"id":""}', b'{"name":"kms","id":1}', b'{"name":1,"id":""}']
)
def test_a_key_provider_has_a_name_and_an_id(said: bytes) -> None:
    events = logged((("key-provider", said),))
    with pytest.raises(MalformedEvidenceError, match="name and id"):
        left_open(*events)


def test_only_the_guests_own_events_are_told() -> None:
    evidence = recognise(vectors.read("dstack/quote-report.json"))
    report = split(evidence).report
    assert isinstance(report, TdReport)
    assert {
        register for register, _, _ in check_event_log(report, evidence.parts["event_log"], Steps()).events
    } == {3}
