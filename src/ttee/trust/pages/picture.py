# SPDX-License-Identifier: Apache-2.0
"""A deployment as a picture: its parts, and beneath each TEE who breaks it; the same input gives the same bytes.

Parts stand in layers, each below whatever it is in, the TEEs at the bottom. Who breaks several TEEs at once stands once
beneath them all, with a line to each: such a party or flaw is what a combination does not help against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from attrs import define, evolve, field, frozen

from ttee.trust.answers.ways import Way, Ways, behind
from ttee.trust.answers.words import MEANING, number, part_words, several, title, usd
from ttee.trust.calculus.cuts import DEFAULT, Limits
from ttee.trust.deployment.parts import children
from ttee.trust.deployment.tree import Tee
from ttee.trust.knowledge.terms import Property
from ttee.trust.model.build import Model

BOX = (300, 60)
"""Width and height of a part, in pixels."""
GAP = 28
LAYER = 104
LINE = 19
MARGIN = 28
MOST_LINES = 9
GLYPH = 6.3
"""Width of an average character of the small text; what is longer is cut."""
MOST_TEES = 40

STYLE = """
.who{--paper:#ffffff;--ink:#1c2128;--soft:#57606a;--rule:#c9d1d9;--card:#f6f8fa;--party:#0b62c4;--published:#c4320a;
--open:#8250df;--flaw:#6e7781;--money:#9a6700;--bad:#c4320a;--fair:#9a6700;--good:#0b62c4;
font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){.who{--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;--rule:#3d444d;--card:#161b22;
--party:#6cb0ff;--published:#ff8e6b;--open:#c7a6ff;--flaw:#9198a1;--money:#e3b341;--bad:#ff8e6b;--fair:#e3b341;
--good:#6cb0ff}}
@media print{.who{--paper:#ffffff;--ink:#1c2128;--soft:#57606a;--rule:#c9d1d9;--card:#f6f8fa;--party:#0b62c4;
--published:#c4320a;--open:#8250df;--flaw:#6e7781;--money:#9a6700;--bad:#c4320a;--fair:#9a6700;--good:#0b62c4}}
.who .paper{fill:var(--paper)}.who text{fill:var(--ink)}.who .soft{fill:var(--soft);font-size:11.5px}
.who .title{font-weight:600;font-size:16px}.who .name{font-weight:600}
.who .box{fill:var(--card);stroke:var(--rule)}.who .tee{stroke:var(--soft)}.who .list{fill:none;stroke:var(--rule);
stroke-dasharray:3 3}.who .edge{fill:none;stroke:var(--rule);stroke-width:1.5}
.who .shared{fill:none;stroke:var(--soft);stroke-width:1;opacity:.55}.who .small{font-size:11.5px}
.who .alone{stroke:var(--bad);stroke-width:2}.who .shared.alone{opacity:.8;stroke-width:1.4}
.who .party{fill:var(--party)}.who .published{fill:var(--published)}.who .open{fill:var(--open)}
.who .flaw{fill:var(--flaw)}.who .money{fill:var(--money)}
.who .badge{font-size:11px;font-weight:600;fill:var(--paper)}.who .n1{fill:var(--bad)}.who .n2{fill:var(--fair)}
.who .n3{fill:var(--good)}
""".strip()

LEGEND = (
    ("published", "published attack"),
    ("party", "party that turns"),
    ("money", "for money alone"),
    ("open", "left open by the design"),
    ("flaw", "flaw that nobody has published"),
    ("alone", "breaks the whole"),
)


@frozen(slots=True)
class Item:
    """One line beneath a TEE: a cut of it, or several (none). `alone`: it breaks the whole deployment as well."""

    style: str
    text: str
    cut: frozenset[str] = frozenset()
    alone: bool = False

    @property
    def event(self) -> str:
        """The one event that it stands for, if it is a party or a flaw."""
        return min(self.cut) if self.style in ("party", "flaw") and len(self.cut) == 1 else ""


@define(slots=True)
class Node:
    """A part, or a list of what several TEEs have in common, with its place; `x` is its middle."""

    name: str
    layer: int
    below: tuple[str, ...]
    items: list[Item] = field(factory=list)
    size: int = 0
    """Events of the smallest cut."""
    x: float = 0.0


def draw(model: Model, property_: Property, limits: Limits = DEFAULT) -> str:
    """The picture of who breaks a property, as an SVG document. Raises QuestionError, TooLargeError."""
    nodes = _nodes(model, property_, limits)
    shared = _shared(nodes)
    for node in (*nodes.values(), *shared):
        node.items = _most_telling(node.items)
    width = _place(nodes, shared)
    return "\n".join(_svg(model, property_, nodes, shared, width)) + "\n"


def _nodes(model: Model, property_: Property, limits: Limits) -> dict[str, Node]:
    deployment = model.deployment
    order = deployment.below(deployment.root)
    layer = dict.fromkeys(order, 0)
    for name in reversed(order):
        for child in children(deployment.parts[name], deployment.parts):
            layer[child] = max(layer[child], layer[name] + 1)
    deepest = max(layer.values())
    nodes = {}
    for name in order:
        part = deployment.parts[name]
        ways = Ways.of(model, model.goal(property_, name), limits)
        node = Node(
            name,
            deepest if isinstance(part, Tee) else layer[name],
            children(part, deployment.parts),
            size=ways.smallest(),
        )
        if isinstance(part, Tee):
            node.items = list(_items(ways))
            whole = model.goal(property_)
            node.items = [
                evolve(item, alone=bool(item.cut) and model.base.breaks(item.cut, whole))
                for item in node.items
            ]
        nodes[name] = node
    return nodes


def _items(ways: Ways) -> Iterator[Item]:
    """Who breaks a TEE: published ways, parties, what is left open, flaws."""
    model, goal = ways.model, ways.goal
    published = ways.family(Way.PUBLISHED)
    for cut in published.examples if published else ():
        attacks = behind(model, goal, cut)
        price = sum(model.events[event].cost for event in cut)
        who = [
            model.knowledge.capabilities[of].name
            for event in sorted(cut)
            if (of := model.events[event].groups.get("capability"))
        ]
        by = (
            f" ({attacks[0].name.split(' (')[0]}{f' +{len(attacks) - 1}' if len(attacks) > 1 else ''})"
            if attacks
            else ""
        )
        if who:
            yield Item("published", f"{' + '.join(who)}{f' + {usd(price)}' if price else ''}{by}", cut)
        else:
            yield Item("money", f"anybody with {usd(price) if price else 'a machine'}{by}", cut)
    for way, style in ((Way.PARTIES, "party"), (Way.UNDISCLOSED, "flaw")):
        found = ways.family(way)
        for cut in found.examples if found else ():
            if len(cut) == 1:
                (event,) = cut
                yield Item(style, model.events[event].name.removeprefix("an undisclosed "), cut)
    left = ways.family(Way.OPEN)
    if left is not None:
        yield Item("open", f"{several(left.count, 'way')} left open by the design", left.examples[0])


def _shared(nodes: Mapping[str, Node]) -> list[Node]:
    """What breaks several TEEs alone, taken out of their lists: a list for each group of TEEs."""
    where: dict[str, list[str]] = {}
    items: dict[str, Item] = {}
    for node in nodes.values():
        for item in node.items:
            if item.event:
                where.setdefault(item.event, []).append(node.name)
                items.setdefault(item.event, item)
    groups: dict[tuple[str, ...], list[Item]] = {}
    for event, names in where.items():
        if len(names) > 1:
            groups.setdefault(tuple(names), []).append(items[event])
    for node in nodes.values():
        node.items = [item for item in node.items if len(where.get(item.event, ())) < 2]
    return [
        Node(f"{' and '.join(names)} have this in common", 0, names, found) for names, found in groups.items()
    ]


def _most_telling(items: list[Item]) -> list[Item]:
    order = {"money": 0, "published": 1, "party": 2, "open": 3, "flaw": 4}
    flaws = [item for item in items if item.style == "flaw"]
    if len(flaws) > 2:
        alone = any(item.alone for item in flaws)
        said = f"a flaw in any of {several(len(flaws), 'component')}"
        items = [*(item for item in items if item.style != "flaw"), Item("flaw", said, alone=alone)]
    items = sorted(items, key=lambda item: (not item.alone, order[item.style]))
    if len(items) <= MOST_LINES:
        return items
    rest = items[MOST_LINES - 1 :]
    return [*items[: MOST_LINES - 1], Item(rest[-1].style, f"and {number(len(rest))} more")]


def _place(nodes: Mapping[str, Node], shared: Sequence[Node]) -> float:
    """Gives every node its middle; returns the width of the whole."""
    step = BOX[0] + GAP
    tees = [node for node in nodes.values() if not node.below]
    for index, node in enumerate(tees):
        node.x = MARGIN + BOX[0] / 2 + index * step
    for node in nodes.values():  # those below come first
        if node.below:
            node.x = sum(nodes[name].x for name in node.below) / len(node.below)
    for node in shared:
        node.x = sum(nodes[name].x for name in node.below) / len(node.below)
    rows: dict[int, list[Node]] = {}
    for node in nodes.values():
        rows.setdefault(node.layer, []).append(node)
    for row in (*rows.values(), list(shared)):
        row.sort(key=lambda node: node.x)
        wanted = sum(node.x for node in row)
        for left, right in pairwise(row):
            right.x = max(right.x, left.x + step)
        pushed = (sum(node.x for node in row) - wanted) / max(1, len(row))
        first = MARGIN + BOX[0] / 2
        pushed = min(pushed, row[0].x - first) if row else 0
        for node in row:
            node.x -= pushed
    everything = [*nodes.values(), *shared]
    return max(720.0, max(node.x for node in everything) + BOX[0] / 2 + MARGIN)


def _svg(
    model: Model, property_: Property, nodes: Mapping[str, Node], shared: Sequence[Node], width: float
) -> Iterator[str]:
    spread = (width - max(node.x for node in (*nodes.values(), *shared)) - BOX[0] / 2 - MARGIN) / 2
    for node in (*nodes.values(), *shared):
        node.x += spread
    top = 92
    y = {name: top + node.layer * LAYER for name, node in nodes.items()}
    under = {name: y[name] + BOX[1] + 10 + _height(node) for name, node in nodes.items() if node.items}
    foot = max([*under.values(), *(y[name] + BOX[1] for name in y)])
    common = foot + min(46 + 6 * len(nodes), 120)
    height = (max(common + _height(node) for node in shared) if shared else foot) + (
        78 if width < 900 else 58
    )
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="who" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">'
    )
    said = f"Who could break the {property_} of {title(model)}"
    yield f"<title>{escape(said)}</title>"
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>'
    yield f'<text class="title" x="{MARGIN}" y="36">{_cut(said, width * 0.62)}</text>'
    said = f"Broken means that {MEANING[property_]}. As known on {model.at}."
    yield f'<text class="soft" x="{MARGIN}" y="58">{escape(said)}</text>'
    for node in nodes.values():
        for child in node.below:
            yield _curve(node.x, y[node.name] + BOX[1], nodes[child].x, y[child], "edge")
    for group in shared:
        for name in group.below:
            x, start = nodes[name].x, under.get(name, y[name] + BOX[1])
            yield f'<path class="shared" d="M{x:.1f} {start:.1f}V{foot:.1f}"/>'
            yield _curve(x, foot, group.x, common, "shared")
    for node in nodes.values():
        yield from _box(model, node, y[node.name])
        if node.items:
            yield from _list(node, y[node.name] + BOX[1] + 10)
    for group in shared:
        yield from _list(group, common, title=group.name)
    yield from _legend(width, height - 22 - (LINE if width < 900 else 0))
    yield "</svg>"


def _box(model: Model, node: Node, y: float) -> Iterator[str]:
    left = node.x - BOX[0] / 2
    style = "box" if node.below else "box tee"
    yield f'<rect class="{style}" x="{left:.1f}" y="{y:.1f}" width="{BOX[0]}" height="{BOX[1]}" rx="9"/>'
    yield f'<text class="name" x="{left + 14:.1f}" y="{y + 25:.1f}">{_cut(node.name, BOX[0] - 120)}</text>'
    said = part_words(node.name, model.deployment, model.knowledge)
    yield f'<text class="soft" x="{left + 14:.1f}" y="{y + 45:.1f}">{_cut(said, BOX[0] - 24)}</text>'
    if node.size:
        badge = "one suffices" if node.size == 1 else f"it takes {node.size}"
        wide = len(badge) * 6 + 16
        x = left + BOX[0] - wide - 10
        style = f"n{min(node.size, 3)}"
        yield f'<rect class="{style}" x="{x:.1f}" y="{y + 11:.1f}" width="{wide}" height="18" rx="9"/>'
        yield (
            f'<text class="badge" x="{x + wide / 2:.1f}" y="{y + 24:.1f}" text-anchor="middle">'
            f"{escape(badge)}</text>"
        )


def _list(node: Node, y: float, title: str = "") -> Iterator[str]:
    left = node.x - BOX[0] / 2
    height = _height(node)
    yield f'<rect class="list" x="{left:.1f}" y="{y:.1f}" width="{BOX[0]}" height="{height:.1f}" rx="9"/>'
    line = y + 20
    if title:
        yield f'<text class="soft" x="{left + 14:.1f}" y="{line:.1f}">{_cut(title, BOX[0] - 24)}</text>'
        line += LINE
    for item in node.items:
        ring = f'<circle class="alone" fill="none" cx="{left + 18:.1f}" cy="{line - 4:.1f}" r="6.5"/>'
        if item.alone:
            yield ring
        yield f'<circle class="{item.style}" cx="{left + 18:.1f}" cy="{line - 4:.1f}" r="3.5"/>'
        yield (
            f'<text class="small" x="{left + 30:.1f}" y="{line:.1f}">{_cut(item.text, BOX[0] - 40)}'
            f"<title>{escape(item.text)}</title></text>"
        )
        line += LINE


def _height(node: Node) -> float:
    titled = not node.layer and bool(node.below)  # a list of its own
    return (len(node.items) + titled) * LINE + 12


def _legend(width: float, y: float) -> Iterator[str]:
    x = float(MARGIN)
    for style, text in LEGEND:
        wide = 30 + len(text) * GLYPH
        if x + wide > width - MARGIN / 2:
            x, y = float(MARGIN), y + LINE
        ring = ' fill="none" r="6"' if style == "alone" else ' r="3.5"'
        yield f'<circle class="{style}"{ring} cx="{x + 6:.1f}" cy="{y - 4:.1f}"/>'
        yield f'<text class="soft" x="{x + 17:.1f}" y="{y:.1f}">{escape(text)}</text>'
        x += wide + 6


def _curve(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    middle = (y1 + y2) / 2
    bend = f"C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"
    return f'<path class="{style}" d="M{x1:.1f} {y1:.1f}{bend}"/>'


def _cut(text: str, width: float) -> str:
    """Text that fits, escaped; what had to be cut ends in an ellipsis."""
    most = int(width / GLYPH)
    return escape(text if len(text) <= most else f"{text[: most - 1].rstrip()}…")
