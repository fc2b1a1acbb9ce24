# SPDX-License-Identifier: Apache-2.0
"""Cuts, derivations and numbers in plain language, for readers from outside the field."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import inf

from attrs import frozen

from ttee.trust.calculus.rules import Derivation, Event, Kind, Source
from ttee.trust.deployment.parts import (
    Channel,
    FheIn,
    KOf,
    Log,
    Nest,
    Once,
    Part,
    Poc,
    Release,
    Replicate,
    Split,
)
from ttee.trust.deployment.tree import Deployment, Tee
from ttee.trust.knowledge.terms import Holders, Knowledge, Property
from ttee.trust.model.build import Model

ASKED = (
    Property.CONFIDENTIALITY,
    Property.INTEGRITY,
    Property.ATTESTATION,
    Property.FRESHNESS,
    Property.AVAILABILITY,
    Property.KEYS,
)
"""The properties that people ask for, in this order."""

MEANING: Mapping[Property, str] = {
    Property.CONFIDENTIALITY: "what is inside can be read by others",
    Property.INTEGRITY: "what runs, or what comes out, can be changed",
    Property.ATTESTATION: "somebody else can make evidence that is believed",
    Property.FRESHNESS: "old state can be passed off as the present one",
    Property.AVAILABILITY: "it can be stopped",
    Property.KEYS: "long-term keys can be had",
    Property.LEAKAGE: "patterns of access, or a part of it, leak",
    Property.IDENTITY: "another machine can be at the end of the channel",
}
"""What it means that a property is broken."""

LETTERS: Mapping[Property, str] = {
    Property.CONFIDENTIALITY: "C",
    Property.INTEGRITY: "I",
    Property.ATTESTATION: "A",
    Property.KEYS: "K",
    Property.FRESHNESS: "F",
    Property.AVAILABILITY: "V",
    Property.LEAKAGE: "L",
    Property.IDENTITY: "N",
}
"""One letter for each property, as tables use them."""

_KINDS: Mapping[type, str] = {
    Nest: "one within the other",
    Channel: "channel",
    Poc: "proof of cloud",
    Log: "log",
    Release: "release keys",
    FheIn: "homomorphic encryption",
    Once: "once",
}


def number(value: float) -> str:
    """1234567 as 1 234 567, with spaces that do not break."""
    return "∞" if value == inf else f"{int(value):,}".replace(",", "\N{NO-BREAK SPACE}")


def usd(value: float) -> str:
    """A price in USD."""
    return f"{number(value)}\N{NO-BREAK SPACE}USD"


def price(event: Event) -> str:
    """What an event costs."""
    return usd(event.cost) if event.cost else "price not known"


def several(count: int, one: str, many: str = "") -> str:
    """`1 cut`, `2 cuts`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def joined(words: Sequence[str], last: str = "and", comma: str = ",") -> str:
    """`a, b and c`."""
    return f"{f'{comma} '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def shortened(words: Sequence[str], most: int, last: str = "and", comma: str = ",") -> str:
    """`a, b and 7 more`."""
    if len(words) <= most + 1:
        return joined(words, last, comma)
    return joined([*words[:most], f"{number(len(words) - most)} more"], last, comma)


def event_words(model: Model, id_: str) -> str:
    """One event: who has turned, what somebody has, what goes wrong."""
    event = model.events[id_]
    match event.kind:
        case Kind.PARTY:
            return event.name
        case Kind.CAPABILITY:
            return f"whoever has {_capability(model, event, alone=len(_machines(model)) == 1)}"
        case Kind.EQUIPMENT | Kind.MACHINE:
            return f"{event.name} ({price(event)})"
        case Kind.CRYPTO:
            return f"broken cryptography ({event.name})"
        case Kind.LEAK:
            return f"a leak ({event.name})"
        case Kind.EXPOSURE:
            return f"a way into what is left open ({event.name})"
        case _:
            return event.name


def cut_words(model: Model, cut: Iterable[str]) -> str:
    """A cut in one phrase: who it takes, what they must have, what goes wrong, and what it costs."""
    events = [model.events[id_] for id_ in sorted(cut)]
    of = {kind: [event for event in events if event.kind is kind] for kind in Kind}
    said = []
    if of[Kind.PARTY]:
        said.append(joined([event.name for event in of[Kind.PARTY]]))
    places: dict[str, list[Event]] = {}
    for event in of[Kind.CAPABILITY]:
        places.setdefault(event.groups.get("machine", ""), []).append(event)
    alone = len(_machines(model)) == 1
    alike: dict[str, list[str]] = {}
    for place, has in sorted(places.items()):
        alike.setdefault(joined([_bare(model, event) for event in has]), []).append(place)
    held = [
        has if alone or where == [""] else f"{has} {joined([f'at {each}' for each in where])}"
        for has, where in alike.items()
    ]
    if held:
        said.append(f"whoever has {', and '.join(held)}")
    said += [event.name for event in of[Kind.FLAW]]
    means = [*of[Kind.EQUIPMENT], *of[Kind.MACHINE]]
    once = [event.name for kind in (Kind.EXPOSURE, Kind.CRYPTO, Kind.LEAK) for event in of[kind]]
    if (means or once) and not said:
        said.append("anybody")
    text = ", together with ".join(said)
    if means:
        total = sum(event.cost for event in means)
        price = f"{usd(total)}: " if total else ""
        text += f" ({price}{joined([event.name for event in means])})"
    if once:
        text += f", once {joined(once)}"
    return text or "nobody has to do anything: it is open as it stands"


