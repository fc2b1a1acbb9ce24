# SPDX-License-Identifier: Apache-2.0
"""Answers of `ttee trust who` and `can` as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ttee.cli.output import styled
from ttee.trust.answers.ask import Answer
from ttee.trust.answers.statement import Depth, Statement, alone_words, depths
from ttee.trust.answers.ways import Family, Way, behind, lacking
from ttee.trust.answers.words import (
    MEANING,
    cut_words,
    joined,
    number,
    several,
    shortened,
    step_lines,
    steps,
    usd,
)
from ttee.trust.knowledge.terms import Adversary, Property
from ttee.trust.model.build import Model

WIDTH = 110
LABEL = 14
SHOWN = 4
"""Published ways that the text shows, and as many that nobody had to publish."""
LIMITS = (
    "A way counts as published only if somebody has described it. Each component is taken to have a flaw that nobody "
    "has published, so that some way always remains. What no rule or attack of the knowledge speaks of is missing."
)


def who_text(model: Model, found: Sequence[Statement]) -> str:
    """Each property: singles, published ways, what is left open, numbers; the evidence behind it at the end."""
    lines = [f"Who could break {styled(model.deployment.name, 'bold')}, as known on {model.at}", ""]
    for each in found:
        lines += [f"{styled(each.property, 'bold')}: broken means that {MEANING[each.property]}"]
        for label, said in _rows(model, each):
            lines += labelled(label, said)
        lines += [f"{'':{LABEL + 2}}- {line}" for line in (cut_words(model, cut) for cut in each.listed)]
        lines.append("")
    lines += [wrapped(depth_words(each)) for each in depths(model)]
    lines.append(wrapped(LIMITS))
    return "\n".join(lines)


def _rows(model: Model, each: Statement) -> Iterator[tuple[str, str]]:
    label = "alone"
    for one, axes in ALONE:
        names = [name for axis in axes for name in alone_words(model, axis, each.singles[axis])]
        if names:
            yield label, f"{one} {shortened(names, 6, 'or', comma=';')}"
            label = ""
    crypto = each.of(Way.CRYPTO)
    if crypto is not None:
        yield label, f"broken cryptography: {_examples(model, crypto, 2, 'once ')}"
        label = ""
    if label:
        yield label, "nobody, and no single component: it takes several"
    if each.money is not None:
        yield "for money", way_words(model, each.goal, each.money[1])
    yield from _published(model, each)
    for title, way in (("left open", Way.OPEN), ("by leaks", Way.LEAKS)):
        if (family := each.of(way)) is not None:
            yield title, f"{_examples(model, family, 2)} (nobody has published how)"
    if each.cheapest is not None:
        yield "cheapest", f"{usd(each.cheapest[0])}: {cut_words(model, each.cheapest[1])}"
    yield "in all", f"{several(each.count, 'cut')}: {sizes_words(each.histogram)}{bound_words(each.bound)}"
    yield "in short", each.text


ALONE = (
    ("one party:", ("party",)),
    ("one jurisdiction:", ("jurisdiction",)),
    ("one flaw that nobody has published, in", ("component", "code")),
)
"""The axes that are said of in words; vendor and code base say the same more coarsely, and are in the JSON."""


def _published(model: Model, each: Statement) -> Iterator[tuple[str, str]]:
    studies = joined(
        [f"{depth.name}: {several(depth.studies, 'study', 'studies')}" for depth in depths(model)]
    )
    family = each.of(Way.PUBLISHED)
    if family is None:
        yield "published", f"no published break ({studies}): only undisclosed flaws, and who is named here"
        return
    cuts = [cut for cut in family.examples if each.money is None or cut != each.money[1]]
    described = [cut for cut in cuts if behind(model, each.goal, cut)]
    for label, of in (("published", described), ("anyway", [cut for cut in cuts if cut not in described])):
        for index, cut in enumerate(of[:SHOWN]):
            yield ("" if index else label), way_words(model, each.goal, cut)
    shown = min(SHOWN, len(described)) + min(SHOWN, len(cuts) - len(described))
    if (more := family.count - shown - (each.money is not None)) > 0:
        yield "", f"{several(more, 'more way')}, among them the same with stronger means"
    if each.unmended is None:
        yield "once mended", f"no published break is left, with every fix applied and checked ({studies})"
    else:
        left = each.unmended.examples
        yield "once mended", f"still {'; or '.join(cut_words(model, cut) for cut in left[:2])}"


def way_words(model: Model, goal: str, cut: frozenset[str]) -> str:
    """A cut, and the attacks by which it breaks the goal."""
    names = [f"{attack.name} ({attack.public[:4]})" for attack in behind(model, goal, cut)]
    return f"{cut_words(model, cut)}; by {shortened(names, 4, comma=';')}" if names else cut_words(model, cut)


def _examples(model: Model, family: Family, most: int, without: str = "") -> str:
    said = "; or ".join(
        cut_words(model, cut).removeprefix(f"anybody, {without}") for cut in family.examples[:most]
    )
    more = family.count - min(most, len(family.examples))
    return f"{said}{f'; {number(more)} more' if more > 0 else ''}"


def sizes_words(histogram: Mapping[int, int]) -> str:
    """A histogram in words."""
    return ", ".join(
        f"{number(count)} of {several(size, 'event')}" for size, count in sorted(histogram.items())
    )


def bound_words(bound: int | None) -> str:
    """Whether the search was bounded."""
    if bound is None:
        return " (all of them)"
    return f" (searched up to {several(bound, 'event')}; larger cuts may exist)"


def depth_words(depth: Depth) -> str:
    """How much work stands behind what is said of a design."""
    since = f" since {depth.since}" if depth.since else ""
    return (
        f"Evidence: {depth.name}, {several(depth.studies, 'independent study', 'independent studies')}{since}, "
        f"{several(depth.attacks, 'published attack')}."
    )


def can_text(model: Model, known: Adversary, money: float, answers: Mapping[Property, Answer]) -> str:
    """Yes with the derivation, no with what was tried and what is missing."""
    lines = [
        f"Adversary: {known.name}, with at most {usd(money)}; {styled(model.deployment.name, 'bold')}, "
        f"as known on {model.at}",
    ]
    for property_, answer in answers.items():
        if answer.broken:
            price = f"for {usd(answer.spent)}" if answer.exact else f"for at most {usd(answer.spent)}"
            lines += ["", f"{styled(property_, 'bold')}: yes, {price}. {MEANING[property_].capitalize()}:"]
            if answer.derivation is not None:
                held = answer.tried - answer.used
                lines += [
                    wrapped(line, indent="  ", hang=len(line) - len(line.lstrip()) + 4)
                    for line in step_lines(steps(model, answer.derivation, held))
                ]
            continue
        lines += ["", f"{styled(property_, 'bold')}: cannot, as far as is known."]
        lines += labelled(
            "tried", cut_words(model, answer.tried) if answer.tried else "nothing: it has nothing"
        )
        ways = lacking(model, model.goal(property_), answer.tried)
        said = [cut_words(model, cut) for cut in ways.examples[:5]]
        lines += labelled("would need", shortened([*said, *["…"] * (ways.count - len(said) > 0)], 8, "or"))
        lines += labelled("", f"{several(ways.count, 'way')} in all{bound_words(ways.bound)}")
    lines += ["", *map(wrapped, map(depth_words, depths(model))), wrapped(LIMITS)]
    return "\n".join(lines)


def wrapped(text: str, *, indent: str = "", hang: int = 0) -> str:
    """Folded at the width that everything here has."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + " " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


def labelled(label: str, text: str, width: int = LABEL) -> list[str]:
    """A label and what it labels, folded beside it."""
    indent = f"  {label:{width}}"
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
