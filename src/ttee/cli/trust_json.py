# SPDX-License-Identifier: Apache-2.0
"""Answers of `ttee trust who` and `can` as JSON (docs/schema/trust.json)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ttee.codec import json
from ttee.trust.answers.ask import Answer
from ttee.trust.answers.statement import Statement, depths
from ttee.trust.answers.ways import AXES, behind, lacking
from ttee.trust.answers.words import Step, cut_words, source_words, steps
from ttee.trust.knowledge.terms import Adversary, Property
from ttee.trust.model.build import Model


def model_json(model: Model) -> dict[str, json.Encodable]:
    """What an answer is about."""
    return {
        "deployment": model.deployment.name,
        "at": str(model.at),
        "knowledge_as_of": str(model.knowledge.as_of),
        "evidence": [
            {"tee": each.design, "studies": each.studies, "since": each.since, "attacks": each.attacks}
            for each in depths(model)
        ],
    }


def cut_json(model: Model, cut: Iterable[str], goal: str | None = None) -> dict[str, json.Encodable]:
    """A cut: its events, its price, its words, and the attacks behind it."""
    events = sorted(cut)
    value: dict[str, json.Encodable] = {
        "events": list(events),
        "usd": sum(model.events[event].cost for event in events),
        "text": plain(cut_words(model, events)),
    }
    if goal is not None:
        value["attacks"] = [attack.id for attack in behind(model, goal, events)]
    return value


def plain(text: str) -> str:
    """With spaces that programs know."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def sizes_json(histogram: Mapping[int, int]) -> dict[str, json.Encodable]:
    """A histogram, by size in events."""
    return {str(size): count for size, count in sorted(histogram.items())}


def who_json(model: Model, found: Sequence[Statement]) -> dict[str, json.Encodable]:
    """ttee.trust-who/1."""
    return {
        "schema": "ttee.trust-who/1",
        **model_json(model),
        "properties": {str(each.property): statement_json(model, each) for each in found},
    }


def statement_json(model: Model, each: Statement) -> dict[str, json.Encodable]:
    """One property's part of it."""
    return {
        "alone": {axis: list(each.singles[axis]) for axis in AXES},
        "money_alone": None if each.money is None else cut_json(model, each.money[1], each.goal),
        "cheapest": None if each.cheapest is None else cut_json(model, each.cheapest[1], each.goal),
        "once_mended": []
        if each.unmended is None
        else [cut_json(model, cut) for cut in each.unmended.examples],
        "ways": {
            str(family.way): {
                "count": family.count,
                "sizes": sizes_json(family.histogram),
                "bound": family.bound,
                "smallest": [cut_json(model, cut, each.goal) for cut in family.examples],
            }
            for family in each.families
        },
        "count": each.count,
        "sizes": sizes_json(each.histogram),
        "smallest": each.smallest,
        "bound": each.bound,
        "text": plain(each.text),
        "cuts": [cut_json(model, cut) for cut in each.listed],
    }


def can_json(
    model: Model, known: Adversary, money: float, answers: Mapping[Property, Answer]
) -> dict[str, json.Encodable]:
    """ttee.trust-can/1."""
    return {
        "schema": "ttee.trust-can/1",
        **model_json(model),
        "adversary": known.id,
        "budget_usd": int(money),
        "answers": {
            str(property_): answer_json(model, model.goal(property_), answer)
            for property_, answer in answers.items()
        },
    }


def answer_json(model: Model, goal: str, answer: Answer) -> dict[str, json.Encodable]:
    """One property's part of it."""
    if not answer.broken:
        ways = lacking(model, goal, answer.tried)
        return {
            "broken": False,
            "tried": sorted(answer.tried),
            "missing": {
                "count": ways.count,
                "bound": ways.bound,
                "smallest": [cut_json(model, cut) for cut in ways.examples],
            },
        }
    held = answer.tried - answer.used
    derived = steps(model, answer.derivation, held) if answer.derivation is not None else []
    return {
        "broken": True,
        "usd": int(answer.spent),
        "exact": answer.exact,
        "bought": sorted(answer.used),
        "because": [step_json(step) for step in derived],
    }


def step_json(step: Step) -> dict[str, json.Encodable]:
    """A line of a derivation."""
    return {
        "depth": step.depth,
        "text": plain(step.text),
        "rule": step.rule,
        "event": step.event,
        "sources": [source_words(source) for source in step.sources],
    }
