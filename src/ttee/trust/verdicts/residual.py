# SPDX-License-Identifier: Apache-2.0
"""What a verdict ends with: who could still break each property, in plain words (docs/spec/trust.md, section 8).

Nothing is listed: each line comes from closures alone, of what an adversary has, of one party, of one flaw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from textwrap import shorten

from ttee.model import Residual
from ttee.trust.answers import ask
from ttee.trust.answers.words import joined, several, shortened, usd
from ttee.trust.calculus.rules import Derivation, Event, Kind
from ttee.trust.knowledge.terms import CLASSES, Adversary, Over, Property
from ttee.trust.model.build import Model, build
from ttee.trust.shipped import shipped
from ttee.trust.verdicts.claimed import Question, asked_for, deployment_for

PROPERTIES = (Property.CONFIDENTIALITY, Property.INTEGRITY, Property.ATTESTATION)
"""What the statement speaks of."""
OWN_AFFAIRS = ("code", "measured-image")
"""Kinds of fix that are in the hands of who writes the app: said apart from what nobody can mend there."""
MEMORY = 256
"""Answers that are remembered."""
_PLAIN = (
    ("an undisclosed flaw in ", ""),
    (", whom the design leaves open", ""),
    (", which the design leaves open", ""),
    ("the program 'app'", "the app"),
    ("the owner of machine", "whoever owns the machine"),
    ("the operator of machine", "whoever runs the machine"),
)
_PARTIES = 6
_HEAD = 64
_MOST = 3
"""Names in a row, before it says how many more."""


def residual(asked: Question, not_checked: Iterable[str] = ()) -> Residual:
    """The statement for a question; `not_checked` is what the verdict lists as such."""
    designs, by, unknown = _answer(asked)
    return Residual(
        at=asked.at,
        as_of=shipped().as_of.isoformat(),
        designs=designs,
        facts=dict(asked.facts),
        unknown=unknown,
        broken_by=by,
        not_checked=tuple(not_checked),
    )


def model_of(asked: Question, *, fixed: Iterable[str] = ()) -> Model:
    """The rules that a question is answered by."""
    knowledge = shipped()
    return build(deployment_for(asked, knowledge), knowledge, fixed=fixed)


@lru_cache(MEMORY)
def _answer(asked: Question) -> tuple[tuple[str, ...], Mapping[str, tuple[str, ...]], tuple[str, ...]]:
    knowledge = shipped()
    here, mended = model_of(asked), model_of(asked, fixed=OWN_AFFAIRS)
    by = {property_.value: tuple(breakers(here, mended, property_)) for property_ in PROPERTIES}
    known = {name for name, _ in asked.facts}
    return (
        tuple(knowledge.designs[id_].name for id_ in asked.designs),
        by,
        tuple(sorted(asked_for(knowledge, asked.designs) - known)),
    )


def breakers(here: Model, mended: Model, property_: Property) -> Iterator[str]:
    """Who breaks a property, each completing "broken by …", the most serious first.

    `mended` is the same where the app guards against what an app can guard against.
    """
    goal = here.goal(property_)
    if here.base.breaks((), goal):
        reasons = why(here, here.base.derive((), goal))
        yield f"anybody ({joined(reasons)})" if reasons else "anybody"
        return
    local, elsewhere = by_reach(here)
    least, guarded = None, False
    for adversary in local:
        answer = ask.can(mended, goal, adversary)
        if answer.broken:
            least = adversary
            yield _attacker(mended, adversary, answer)
            break
        answer = ask.can(here, goal, adversary)
        if answer.broken and not guarded:
            guarded = True
            yield f"{_attacker(here, adversary, answer)}, unless the app guards against it"
    for adversary in elsewhere if least is None or least is not local[0] else ():
        answer = ask.can(mended, goal, adversary)
        forged = ask.can(mended, mended.goal(Property.ATTESTATION), adversary)
        if forged.broken and forged.spent <= answer.spent:
            answer = forged  # it breaks all the rest, and is then said once
        if answer.broken and answer.spent:  # machines without a price are not for sale, or anybody's
            yield _attacker(mended, adversary, answer)
    yield from _alone(here, goal)


def _alone(model: Model, goal: str) -> Iterator[str]:
    """Parties, flaws and broken cryptography that suffice, whatever has to be bought."""
    means = () if model.base.breaks(model.means(), goal) else model.means()
    alone = [
        event
        for id_, event in model.events.items()
        if event.kind in (Kind.PARTY, Kind.FLAW, Kind.CRYPTO) and model.base.breaks((id_, *means), goal)
    ]
    own = [event for event in alone if "code" in event.groups or _wrote_the_app(event)]
    others = [event for event in alone if event not in own]
    names = _parties(model, [event.groups["party"] for event in others if event.kind is Kind.PARTY])
    yield from names[:_PARTIES]
    if len(names) > _PARTIES:
        yield f"any of {several(len(names) - _PARTIES, 'other party', 'other parties')}"
    flaws = [plain(event.name) for event in others if event.kind is Kind.FLAW]
    if flaws:
        yield f"an undisclosed flaw in {shortened(flaws, _MOST, 'or')}"
    if own:
        yield "a flaw in the app, or whoever wrote it"
    if any(event.kind is Kind.CRYPTO for event in others):
        yield "broken cryptography"


def _wrote_the_app(event: Event) -> bool:
    return event.groups.get("party", "").startswith("author@")


def _parties(model: Model, ids: list[str]) -> list[str]:
    """Their names, known ones first; who owns one that is named goes without saying."""
    known = model.deployment.parties
    owners = {known[id_].parent for id_ in ids if id_ in known}
    ids = [id_ for id_ in ids if id_ not in owners]
    ids.sort(key=lambda id_: id_ not in known or known[id_].jurisdiction == "unnamed")
    return [plain(model.events[f"{Kind.PARTY}:{id_}"].name) for id_ in ids]


def plain(name: str) -> str:
    """An event's name within a sentence."""
    for long, short in _PLAIN:
        name = name.replace(long, short)
    return name


