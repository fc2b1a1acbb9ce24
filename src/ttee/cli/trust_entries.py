# SPDX-License-Identifier: Apache-2.0
"""Attacks, rules, designs, cuts and cells of the scorecard, each explained, as text and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ttee.cli.output import styled, table
from ttee.cli.trust_json import answer_json, cut_json, model_json, step_json
from ttee.cli.trust_text import depth_words, labelled, wrapped
from ttee.codec import json
from ttee.errors import QuestionError
from ttee.trust.answers import ask
from ttee.trust.answers.scorecard import ORDER, broken, column_named, goal_of, letters, unmendable
from ttee.trust.answers.statement import depths
from ttee.trust.answers.ways import lacking
from ttee.trust.answers.words import (
    LETTERS,
    MEANING,
    cut_words,
    joined,
    number,
    several,
    source_words,
    step_lines,
    steps,
    usd,
)
from ttee.trust.knowledge.nearest import nearest
from ttee.trust.knowledge.terms import Attack, Design, Knowledge, Property, first_day
from ttee.trust.model.build import Model
from ttee.trust.model.rulebook import RULES, SPEC

Entry = tuple[dict[str, json.Encodable], str]
"""An answer as JSON, and as text."""
FIX_WORDS = {
    "tcb": "updated firmware or microcode, which evidence shows",
    "config": "a setting of the machine",
    "measured-image": "another image, which is measured",
    "code": "other code in the program",
    "policy": "a stricter policy",
    "protocol": "another protocol",
    "design": "only another design",
    "none": "nothing",
}


def attacks_on(knowledge: Knowledge, tee: str | None, since: str | None, at: str | None) -> list[Attack]:
    """Attacks, newest first. Raises QuestionError."""
    first, last = knowledge.moment(since) if since else None, knowledge.moment(at)
    aims: Collection[str] | None = None
    if tee is not None:
        if tee not in knowledge.designs:
            raise QuestionError(
                f"{tee[:64]!r} is not a TEE",
                hint=nearest(tee, knowledge.designs) or "`ttee trust compare --all`",
            )
        aims = (tee, *knowledge.designs[tee].classes)
    found = []
    for attack in knowledge.attacks.values():
        day = first_day(attack.public)
        if day is None or day > last or (first is not None and day < first):
            continue
        if aims is None or any(target.tee in aims for target in attack.targets):
            found.append(attack)
    return sorted(found, key=lambda each: (each.public, each.id), reverse=True)


def attacks_text(knowledge: Knowledge, found: Sequence[Attack]) -> str:
    """A line for each attack."""
    rows = [
        [
            attack.id,
            attack.public,
            "".join(LETTERS[each] for each in (*ORDER, Property.LEAKAGE) if each in attack.breaks),
            " or ".join("+".join(each) for each in attack.needs),
            "" if attack.cost_usd is None else number(attack.cost_usd),
            attack.fix_kind,
            attack.name,
        ]
        for attack in found
    ]
    if not rows:
        return f"no attack, among {several(len(knowledge.attacks), 'attack')} known on {knowledge.as_of}"
    head = ["id", "public", "breaks", "needs", "USD", "fix", "name"]
    letters_ = ", ".join(f"{LETTERS[each]} {each}" for each in (*ORDER, Property.LEAKAGE))
    return (
        f"{table([head, *rows])}\n\n{several(len(found), 'attack')}, of {number(len(knowledge.attacks))} known on "
        f"{knowledge.as_of}. {letters_}\n`ttee trust explain ID` says more, with sources."
    )


def attacks_json(knowledge: Knowledge, found: Sequence[Attack]) -> dict[str, json.Encodable]:
    """ttee.trust-attacks/1."""
    return {
        "schema": "ttee.trust-attacks/1",
        "knowledge_as_of": str(knowledge.as_of),
        "attacks": [attack_json(attack) for attack in found],
    }


def attack_json(attack: Attack) -> dict[str, json.Encodable]:
    """One attack."""
    return {
        "id": attack.id,
        "name": attack.name,
        "public": attack.public,
        "needs": [list(each) for each in attack.needs],
        "breaks": [str(each) for each in attack.breaks],
        "targets": [target.tee for target in attack.targets],
        "usd": attack.cost_usd,
        "reach": str(attack.reach),
        "status": attack.status,
        "checked": attack.checked,
        "cve": list(attack.cve),
        "fix": {"kind": attack.fix_kind, "text": attack.fix},
        "sources": [source_words(source) for source in attack.sources],
    }


def entry(knowledge: Knowledge, name: str) -> Entry:
    """An attack, a rule or a design. Raises QuestionError, with the nearest name."""
    if name in knowledge.attacks:
        attack = knowledge.attacks[name]
        return {"schema": "ttee.trust-explain/1", "attack": attack_json(attack)}, _attack(knowledge, attack)
    if name in RULES:
        title, says = RULES[name]
        value: dict[str, json.Encodable] = {"id": name, "title": title, "text": says, "source": SPEC}
        text = f"{styled(name, 'bold')}  (rule)\n  {title}\n{wrapped(says, indent='  ')}\n  source  {SPEC}"
        return {"schema": "ttee.trust-explain/1", "rule": value}, text
    if name in knowledge.designs:
        design = knowledge.designs[name]
        return {"schema": "ttee.trust-explain/1", "tee": _design_json(design)}, _design(knowledge, design)
    near = nearest(name, (*knowledge.attacks, *RULES, *knowledge.designs))
    raise QuestionError(
        f"{name[:64]!r} is no attack, rule or TEE", hint=near or "`ttee trust attacks` lists the attacks"
    )


def _attack(knowledge: Knowledge, attack: Attack) -> str:
    ways = [joined([knowledge.capabilities[each].name for each in needs]) for needs in attack.needs]
    targets = []
    for target in attack.targets:
        known = knowledge.designs.get(target.tee)
        said = known.name if known else f"every design of the class {target.tee}"
        when = [f"only if {condition}" for condition in target.when]
        unless = [f"not if {joined([str(each) for each in together])}" for together in target.unless]
        guards = f" ({'; '.join([*when, *unless])})" if when or unless else ""
        targets.append(f"{said}{guards}")
    rows = [
        ("published", f"{attack.public} ({attack.status})"),
        ("needs", f"whoever has {'; or '.join(ways)}"),
        ("equipment", "no price published" if attack.cost_usd is None else usd(attack.cost_usd)),
        ("breaks", joined([str(each) for each in attack.breaks])),
        *(("" if index else "of", said) for index, said in enumerate(targets)),
        ("reach", REACH[attack.reach]),
        ("mended by", FIX_WORDS[attack.fix_kind]),
        *([("", attack.fix)] if attack.fix else []),
        *([("CVE", ", ".join(attack.cve))] if attack.cve else []),
        *(("" if index else "sources", source_words(source)) for index, source in enumerate(attack.sources)),
        *([] if attack.checked else [("unconfirmed", "from general knowledge, not confirmed against a document yet")]),
        *([] if attack.compiled else [("not counted", _uncounted(attack))]),
    ]  # fmt: skip
    return f"{styled(attack.id, 'bold')}  (attack)\n  {attack.name}\n{_rows(rows)}"


REACH = {
    "machine": "the machine where it is carried out",
    "fleet": "every machine of the design: it yields what all have in common",
    "session": "one connection",
}


def _uncounted(attack: Attack) -> str:
    if attack.modelled_by is not None:
        return f"the rules of {attack.modelled_by}s derive it"
    return "it is alleged, and nobody has shown it"


def _design(knowledge: Knowledge, design: Design) -> str:
    parties = knowledge.parties
    rows = [
        *(
            (role, f"{f'{few.k} of ' if len(few.of) > 1 else ''}{joined([_party(parties, each) for each in few.of])}")
            for role, few in design.roles.items()
        ),
        ("machine", f"one of one's own costs {usd(design.machine_usd)}" if design.machine_usd else "no price known"),
        ("studies", f"{number(design.studies)}{f', since {design.since}' if design.since else ''}"),
        *((name.replace("_", " "), value) for name, value in design.dimensions.items()),
        *(("" if i else "components", each.name) for i, each in enumerate(design.components)),
        *(
            (
                "" if i else "out of scope",
                f"{joined([knowledge.capabilities[name].name for name in each.capabilities], 'or')} "
                f"[{'; '.join(map(source_words, each.sources))}]",
            )
            for i, each in enumerate(design.out_of_scope)
        ),
        *(("" if i else "sources", source_words(source)) for i, source in enumerate(design.sources)),
    ]  # fmt: skip
    return f"{styled(design.id, 'bold')}  (TEE)\n  {design.name}\n{_rows(rows)}"


def _party(parties: object, name: str) -> str:
    party = parties.get(name) if isinstance(parties, dict) else None
    return party.name if party else f"the {name}"


def _design_json(design: Design) -> dict[str, json.Encodable]:
    return {
        "id": design.id,
        "name": design.name,
        "roles": {role: {"k": few.k, "of": list(few.of)} for role, few in design.roles.items()},
        "dimensions": dict(design.dimensions),
        "components": [each.name for each in design.components],
        "machine_usd": design.machine_usd,
        "studies": design.studies,
        "since": design.since,
        "checked": design.checked,
        "out_of_scope": [
            {"capabilities": list(each.capabilities), "sources": list(map(source_words, each.sources))}
            for each in design.out_of_scope
        ],
        "sources": list(map(source_words, design.sources)),
    }


def cut(model: Model, events: frozenset[str], properties: Sequence[Property]) -> Entry:
    """Why these events break what they break. Raises QuestionError if they break none of the properties."""
    parts: list[str] = []
    values: dict[str, json.Encodable] = {}
    for event in sorted(events):
        if event not in model.events:
            raise QuestionError(
                f"{event[:80]!r} is not an event here", hint=nearest(event, model.events) or None
            )
    for property_ in properties:
        goal = model.goal(property_)
        if not model.base.breaks(events, goal):
            continue
        found = steps(model, ask.explain(model, events, goal))
        parts += ["", f"{styled(property_, 'bold')}: broken means that {MEANING[property_]}"]
        parts += [_step(line) for line in step_lines(found)]
        values[property_] = [step_json(step) for step in found]
    if not values:
        raise QuestionError(
            f"these events do not break {joined([str(each) for each in properties], 'or')}",
            hint="`ttee trust who` says what does",
        )
    value = {
        "schema": "ttee.trust-explain/1",
        **model_json(model),
        "cut": cut_json(model, events),
        "breaks": values,
    }
    head = wrapped(
        f"{cut_words(model, events)}: what follows in {model.deployment.name}, as known on {model.at}"
    )
    return value, "\n".join([head, *parts])


def cell(model: Model, column: str) -> Entry:
    """A cell of the scorecard: each property with the reason why it is broken, or what would still be needed."""
    of = column_named(column)
    known, _ = ask.adversary(model, of.adversary)
    strict = unmendable(model)
    now, fixed = broken(model, of), broken(strict, of)
    lines = [
        f"{styled(f'{model.deployment.name}:{of.id}', 'bold')}  {letters(now)} / {letters(fixed)}",
        wrapped(
            f"{known.name}, with {usd(of.budget)}, as known on {model.at}; then with every fix applied and checked"
        ),
    ]
    values: dict[str, json.Encodable] = {}
    for property_ in ORDER:
        lines += ["", f"{styled(property_, 'bold')}: {MEANING[property_]}"]
        said: dict[str, json.Encodable] = {}
        for title, id_, each in (
            ("as it stands", "as_it_stands", model),
            ("with every fix", "fixed", strict),
        ):
            goal = goal_of(each, property_)
            answer = ask.can(each, goal, known, of.budget)
            said[id_] = answer_json(each, goal, answer)
            if answer.derivation is not None:
                lines.append(f"  {title}: yes, for {usd(answer.spent)}")
                found = steps(each, answer.derivation, answer.tried - answer.used)
                lines += [_step(line, "    ") for line in step_lines(found)]
            else:
                ways = lacking(each, goal, answer.tried)
                few = "; or ".join(cut_words(each, needed) for needed in ways.examples[:3])
                lines.append(
                    wrapped(
                        f"{title}: no published break; it would still need {few or 'what no rule has'}",
                        indent="  ",
                        hang=4,
                    )
                )
        values[property_] = said
    lines += ["", *map(wrapped, map(depth_words, depths(model)))]
    value = {"schema": "ttee.trust-explain/1", **model_json(model), "column": of.id, "cell": values}
    return value, "\n".join(lines)


def _step(line: str, indent: str = "  ") -> str:
    return wrapped(line, indent=indent, hang=len(line) - len(line.lstrip()) + 4)


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(label) for label, _ in rows) + 2
    return "\n".join(line for label, said in rows for line in labelled(label, said, width))
