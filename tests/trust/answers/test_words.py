# SPDX-License-Identifier: Apache-2.0
"""Cuts and derivations in words that people outside the field can read."""

from __future__ import annotations

from math import inf

from tests.trust.known import model
from ttee.trust.answers import ask
from ttee.trust.answers.words import (
    cut_words,
    event_words,
    joined,
    number,
    part_words,
    several,
    shortened,
    step_lines,
    steps,
    usd,
)

ONE = '[part.a]\ntee = "tdx"\noperator = "google"\n'
TWO = ONE + '[part.b]\ntee = "snp"\noperator = "ovh"\n[part.x]\nsplit = { k = 2, of = ["a", "b"] }\n'


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_numbers_are_spaced_and_lists_end_in_and() -> None:
    assert plain(number(134_062_500)) == "134 062 500"
    assert number(inf) == "∞"
    assert plain(usd(1000)) == "1 000 USD"
    assert (several(1, "cut"), several(2, "cut"), several(2, "study", "studies")) == (
        "1 cut",
        "2 cuts",
        "2 studies",
    )
    assert (joined([]), joined(["a"]), joined(["a", "b", "c"])) == ("", "a", "a, b and c")
    assert shortened(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert shortened(["a", "b", "c"], 2) == "a, b and c"  # one more is said as quickly as counted
    assert shortened(["a, b", "c"], 2, "or", ";") == "a, b or c"


def test_a_cut_says_who_what_they_have_and_what_it_costs() -> None:
    made = model(ONE)
    cut = {"capability:bus_passive@a", "capability:host_root@a", "equipment:bus-tap"}
    assert plain(cut_words(made, cut)) == (
        "whoever has a passive interposer on the memory bus and the host's kernel (1 000 USD: equipment for bus-tap)"
    )
    assert cut_words(made, {"party:intel", "party:google"}) == "Google and Intel"
    assert cut_words(made, {"flaw:tdx-chip"}) == "an undisclosed flaw in the chip of TDX"
    assert cut_words(made, {"crypto:signature"}) == "anybody, once the signature algorithms are broken"
    assert plain(cut_words(made, {"machine:tdx", "equipment:bus-tap"})).startswith("anybody (6 000 USD: ")
    assert cut_words(made, ()) == "nobody has to do anything: it is open as it stands"


def test_machines_are_named_only_where_there_are_several() -> None:
    made = model(TWO)
    both = {"capability:host_root@a", "capability:host_root@b"}
    assert cut_words(made, both) == "whoever has the host's kernel at a and at b"
    assert event_words(made, "capability:host_root@a") == "whoever has the host's kernel at a"
    assert event_words(model(ONE), "capability:host_root@a") == "whoever has the host's kernel"
    apart = {"capability:host_root@a", "capability:host_firmware@b"}
    assert cut_words(made, apart) == "whoever has the host's kernel at a, and the host's firmware at b"


def test_an_event_by_itself_says_of_what_kind_it_is() -> None:
    made = model(TWO + '[part.front]\nchannel = { to = "x", binding = "tls-key" }\n')
    assert event_words(made, "party:intel") == "Intel"
    assert event_words(made, "crypto:signature").startswith("broken cryptography (")
    assert event_words(made, "leak:tls@front").startswith("a leak (")
    assert event_words(made, "exposure:S1@tdx").startswith("a way into what is left open (")
    assert plain(event_words(made, "machine:tdx")).endswith("(5 000 USD)")


def test_a_derivation_gives_reasons_sources_and_what_was_had_or_bought() -> None:
    made = model(TWO)
    who, _ = ask.adversary(made, "operator")
    answer = ask.can(made, made.goal("confidentiality"), who, 6000)
    assert answer.derivation is not None
    found = steps(made, answer.derivation, answer.tried - answer.used)
    text = plain("\n".join(step_lines(found)))
    assert text.startswith("what is inside can be read\nbecause in 2 of the 2 parts a, b, ")
    assert "- bought: equipment for bus-tap, 1 000 USD" in text
    assert "- it has the host's kernel at a" in text
    assert text.count("[a paper]") == 1  # each source once
    assert "[" not in "\n".join(step_lines(found, sources=False))
    assert all(step.rule for step in found if not step.event)


def test_what_no_attack_but_a_rule_gives_is_said_to_be_that() -> None:
    made = model(ONE)
    cut = frozenset({"exposure:S2@tdx", "capability:bus_active@a"})
    lines = list(step_lines(steps(made, ask.explain(made, cut, made.goal("integrity")))))
    assert any("[rule S2: no attack is published" in line for line in lines)


def test_reasons_that_were_given_are_not_given_again() -> None:
    made = model(ONE + '[part.x]\nsplit = { k = 2, of = ["a", "c"] }\n[part.c]\ntee = "cca"\nmachine = "a"\n')
    everything = frozenset(made.events)
    lines = list(step_lines(steps(made, ask.explain(made, everything, made.goal("confidentiality")))))
    assert len(lines) < 60


def test_each_kind_of_part_has_words() -> None:
    made = model(
        TWO + '[part.any]\nany = ["a", "b"]\n[part.all]\nall = ["a", "b"]\n'
        '[part.some]\nk_of = { k = 1, of = ["any", "all"] }\n'
        '[part.nest]\nnest = { outer = "a", inner = "b" }\n[part.same]\nreplicate = { agree = 2, of = ["a", "b"] }\n'
        '[part.placed]\npoc = { of = "a", by = "google" }\n'
        '[part.logged]\nlog = { of = "a", k = 1, witnesses = ["ovh", "arm"], covers = ["code"] }\n'
        '[part.front]\nchannel = { to = "a", binding = "exporter", pin = true, nonce = false }\n'
        '[part.top]\nall = ["x", "some", "nest", "same", "placed", "logged", "front"]\n',
        root="top",
    )
    said = {name: part_words(name, made.deployment, made.knowledge) for name in made.deployment.parts}
    assert said["a"] == "TDX, run by Google"
    assert said["x"] == "secret shared, 2 of 2 have it"
    assert said["any"] == "any may vouch"
    assert said["all"] == "all must vouch"
    assert said["same"] == "answers compared, 2 of 2 must agree"
    assert said["nest"] == "one within the other"
    assert said["placed"] == "proof of cloud, by Google"
    assert said["logged"] == "log, 1 of 2"
    assert said["front"] == "channel bound by exporter, one machine pinned, no nonce"
