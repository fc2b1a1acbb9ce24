# SPDX-License-Identifier: Apache-2.0
"""Replay and relay: genuine evidence of another time, another purpose, another machine, another channel."""

from __future__ import annotations

import pytest

from tests.attacks.genuine import ANOTHER_NONCE, NONCE, genuine
from ttee.codec import cbor
from ttee.errors import AnchorError, BindingError, FreshnessError
from ttee.model import Evidence, Tier


def test_evidence_made_for_somebody_elses_nonce_is_refused() -> None:
    ours = genuine()
    assert ours.judge(ours.later, ANOTHER_NONCE).status is Tier.AFFIRMING
    with pytest.raises(FreshnessError):
        ours.judge(ours.evidence, ANOTHER_NONCE)


def test_who_asks_for_no_nonce_gets_a_warning_never_more() -> None:
    verdict = genuine().judge(genuine().evidence, None)
    assert verdict.status is Tier.WARNING
    assert any("may be a replay" in note for note in verdict.not_checked)


def test_the_nonce_cannot_be_written_into_an_old_statement() -> None:
    ours = genuine()
    value = cbor.loads(ours.part("statement"), what="statement", max_size=1024)
    assert isinstance(value, dict)
    renewed = cbor.dumps({**value, "nonce": ANOTHER_NONCE})
    with pytest.raises(BindingError):
        ours.judge(ours.with_parts(statement=renewed), ANOTHER_NONCE)


@pytest.mark.parametrize(
    "names", [("statement",), ("claims",), ("report",), ("statement", "claims"), ("report", "claims")]
)
def test_parts_of_two_answers_do_not_mix(names: tuple[str, ...]) -> None:
    """A fresh report beside an old statement, whose channel key the attacker may have got hold of since."""
    ours = genuine()
    mixed = ours.with_parts(**{name: ours.later.parts[name] for name in names})
    for nonce in (NONCE, ANOTHER_NONCE):
        with pytest.raises((BindingError, FreshnessError)):
            ours.judge(mixed, nonce)


def test_a_second_machine_cannot_answer_for_the_first() -> None:
    """Same monitor, same app, same nonce; another device."""
    second = genuine("a second machine")
    assert second.judge(second.evidence).status is Tier.AFFIRMING
    with pytest.raises(AnchorError):
        genuine().judge(second.evidence)


def test_a_relay_cannot_put_its_own_channel_key_into_the_evidence() -> None:
    ours = genuine()
    value = cbor.loads(ours.part("statement"), what="statement", max_size=1024)
    assert isinstance(value, dict)
    own = cbor.dumps({**value, "channel_key": b"\x09" + bytes(31)})
    with pytest.raises(BindingError):
        ours.judge(ours.with_parts(statement=own))


def test_a_relay_that_forwards_everything_learns_nothing() -> None:
    """It may pass evidence and sealed messages on; the key that they are sealed to stays inside the TEE."""
    ours = genuine()
    forwarded = ours.judge(Evidence(ours.evidence.tee, ours.evidence.parts))
    assert forwarded == ours.judge(ours.evidence)


def test_two_answers_of_one_instance_have_one_channel_key_and_two_instances_have_two() -> None:
    ours, others = genuine(), genuine("a second machine")
    first = ours.judge(ours.evidence).claims
    assert ours.judge(ours.later, ANOTHER_NONCE).claims.channel_key == first.channel_key
    assert others.judge(others.evidence).claims.channel_key != first.channel_key
