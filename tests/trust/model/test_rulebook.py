# SPDX-License-Identifier: Apache-2.0
"""Every rule that a derivation can show is explained."""

from __future__ import annotations

import pytest

from ttee.trust.model.build import alone, build
from ttee.trust.model.rulebook import RULES
from ttee.trust.shipped import shipped


@pytest.mark.parametrize("facts", [{}, {"debug": True, "assurance": "simulated"}, {"assurance": "emulated"}])
def test_each_rule_of_each_design_is_in_the_book_or_an_attack(facts: dict[str, bool | str]) -> None:
    knowledge = shipped()
    for design in knowledge.designs:
        for rule in build(alone(design, knowledge, facts), knowledge).base.rules:
            assert rule.id in RULES or rule.id in knowledge.attacks, rule


def test_titles_and_sentences_are_there() -> None:
    assert all(title and says.endswith(".") for title, says in RULES.values())