def title(model: Model) -> str:
    """What a model is about: a deployment by its name, a TEE that stands alone by that of its design."""
    design = model.knowledge.designs.get(model.deployment.name)
    return design.name if design else model.deployment.name


def part_words(name: str, deployment: Deployment, knowledge: Knowledge) -> str:
    """What a part is, in a few words."""
    part = deployment.parts[name]
    match part:
        case Tee():
            whose = f", run by {deployment.parties[part.operator].name}" if part.operator else ""
            return f"{knowledge.designs[part.design].name}{whose}"
        case KOf(k=k, of=of):
            return {len(of): "all must vouch", 1: "any may vouch"}.get(k, f"{k} of {len(of)} must vouch")
        case Split(k=k, of=of):
            return f"secret shared, {k} of {len(of)} have it"
        case Replicate(agree=agree, of=of):
            return f"answers compared, {agree} of {len(of)} must agree"
        case Channel(binding=binding, pin=pin, nonce=nonce):
            return f"channel bound by {binding}{', one machine pinned' if pin else ''}{'' if nonce else ', no nonce'}"
        case _:
            return f"{_KINDS[type(part)]}{_threshold(part, deployment)}"


def _threshold(part: Part, deployment: Deployment) -> str:
    for name in ("by", "witnesses", "keys", "keyholders", "counters"):
        few = getattr(part, name, None)
        if isinstance(few, Holders):
            party = deployment.parties.get(few.of[0])
            return (
                f", {few.k} of {len(few.of)}"
                if len(few.of) > 1
                else f", by {party.name if party else few.of[0]}"
            )
    return ""


@frozen(slots=True)
class Step:
    """One line of a derivation, `depth` steps in. `first`: it begins a reason of its own; otherwise it is the reason
    of the line before. `again`: its reasons stand further up already."""

    depth: int
    text: str
    sources: tuple[Source, ...] = ()
    rule: str = ""
    first: bool = False
    event: bool = False
    again: bool = False


def steps(model: Model, derivation: Derivation, given: Collection[str] = ()) -> list[Step]:
    """A derivation, what it shows first: each line holds because of the next, or of all those that begin further in.

    `given`: what the adversary has to begin with; other events are bought, or happen.
    """
    found: list[Step] = []
    seen: set[str] = set()
    stack = [(derivation, 0, True)]
    while stack:
        node, depth, first = stack.pop()
        while node.rule is not None and node.rule.id in PASSED_OVER and len(node.because) == 1:
            node = node.because[0]
        if node.rule is None:
            found.append(Step(depth, _had(model, node.atom, given), first=first, event=True))
            continue
        again = node.atom in seen and bool(node.because)
        seen.add(node.atom)
        text = node.rule.says
        if first or not found or found[-1].text != text:
            cited = tuple(_cited(node.rule.sources))
            found.append(Step(depth, text, cited, node.rule.id, first=first, again=again))
        if not again:
            apart = len(node.because) > 1
            stack.extend((each, depth + apart, apart) for each in reversed(node.because))
    return found


STRUCTURAL = ("S1", "S2", "S6", "S7")
"""Rules that speak of what a design leaves open (docs/spec/trust.md, 5.2)."""
PASSED_OVER = ("had", "leak")
"""Rules that only say in other words that an event happened."""


def step_lines(steps: Iterable[Step], *, sources: bool = True) -> Iterator[str]:
    """The lines of a derivation as text; each source once."""
    cited: set[Source] = set()
    ruled: set[str] = set()
    for step in steps:
        indent = "  " * step.depth
        lead = "- " if step.first and step.depth else "  because " if step.depth else ""
        if not step.depth and not step.first:
            lead = "because "
        yield f"{indent}{lead}{step.text}{' (as above)' if step.again else ''}"
        if sources and step.rule in STRUCTURAL and step.rule not in ruled:
            ruled.add(step.rule)
            yield f"{indent}      [rule {step.rule}: no attack is published, the design leaves it open]"
        for source in step.sources:
            if sources and source not in cited:
                cited.add(source)
                yield f"{indent}      [{source_words(source)}]"


def source_words(source: Source) -> str:
    """A source in one line."""
    return ", ".join(each for each in (source.text, source.date, source.url) if each)


def _cited(sources: Iterable[Source]) -> Iterator[Source]:
    """Without this project's own specification, of which all rules are."""
    return (source for source in sources if not source.text.startswith("docs/spec/"))


def _had(model: Model, id_: str, given: Collection[str]) -> str:
    event = model.events[id_]
    if event.kind.means:
        return f"bought: {event.name}, {price(event)}"
    if event.kind is Kind.PARTY:
        return f"{event.name} turns" if id_ not in given else f"it is {event.name}"
    if event.kind is Kind.CAPABILITY:
        said = _capability(model, event, alone=len(_machines(model)) == 1)
        return f"it has {said}" if id_ in given else f"somebody has {said}"
    return event.name


def _machines(model: Model) -> set[str]:
    return {tee.machine for tee in model.leaves.values()}


def _bare(model: Model, event: Event) -> str:
    return _capability(model, event, alone=True)


def _capability(model: Model, event: Event, *, alone: bool) -> str:
    capability = model.knowledge.capabilities.get(event.groups.get("capability", ""))
    place = event.groups.get("machine", "")
    if capability is None:
        return event.name
    if not place:
        return event.name
    return capability.name if alone else f"{capability.name} at {place}"
