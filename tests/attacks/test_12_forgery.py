# SPDX-License-Identifier: Apache-2.0
"""Forged reports: what somebody without keys can do to genuine evidence on its way. None of it is believed."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.attacks.genuine import AT, NONCE, genuine
from tests.tee.keystone import reference
from ttee.appraise import appraise
from ttee.codec import cbor
from ttee.errors import AnchorError, BindingError, EvidenceError, MalformedEvidenceError, SignatureError
from ttee.model import Endorsements, Evidence, Tier
from ttee.tee.keystone import evidence as keystone
from ttee.tee.riscv.verify import verify
from ttee.testing.keystone import Device
from ttee.testing.riscv import SoftwareTee

PARTS = ("report", "claims", "statement", "log")


def test_genuine_evidence_is_affirmed() -> None:
    """Without this, refusing everything would pass every test below."""
    assert genuine().judge(genuine().evidence).status is Tier.AFFIRMING


def test_no_bit_of_it_can_be_flipped() -> None:
    """All bits of claims, statement and log; of the report, all that are signed: the rest is named as not checked."""
    ours = genuine()
    data_len = int.from_bytes(ours.part("report")[64:72], "little")
    signed = [*range(72 + data_len), *range(1096, 1320)]
    endorsements = ours.policy.endorsements()
    for name in PARTS:
        for at in signed if name == "report" else range(len(ours.part(name))):
            for bit in range(8):
                altered = bytearray(ours.part(name))
                altered[at] ^= 1 << bit
                with pytest.raises(EvidenceError):
                    verify(ours.with_parts(**{name: bytes(altered)}), endorsements, nonce=NONCE)


def test_what_is_not_signed_changes_nothing_but_a_note() -> None:
    ours = genuine()
    report = bytearray(ours.part("report"))
    report[1000] = 1
    report[1330] ^= 1
    verdict = ours.judge(ours.with_parts(report=bytes(report)))
    assert verdict.status is Tier.AFFIRMING
    assert verdict.claims.details == ours.judge(ours.evidence).claims.details
    assert any("NOT zeros" in note for note in verdict.not_checked)
    assert any("ANOTHER than the pinned one" in note for note in verdict.not_checked)


@pytest.mark.parametrize("name", PARTS)
def test_no_part_can_be_cut_or_extended(name: str) -> None:
    ours = genuine()
    part = ours.part(name)
    for forged in (b"", part[:-1], part[1:], part + b"\0", part + part):
        with pytest.raises(MalformedEvidenceError):
            ours.judge(ours.with_parts(**{name: forged}))


@pytest.mark.parametrize("length", [1025, 1 << 31, 1 << 63, (1 << 64) - 1])
def test_a_length_beyond_the_report_is_refused_before_it_is_used(length: int) -> None:
    """Keystone's own verifier would read behind the report."""
    report = bytearray(genuine().part("report"))
    report[64:72] = length.to_bytes(8, "little")
    with pytest.raises(MalformedEvidenceError, match="room for 1024"):
        genuine().judge(genuine().with_parts(report=bytes(report)))


@pytest.mark.parametrize("field", ["sm_signature", "enclave_signature"])
def test_a_signature_has_no_second_form(field: str) -> None:
    """S + L verifies in Keystone's own verifier."""
    report = keystone.parse(genuine().part("report"))
    signature: bytes = getattr(report, field)
    s = (int.from_bytes(signature[32:], "little") + reference.L).to_bytes(32, "little")
    forged = keystone.encode(evolve(report, **{field: signature[:32] + s}))
    with pytest.raises(SignatureError, match="not below"):
        genuine().judge(genuine().with_parts(report=forged))


def test_a_monitor_section_of_another_device_does_not_fit() -> None:
    report = keystone.parse(genuine().part("report"))
    other = keystone.parse(genuine("another device").part("report"))
    swapped = evolve(
        report, sm_hash=other.sm_hash, sm_public_key=other.sm_public_key, sm_signature=other.sm_signature
    )
    with pytest.raises(AnchorError):
        genuine().judge(
            genuine().with_parts(report=keystone.encode(evolve(swapped, device_key=other.device_key)))
        )


def test_evidence_made_in_software_needs_a_key_that_somebody_pinned() -> None:
    """The attacker knows every format, and claims to be our app on our monitor on our device."""
    ours = genuine()
    said = verify(ours.evidence, ours.policy.endorsements(), nonce=NONCE)
    app, enclave, monitor = said.app, said.details["enclave_hash"], said.details["monitor_hash"]
    assert isinstance(app, bytes)
    assert isinstance(enclave, bytes)
    assert isinstance(monitor, bytes)
    forger = SoftwareTee(
        device=Device.random(), app=app, enclave_hash=enclave, monitor_hash=monitor, nonce=NONCE
    )
    with pytest.raises(AnchorError):
        ours.judge(forger.evidence())
    posing = keystone.parse(forger.evidence().parts["report"])
    report = keystone.encode(evolve(posing, device_key=ours.anchors[0].key))
    with pytest.raises(SignatureError):
        ours.judge(Evidence("riscv", {**forger.evidence().parts, "report": report}))


def test_a_device_that_somebody_else_pins_does_not_pass_our_policy() -> None:
    """The claims were verified under the forger's anchors, and are then held against our policy."""
    ours = genuine()
    forger = SoftwareTee(device=Device.random(), nonce=NONCE)
    claims = verify(forger.evidence(), Endorsements(anchors=(forger.anchor(),)), nonce=NONCE)
    assert appraise(claims, [ours.policy], at=AT).status is Tier.CONTRAINDICATED


def test_claims_cannot_be_bettered() -> None:
    ours = genuine()
    value = cbor.loads(ours.part("claims"), what="claims", max_size=1024)
    assert isinstance(value, dict)
    for change in (
        {"debug": not value["debug"]},
        {"svn": 99},
        {"platform": "silicon"},
        {"authority": bytes(32)},
    ):
        better = cbor.dumps({**value, **change})
        with pytest.raises(BindingError):
            ours.judge(ours.with_parts(claims=better))