def by_reach(model: Model) -> tuple[list[Adversary], list[Adversary]]:
    """Adversaries that hold no office and know no secrets, those with the least first: near it, and elsewhere alone."""
    known = model.knowledge
    order = {name: number for number, name in enumerate(CLASSES)}

    def reach(adversary: Adversary) -> tuple[int, int]:
        kinds = [order[known.capabilities[id_].kind] for id_ in adversary.capabilities]
        return max(kinds, default=0), adversary.budget_usd

    free = [each for each in known.adversaries.values() if not each.roles and not each.kinds]
    free = sorted((each for each in free if each.over is not Over.MACHINE), key=reach)
    away = [each for each in free if each.elsewhere and each.over is Over.ALL]
    return [each for each in free if each not in away], away


def why(model: Model, derivation: Derivation | None) -> list[str]:
    """The published attacks in a derivation, by their short names; without any, what its rules say of the TEE."""
    attacks = model.knowledge.attacks
    found: dict[str, None] = {}
    stack, seen = [derivation] if derivation else [], set()
    while stack:
        node = stack.pop()
        if node.atom in seen:
            continue
        seen.add(node.atom)
        if node.rule is not None and node.rule.id in attacks:
            found[attacks[node.rule.id].name.split(" (")[0]] = None
        elif node.rule is not None and node.rule.id == "emulated":
            found["nobody vouches for a real chip"] = None
        elif node.rule is not None and node.rule.id == "simulated":
            found["it is only simulated, so that anybody can make such evidence"] = None
        stack.extend(node.because)
    return list(found)


def _attacker(model: Model, adversary: Adversary, answer: ask.Answer) -> str:
    price = usd(answer.spent) if answer.spent and isfinite(answer.spent) else ""
    how = ": ".join(each for each in (price, shortened(why(model, answer.derivation), 2)) if each)
    return f"{adversary.name} ({how})" if how else adversary.name


def lines(said: Residual) -> Iterator[str]:
    """The statement as sentences; what breaks every property is said once."""
    every = [
        each for each in said.broken_by[PROPERTIES[0]] if all(each in by for by in said.broken_by.values())
    ]
    together: dict[tuple[str, ...], list[str]] = {}
    for property_, by in said.broken_by.items():
        together.setdefault(tuple(each for each in by if each not in every), []).append(property_)
    for by, properties in together.items():
        if by:
            yield f"{joined(properties).capitalize()} could still be broken {_by(by)}."
    if every:
        which = "each of them" if any(together) else joined(list(said.broken_by))
        yield f"{which.capitalize()} could still be broken {_by(every)}."
    if said.not_checked:
        heads = list(dict.fromkeys(shorten(each.partition(":")[0], _HEAD) for each in said.not_checked))
        more = f"; {len(heads) - _MOST} more" if len(heads) > _MOST else ""
        yield f"Not checked: {'; '.join(heads[:_MOST])}{more}."
    ends = " (later ones are not known here)" if said.at == said.as_of else ""
    held = f"Held against what was published up to {said.at}{ends}, as {joined(said.designs, 'or')}"
    open_ = f"; {several(len(said.unknown), 'thing')} that evidence does not tell counted against it"
    yield f"{held}{open_ if said.unknown else ''}."


def _by(phrases: Sequence[str]) -> str:
    *first, last = [f"by {each}" for each in phrases]
    return f"{'; '.join(first)}; or {last}" if first else last
