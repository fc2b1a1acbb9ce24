# SPDX-License-Identifier: Apache-2.0
"""What a relying party asks of residual trust: not broken by these adversaries, nor by anything of one kind alone
(docs/spec/policy.md, section Trust goals)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ttee.trust.answers import ask
from ttee.trust.answers.ask import AXES
from ttee.trust.answers.words import cut_words, joined, several
from ttee.trust.calculus.rules import Derivation, Kind
from ttee.trust.knowledge.terms import Property
from ttee.trust.model.build import Model
from ttee.trust.verdicts.claimed import Question
from ttee.trust.verdicts.residual import model_of, why

__all__ = ["AXES", "GOAL_PROPERTIES", "breaches"]

GOAL_PROPERTIES = tuple(each for each in Property if each is not Property.IDENTITY)
"""Of a single TEE; the identity of a peer is a channel's."""


MEMORY = 256
"""Answers that are remembered."""


@lru_cache(MEMORY)
def breaches(asked: Question, of: str, kind: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """What breaks a goal for that property, in words, each with its cut; nothing if it is kept.

    `kind`: `not_by` (`names` are adversaries, as in `operator:1000`) or `no_single` (`names` are of `AXES`).
    Raises QuestionError.
    """
    model = model_of(asked)
    return tuple((not_by if kind == "not_by" else no_single)(model, model.goal(of), names))


def not_by(model: Model, goal: str, adversaries: tuple[str, ...]) -> Iterator[str]:
    """The adversaries that break a goal all the same."""
    for text in adversaries:
        adversary, budget = ask.adversary(model, text)
        answer = ask.can(model, goal, adversary, budget)
        if answer.broken:
            yield f"{text} ({adversary.name}) breaks it: {_cut(model, answer.derivation)}"


def no_single(model: Model, goal: str, axes: tuple[str, ...]) -> Iterator[str]:
    """Who or what breaks a goal alone, for each kind of which nothing must."""
    means = model.means()
    for axis in axes:
        names = ask.alone(model, goal, axis)
        if names == ("",):
            yield f"nobody in particular is needed: {_cut(model, model.base.derive(means, goal))}"
            return
        if names:
            events = [id_ for id_, event in model.events.items() if event.groups.get(axis) == names[0]]
            others = f" (and so {several(len(names) - 1, 'other')})" if len(names) > 1 else ""
            cut = _cut(model, model.base.derive([*events, *means], goal))
            yield f"one {axis} breaks it alone, {names[0]}{others}: {cut}"


def _cut(model: Model, derivation: Derivation | None) -> str:
    """The events that a derivation rests on, and the attacks that lead from them."""
    leaves: set[str] = set()
    stack, seen = [derivation] if derivation else [], set()
    while stack:
        node = stack.pop()
        if node.atom not in seen:
            seen.add(node.atom)
            if node.rule is None:
                leaves.add(node.atom)
            stack.extend(node.because)
    kinds = {model.events[id_].kind for id_ in leaves}
    by = why(model, derivation) if kinds - {Kind.PARTY, Kind.FLAW} else []  # these need nobody else's attack
    return f"{cut_words(model, leaves)}{f', by {joined(by)}' if by else ''}"
