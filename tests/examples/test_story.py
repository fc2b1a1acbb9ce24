# SPDX-License-Identifier: Apache-2.0
"""The demo holds itself to its word, and its tools find what they look for."""

from __future__ import annotations

import io
import struct
from hashlib import sha3_512

import pytest

import attacks
from story import OtherwiseError, Story, short
from ttee.errors import AnchorError, FreshnessError
from ttee.testing.keystone import Device


@pytest.fixture
def story() -> Story:
    return Story(io.StringIO())


def refuse() -> None:
    raise FreshnessError("the evidence carries " + "ab" * 32, check="some.check")


def test_an_attack_that_is_refused_as_announced_is_an_outcome(story: Story) -> None:
    story.must_refuse("replay", refuse, FreshnessError, "some.check", "it is old.")
    (outcome,) = story.outcomes
    assert (outcome.id, outcome.ending, outcome.detail) == ("replay", "refused", "Refused: it is old.")


def test_an_attack_that_goes_through_stops_the_story(story: Story) -> None:
    with pytest.raises(OtherwiseError, match="replay: the attack went through"):
        story.must_refuse("replay", lambda: None, FreshnessError, "some.check", "it is old.")


def test_a_refusal_for_another_reason_stops_the_story(story: Story) -> None:
    with pytest.raises(OtherwiseError, match="not as announced"):
        story.must_refuse("replay", refuse, AnchorError, "some.check", "it is old.")
    with pytest.raises(OtherwiseError, match="not as announced"):
        story.must_refuse("replay", refuse, FreshnessError, "another.check", "it is old.")
    assert story.outcomes == []


def test_an_expectation_that_does_not_hold_stops_the_story(story: Story) -> None:
    with pytest.raises(OtherwiseError, match="sealed: announced, and not so"):
        story.expect("sealed", False, "nothing is seen")


def test_without_a_terminal_there_are_no_colours_and_long_hex_is_shortened(story: Story) -> None:
    story.chapter("A step")
    story.must_refuse("replay", refuse, FreshnessError, "some.check", "it is old.")
    said = str(story.out.getvalue())  # type: ignore[attr-defined]
    assert "\x1b" not in said
    assert "abababab...abababab" in said


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    story = Story(out)
    story.title("A story")
    story.chapter("A step")
    story.quote("a line")
    story.held("a", "it held")
    story.broken("b", "it broke")
    assert "+ it held" in out.buffer.getvalue().decode("ascii")


def test_paragraphs_are_wrapped_to_80_columns(story: Story) -> None:
    story.say("word " * 60)
    story.held("a", "word " * 60)
    assert max(map(len, story.out.getvalue().splitlines())) <= 80  # type: ignore[attr-defined]


def test_short_digests_stay_as_they_are() -> None:
    assert short(bytes(4)) == "00000000"
    assert short(bytes(32)) == "00000000...00000000"


# --- the attacker's tools -------------------------------------------------------------------------


def test_bids_are_found_wherever_they_lie_in_memory() -> None:
    record = struct.pack("<32sI4xQ", b"alice", 5, 5200)
    assert attacks.find_bids(bytes(64) + record + b"\xff" * 64) == {"alice": 5200}
    assert attacks.find_bids(b"\xaa" * 4096) == {}


def test_a_secret_key_is_found_beside_its_public_half() -> None:
    device = Device.random()
    digest = sha3_512(device.seed).digest()
    secret = bytes([digest[0] & 0xF8]) + digest[1:31] + bytes([digest[31] & 0x3F | 0x40]) + digest[32:]
    memory = bytes(1024) + device.key + b"\x11" * 40 + secret + bytes(1024)
    assert attacks.find_secret(memory, device.key) == secret
    assert attacks.find_secret(bytes(1024) + device.key + bytes(1024), device.key) is None
