# SPDX-License-Identifier: Apache-2.0
"""The report: one page of HTML that people can read and print. No script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from math import inf
from pathlib import Path

from ttee.trust.answers import ask
from ttee.trust.answers.prices import Price, prices
from ttee.trust.answers.statement import Statement, alone_words, depths, standings, statements
from ttee.trust.answers.ways import Way, behind
from ttee.trust.answers.words import (
    ASKED,
    MEANING,
    cut_words,
    joined,
    number,
    part_words,
    several,
    shortened,
    steps,
    title,
    usd,
)
from ttee.trust.calculus.cuts import DEFAULT, Limits
from ttee.trust.calculus.rules import Source
from ttee.trust.deployment.tree import Tee
from ttee.trust.knowledge.terms import Design, Property
from ttee.trust.model.build import Model, designs_of
from ttee.trust.pages.picture import draw


def page(model: Model, properties: Sequence[Property] = ASKED, limits: Limits = DEFAULT) -> str:
    """The report on a deployment, about these properties. Raises TooLargeError."""
    found = statements(model, properties, limits=limits)
    name = title(model)
    style = Path(__file__).with_name("page.css").read_text()
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Whom you still have to trust: {escape(name)}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            "<main>",
            *_head(model, found),
            "<h2>Property by property</h2>",
            '<div class="cards">',
            *(line for each in found for line in _card(model, each)),
            "</div>",
            "<h2>How it hangs together</h2>",
            f"<figure>{draw(model, properties[0], limits)}</figure>",
            *_adversaries(model, properties),
            *_easiest(model, properties),
            *_parts(model),
            *_attacks(model),
            *(line for design in designs_of(model) for line in _design(model, design)),
            *_foot(model),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(model: Model, found: Sequence[Statement]) -> Iterator[str]:
    yield f"<h1>Whom you still have to trust: {escape(title(model))}</h1>"
    yield f'<p class="soft">As known on {model.at}. Computed from published attacks, from how the TEEs are designed, '
    yield "and from who makes, certifies and runs them.</p>"
    parties = _alike(found, lambda each: tuple(alone_words(model, "party", each.singles["party"])))
    yield '<p class="lead">'
    said = []
    for names, properties in parties:
        of = joined([f"<strong>{escape(each)}</strong>" for each in properties])
        if names:
            of = of.replace(properties[0], properties[0].capitalize(), 1)
            said.append(f"{of} can be broken by one party alone: {escape(shortened(names, 5, 'or', ';'))}.")
        else:
            said.append(f"No single party breaks {of}.")
    yield " ".join(said)
    yield "</p>"
    unpublished = [each.property for each in found if each.of(Way.PUBLISHED) is None]
    if unpublished:
        few = joined(
            [f"{depth.name}: {several(depth.studies, 'study', 'studies')}" for depth in depths(model)]
        )
        yield f"<p>No published attack breaks {escape(joined(unpublished))}, "
        yield f"as far as anybody has looked ({escape(few)})."
        yield "That is not to say that none exists.</p>"


def _alike(
    found: Sequence[Statement], key: Callable[[Statement], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[str]]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(str(each.property))
    return list(groups.items())


def _card(model: Model, each: Statement) -> Iterator[str]:
    style = {1: "bad", 2: "fair"}.get(each.smallest, "good")
    takes = "one suffices" if each.smallest == 1 else f"it takes {number(each.smallest)}"
    yield '<section class="card">'
    yield f'<h3>{each.property} <span class="tag {style}">{takes}</span></h3>'
    yield f'<p class="meaning">Broken means that {MEANING[each.property]}.</p>'
    for label, axis in (
        ("One party", "party"),
        ("One jurisdiction", "jurisdiction"),
        ("One flaw in", "component"),
    ):
        names = alone_words(model, axis, each.singles[axis])
        if names:
            yield f"<p><b>{label}:</b> {escape(shortened(names, 5, 'or', ';'))}</p>"
    published = each.of(Way.PUBLISHED)
    if published is None:
        yield "<p><b>Published attacks:</b> none breaks it.</p>"
    else:
        more = f"; {several(published.count - 1, 'more way')}" if published.count > 1 else ""
        label = "Published" if behind(model, each.goal, published.examples[0]) else "Anyway"
        yield f"<p><b>{label}:</b> {escape(_way(model, each, published.examples[0]))}{more}</p>"
        left = (
            "nothing published is left"
            if each.unmended is None
            else cut_words(model, each.unmended.examples[0])
        )
        yield f"<p><b>With every fix applied:</b> {escape(left)}</p>"
    if each.cheapest is not None:
        yield f"<p><b>Cheapest:</b> {usd(each.cheapest[0])}, for {escape(cut_words(model, each.cheapest[1]))}</p>"
    sizes = joined(
        [
            f"{number(count)} {'take' if count > 1 else 'takes'} {several(size, 'thing')} going wrong"
            for size, count in each.histogram.items()
        ]
    )
    bound = "" if each.bound is None else f"; searched up to {each.bound}, larger ones may exist"
    yield f'<p class="soft">{several(each.count, "way")} in all: {sizes}{bound}.</p>'
    yield "</section>"


def _way(model: Model, each: Statement, cut: frozenset[str]) -> str:
    names = [f"{attack.name} ({attack.public[:4]})" for attack in behind(model, each.goal, cut)]
    return f"{cut_words(model, cut)}{f', by {shortened(names, 3, comma=chr(59))}' if names else ''}"


def _adversaries(model: Model, properties: Sequence[Property]) -> Iterator[str]:
    yield "<h2>What it costs whom</h2>"
    yield "<p>The least money, in USD, with which each attacker breaks each property. 0: it has what it takes. -: no "
    yield "money helps, by what is published. Work and time are not counted, nor equipment without a price.</p>"
    head = "".join(f'<th class="n">{each}</th>' for each in properties)
    yield f'<div class="scroll"><table><thead><tr><th>attacker</th>{head}</tr></thead><tbody>'
    for adversary, row in prices(model, properties).items():
        cells = "".join(f'<td class="n">{_price(row[each])}</td>' for each in properties)
        yield f"<tr><th>{escape(adversary.name)}</th>{cells}</tr>"
    yield "</tbody></table></div>"


def _price(price: Price) -> str:
    if price.usd == inf:
        return '<span class="soft">-</span>'
    style = "bad" if price.usd <= 1000 else "fair"
    return f'<span class="tag {style}">{"" if price.exact else "≤ "}{number(price.usd)}</span>'


def _easiest(model: Model, properties: Sequence[Property]) -> Iterator[str]:
    """Why whoever runs the machine breaks it, step by step, with sources."""
    known = model.knowledge.adversaries.get("operator")
    if known is None:
        return
    yield f"<h2>Why: {escape(known.name)}, with {usd(known.budget_usd)}</h2>"
    yield "<p>Each line holds because of the one below it, or of all those that stand further in.</p>"
    for property_ in properties:
        answer = ask.can(model, model.goal(property_), known)
        if answer.derivation is None:
            yield f"<p><b>{property_}</b>: cannot, as far as is known.</p>"
            continue
        yield f'<details><summary>{property_}: yes, for {usd(answer.spent)}</summary><ol class="steps">'
        cited: set[Source] = set()
        for step in steps(model, answer.derivation, answer.tried - answer.used):
            fresh = [source for source in step.sources if source not in cited]
            cited.update(fresh)
            links = f' <span class="soft">[{"; ".join(map(_source, fresh))}]</span>' if fresh else ""
            lead = "" if step.first else "because "
            style = ' class="event"' if step.event else ""
            again = " (as above)" if step.again else ""
            yield (
                f'<li style="padding-left:{min(step.depth, 12) * 1.6:.1f}em"><span{style}>{lead}'
                f"{escape(step.text)}</span>{again}{links}</li>"
            )
        yield "</ol></details>"


def _parts(model: Model) -> Iterator[str]:
    deployment = model.deployment
    yield "<h2>The deployment</h2>"
    yield '<div class="scroll"><table><thead><tr><th>part</th><th>what it is</th><th>what is known of it</th></tr>'
    yield "</thead><tbody>"
    for name in reversed(deployment.below(deployment.root)):
        part = deployment.parts[name]
        facts = ""
        if isinstance(part, Tee):
            facts = (
                ", ".join(f"{key} = {str(value).lower()}" for key, value in part.facts.items()) or "nothing"
            )
        said = part_words(name, deployment, model.knowledge)
        yield f"<tr><th>{escape(name)}</th><td>{escape(said)}</td><td>{escape(facts)}</td></tr>"
    yield "</tbody></table></div>"
    yield '<p class="soft">What is not known of a TEE counts for the attacker: naming its firmware or settings '
    yield "takes attacks away that do not apply to it.</p>"


def _attacks(model: Model) -> Iterator[str]:
    found = standings(model)
    yield "<h2>Published attacks on these TEEs</h2>"
    if not found:
        yield "<p>None is known.</p>"
        return
    yield '<div class="scroll"><table><thead><tr><th>published</th><th>attack</th><th>on</th><th>breaks</th>'
    yield '<th class="n">USD</th><th>here</th><th>mended by</th></tr></thead><tbody>'
    for each in found:
        attack = each.attack
        here = f"no: {escape(each.refuted)}" if each.refuted else '<span class="tag bad">applies</span>'
        price = "?" if attack.cost_usd is None else number(attack.cost_usd)
        names = "; ".join(map(_source, attack.sources))
        yield (
            f'<tr><td>{attack.public}</td><td>{escape(attack.name)}<br><span class="soft">{names}</span></td>'
            f'<td>{escape(each.part)}</td><td>{", ".join(attack.breaks)}</td><td class="n">{price}</td>'
            f"<td>{here}</td><td>{escape(attack.fix or 'nothing')}</td></tr>"
        )
    yield "</tbody></table></div>"


def _design(model: Model, design: Design) -> Iterator[str]:
    parties = model.deployment.parties
    yield f"<h2>{escape(design.name)}</h2>"
    yield "<dl>"
    for role, few in design.roles.items():
        names = joined([parties[each].name if each in parties else f"the {each}" for each in few.of])
        yield f"<dt>{role}</dt><dd>{f'{few.k} of ' if len(few.of) > 1 else ''}{escape(names)}</dd>"
    yield f"<dt>studied</dt><dd>{several(design.studies, 'independent study', 'independent studies')}</dd>"
    yield f"<dt>components</dt><dd>{escape(joined([each.name for each in design.components], comma=';'))}</dd>"
    for each in design.out_of_scope:
        names = joined([model.knowledge.capabilities[name].name for name in each.capabilities], "or")
        sources = "; ".join(map(_source, each.sources))
        yield f'<dt>not defended against</dt><dd>{escape(names)} <span class="soft">[{sources}]</span></dd>'
    yield f"<dt>sources</dt><dd>{'; '.join(map(_source, design.sources))}</dd>"
    yield "</dl>"


def _foot(model: Model) -> Iterator[str]:
    yield "<h2>How to read this</h2>"
    yield "<ul>"
    for line in HOW:
        yield f"<li>{line}</li>"
    yield "</ul>"
    known = model.knowledge
    yield f"<footer>Knowledge as of {known.as_of}: {number(len(known.attacks))} attacks, "
    yield f"{number(len(known.designs))} TEEs. Rules: docs/spec/trust.md. "
    yield "The same deployment, knowledge and day give the same page.</footer>"


HOW = (
    "A <b>way</b> is a smallest set of parties, capabilities and flaws with which a property breaks; take one of them "
    "away, and it holds.",
    "A <b>party</b> that turns is coerced, bribed, bought, or robbed of its keys. Nobody is said to have turned.",
    "Every component is taken to have a <b>flaw that nobody has published</b>. So some way always "
    "remains; how many studies there are says how hard people have looked.",
    "The page is <b>as complete as its rules and attacks</b>. A kind of attack that nobody has thought of is missing. "
    "Where it errs otherwise, it errs for the attacker.",
    "A fix counts only while <b>evidence can be trusted</b>: whoever can forge evidence can claim any version.",
    "The tags beside the properties leave <b>broken cryptography</b> aside: it would break nearly everything.",
)
"""What readers from outside the field need to know."""


def _source(source: Source) -> str:
    text = escape(", ".join(each for each in (source.text, source.date) if each))
    return f'<a href="{escape(source.url)}">{text}</a>' if source.url else text
