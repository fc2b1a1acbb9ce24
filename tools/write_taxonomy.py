# SPDX-License-Identifier: Apache-2.0
"""Write the tables of docs/taxonomy.md and docs/threat-model.md from the knowledge of residual trust.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. With `--check`, nothing is written: a page that does
not say what the data says is a complaint, and so is a dimension whose values it lists wrongly.
"""

from __future__ import annotations

import difflib
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from ttee.errors import TteeError
from ttee.trust.answers import scorecard
from ttee.trust.answers.statement import alone_words, depths, standings
from ttee.trust.answers.ways import Ways
from ttee.trust.answers.words import LETTERS, MEANING, joined, number, usd
from ttee.trust.calculus.rules import Source
from ttee.trust.knowledge.facts import Fact
from ttee.trust.knowledge.terms import (
    DIMENSIONS,
    TEXT_DIMENSIONS,
    UNKNOWN,
    Attack,
    Design,
    Holders,
    Needs,
    Property,
    Target,
)
from ttee.trust.model.build import Model, alone, build
from ttee.trust.shipped import shipped

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("docs/taxonomy.md", "docs/threat-model.md")
ATTACKS = "src/ttee/trust/knowledge/attacks"
OURS = ("riscv", "keystone", "local")
REAL: dict[str, Fact] = {"platform": "a chip"}
"""What `riscv` is compared with: the same monitor, where the platform is not QEMU's."""
HANDS = ("remote", "host", "operator", "lab")
"""The columns of the scorecard, weakest attacker first; the last, the supply chain, is no such step."""
PHYSICAL = "physical"
_TABLE = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_DIMENSION = re.compile(r"^\| [DS]\d+ \| `(?P<key>[a-z_]+)` \|[^|]*\| (?P<values>.*) \|$", re.MULTILINE)
_AUTHOR = "author@"
OWNER = "its owner"

Table = Iterable[Sequence[str]]


def main() -> int:
    """0 when the pages say what the data says."""
    check = "--check" in sys.argv[1:]
    try:
        complaints = [line for name in PAGES for line in _page(ROOT / name, check=check)]
    except TteeError as problem:
        complaints = [str(problem)]
    print(
        "\n".join(complaints) or "the taxonomy says what the data says",
        file=sys.stderr if complaints else sys.stdout,
    )
    if complaints:
        print("`python tools/write_taxonomy.py` writes the tables anew", file=sys.stderr)
    return 1 if complaints else 0


def _page(path: Path, *, check: bool) -> Iterator[str]:
    text = path.read_text("utf-8")
    fresh = rewritten(text)
    if fresh != text and not check:
        path.write_text(fresh, "utf-8")
    elif fresh != text:
        yield from difflib.unified_diff(
            text.splitlines(), fresh.splitlines(), path.name, "the data", lineterm=""
        )
    if "| `isolation_unit` |" in text:
        yield from misread(text)


def rewritten(text: str) -> str:
    """The page with each of its tables as the data has it. Raises KeyError for one that there is not."""
    return _TABLE.sub(lambda found: found[1] + markdown(TABLES[found["name"]]()) + found[3], text)


def misread(text: str) -> Iterator[str]:
    """Dimensions whose values the page does not list as the format has them, weakest first; and those left out."""
    told = {row["key"]: tuple(re.findall(r"`([^`]+)`", row["values"])) for row in _DIMENSION.finditer(text)}
    for key, values in DIMENSIONS.items():
        if told.get(key) != values:
            yield f"taxonomy.md: {key} has the values {' '.join(values)}, in this order"
    yield from (f"taxonomy.md: there is no dimension {key}" for key in told.keys() - DIMENSIONS.keys())


def markdown(rows: Table) -> str:
    """Rows as a table, the first as its head."""
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *body))


# --- designs --------------------------------------------------------------------------------------


def designs() -> list[Design]:
    """All of them: those whose evidence this package verifies first, then the smallest unit of isolation."""
    units = DIMENSIONS["isolation_unit"]

    def place(design: Design) -> tuple[bool, int, str]:
        return not _verified(design), units.index(design.dimensions["isolation_unit"]), design.id

    return sorted(shipped().designs.values(), key=place)


def verified() -> list[Design]:
    """Those whose evidence this package verifies."""
    return [each for each in designs() if _verified(each)]


def _verified(design: Design) -> bool:
    return places()[design.id].startswith("src/ttee/tee/")


@cache
def places() -> dict[str, str]:
    """The file of each design."""
    files = [*ROOT.glob("src/ttee/tee/**/model.toml"), *ROOT.glob("src/ttee/trust/knowledge/designs/*.toml")]
    return {tomllib.loads(file.read_text("utf-8"))["id"]: str(file.relative_to(ROOT)) for file in files}


@cache
def model(name: str) -> Model:
    """A design that stands alone."""
    return build(alone(name, shipped()), shipped())


@cache
def row(name: str) -> scorecard.Row:
    """Its row of the scorecard."""
    return scorecard.row(model(name))


def along(*keys: str) -> Callable[[], Table]:
    """Where each design stands along some dimensions."""

    def rows() -> Table:
        yield ["design", *(key.replace("_", " ") for key in keys)]
        for design in designs():
            yield [_link(design), *(design.dimensions.get(key, UNKNOWN) for key in keys)]

    return rows


def known() -> Table:
    """How much is known of each design, and from where."""
    yield ["design", "", "since", "studies", "attacks", "checked", "sources"]
    for design in designs():
        (depth,) = depths(model(design.id))
        sources = " · ".join(_source(each) for each in design.sources)
        counts = [number(design.studies), number(depth.attacks), "yes" if design.checked else "**no**"]
        yield [_link(design), design.name, design.since or "-", *counts, sources]


def people() -> Table:
    """Who has which role by design."""
    roles = ("manufacturer", "foundry", "certifier", "updater")
    yield ["design", "maker", *roles[1:]]
    for design in designs():
        yield [_link(design), *(_holders(design.roles.get(role)) for role in roles)]


def exposed() -> Table:
    """Which structural rules a design gives rise to when it stands alone."""
    rules = ("S1", "S2", "S3", "S5", "S6", "S7", "S8")
    yield ["design", *rules]
    for design in designs():
        fired = {rule.id for rule in model(design.id).base.rules}
        if design.may_be("evidence_identity", "none"):
            fired.add("S5")
        yield [_link(design), *("yes" if rule in fired else "" for rule in rules)]


def _link(design: Design) -> str:
    return f"[{design.id}](../{places()[design.id]})"


def _source(source: Source) -> str:
    text = f"[{source.text}]({source.url})" if source.url else source.text
    return text + (f", {source.date}" if source.date else "")


def _holders(few: Holders | None) -> str:
    if few is None:
        return "-"
    if few.k > 1:
        return f"{few.k} of {len(few.of)} parties"
    return joined(
        [_party(shipped().parties[each].name) if each != "owner" else OWNER for each in few.of], "or"
    )


def _party(name: str) -> str:
    """A party's name; in italics where the design does not say whose: "the foundry, which the design leaves open"."""
    named, open_, _ = name.partition(", wh")
    return f"*{named}*" if open_ else OWNER if name.startswith("the owner of ") else name


# --- scorecard ------------------------------------------------------------------------------------


def attackers() -> Table:
    """What each column of the scorecard has; of one that has all of the one before, what it has beside."""
    yield ["column", "who", "has", "USD"]
    before, held = "", frozenset[str]()
    for column in scorecard.COLUMNS:
        adversary = shipped().adversaries[column.adversary]
        more = held.issubset(adversary.capabilities)
        has = [f"what `{before}` has"] if before and more else []
        has += [
            shipped().capabilities[each].name
            for each in adversary.capabilities
            if not more or each not in held
        ]
        has += [f"its {joined(adversary.roles)}, all in one"] if adversary.roles else []
        has += ["machines of its own"] if adversary.elsewhere else []
        yield [f"`{column.id}`", adversary.name, "; ".join(has), number(column.budget)]
        before, held = column.id, frozenset(adversary.capabilities)


def meaning() -> Table:
    """What each letter stands for."""
    yield ["letter", "property", "broken means"]
    for each in scorecard.ORDER:
        yield [LETTERS[each], str(each), MEANING[each]]


def card() -> Table:
    """The scorecard."""
    yield ["design", "studies", *(column.title for column in scorecard.COLUMNS)]
    for design in designs():
        cells = [row(design.id).cells[column.id] for column in scorecard.COLUMNS]
        said = [_then(_letters(cell.naive, design), _letters(cell.strict, design)) for cell in cells]
        yield [_link(design), number(design.studies), *said]


def dominance() -> Table:
    """Who dominates whom, without what follows from the others."""
    yield ["design", "studies", "dominates"]
    below: dict[str, list[str]] = {}
    for one, other in scorecard.order([row(design.id) for design in designs()]):
        below.setdefault(one, []).append(other)
    for design in designs():
        yield [_link(design), number(design.studies), ", ".join(sorted(below.get(design.id, ()))) or "none"]


def singles() -> Table:
    """Which parties suffice alone."""
    yield ["design", "to forge its evidence", "to read what is inside"]
    for design in designs():
        yield [
            _link(design),
            *(_alone(model(design.id), each) for each in (Property.ATTESTATION, Property.CONFIDENTIALITY)),
        ]


def _alone(of: Model, property_: Property) -> str:
    names = [
        each for each in Ways.of(of, of.goal(property_)).singles()["party"] if not each.startswith(_AUTHOR)
    ]
    return ", ".join(map(_party, alone_words(of, "party", names))) or "**nobody**"


def _then(naive: str, strict: str) -> str:
    """As it stands / with every fix; said once where no fix changes it."""
    return naive if naive == strict else f"{naive} / {strict}"


def _letters(broken: frozenset[Property], design: Design) -> str:
    return scorecard.letters(broken) if broken else f"- ({design.studies})"


# --- threat model ---------------------------------------------------------------------------------


def breakers() -> Table:
    """For each TEE and property the weakest attacker that breaks it."""
    yield ["TEE", "studies", *map(str, scorecard.ORDER)]
    rows = [(_link(each), each, row(each.id)) for each in verified()]
    riscv = shipped().designs["riscv"]
    rows.insert(
        1 + [each.id for each in verified()].index("riscv"), ("riscv, if on a chip", riscv, on_a_chip())
    )
    for name, design, of in rows:
        yield [name, number(design.studies), *(_weakest(of, each, design) for each in scorecard.ORDER)]


def on_a_chip() -> scorecard.Row:
    """The row of our monitor, were it not emulated."""
    return scorecard.row(build(alone("riscv", shipped(), REAL), shipped()))


def _weakest(of: scorecard.Row, property_: Property, design: Design) -> str:
    naive = next((name for name in HANDS if property_ in of.cells[name].naive), None)
    strict = next((name for name in HANDS if property_ in of.cells[name].strict), None)
    none = f"- ({design.studies})"
    return _then(naive or none, strict or none)


def given_up() -> Table:
    """What makers declare not to defend against, and the published attacks that need it."""
    yield ["TEE", "the maker does not defend against", "published attacks that need it", "who says so"]
    for design in designs():
        for each in design.out_of_scope:
            names = [shipped().capabilities[name].name for name in each.capabilities]
            needing = _needing(design, frozenset(each.capabilities)) or "none that we know"
            yield [_link(design), "; ".join(names), needing, " · ".join(map(_source, each.sources))]
    for design in verified():
        if not design.out_of_scope:
            yield [
                _link(design),
                "no statement that we know",
                "",
                f"its model says: physical `{_physical(design)}`",
            ]


def _physical(design: Design) -> str:
    return design.dimensions.get(PHYSICAL, UNKNOWN)


def _needing(design: Design, given: frozenset[str]) -> str:
    """The attacks all of whose ways need something that is given up."""
    found = [
        attack.name
        for attack in shipped().attacks.values()
        if attack.compiled
        and any(all(given.intersection(way) for way in _ways(attack, aim)) for aim in _aims(attack, design))
    ]
    return ", ".join(sorted(found))


def _aims(attack: Attack, design: Design) -> list[Target]:
    return [each for each in attack.targets if each.tee in (design.id, *design.classes)]


def _ways(attack: Attack, aim: Target) -> Needs:
    return attack.needs if aim.needs is None else aim.needs


def unmended() -> Table:
    """Attacks on our own TEEs, and on Keystone, for which there is no fix: what each breaks there."""
    yield ["attack", "public", "takes", *OURS, "would be mended by", "sources"]
    applies = {name: {each.attack.id for each in standings(model(name)) if not each.refuted} for name in OURS}
    for attack in sorted(shipped().attacks.values(), key=lambda each: (each.public, each.id), reverse=True):
        hit = [name for name in OURS if attack.id in applies[name]]
        if attack.fix_kind in ("none", "design") and hit:
            aims = {name: _aims(attack, shipped().designs[name]) if name in hit else [] for name in OURS}
            ways = dict.fromkeys(way for each in aims.values() for aim in each for way in _ways(attack, aim))
            takes = "; or ".join(
                " and ".join(shipped().capabilities[each].name for each in way) for way in ways
            )
            yield [
                f"[{attack.name}](../{ATTACKS}/{attack.id}.toml)",
                attack.public,
                takes + (f", {usd(attack.cost_usd)}" if attack.cost_usd else ""),
                *(_effects(attack, aims[name]) for name in OURS),
                attack.fix or "nothing known",
                " · ".join(map(_source, attack.sources)),
            ]


def _effects(attack: Attack, aims: Sequence[Target]) -> str:
    broken = {each for aim in aims for each in (attack.breaks if aim.breaks is None else aim.breaks)}
    return "".join(letter for each, letter in LETTERS.items() if each in broken)


def extent() -> Table:
    """How much there is."""
    knowledge = shipped()
    yield ["", "entries", "not confirmed against a public document yet"]
    for name, entries in (("designs", knowledge.designs), ("attacks", knowledge.attacks)):
        yield [name, number(len(entries)), number(sum(not each.checked for each in entries.values()))]
    yield ["parties", number(len(knowledge.parties)), ""]
    yield ["as of", str(knowledge.as_of), ""]


TABLES: dict[str, Callable[[], Table]] = {
    "extent": extent,
    "isolation": along("isolation_unit", "isolation", "sharing", "launch", "set_up_by", "side_channels"),
    "memory": along(
        "memory_confidentiality", "memory_integrity", "memory_freshness", "io", "sealing", PHYSICAL
    ),
    "keys": along("key_origin", "certification", "signing", "updates", "recovery", "supply"),
    "evidence": along(
        "attestation_path",
        "evidence_identity",
        "evidence_freshness",
        "channel_binding",
        "coverage",
        "privacy",
    ),
    "inside": along("openness", "assurance", "liveness", *TEXT_DIMENSIONS),
    "people": people,
    "known": known,
    "exposed": exposed,
    "attackers": attackers,
    "meaning": meaning,
    "scorecard": card,
    "dominance": dominance,
    "singles": singles,
    "breakers": breakers,
    "given-up": given_up,
    "unmended": unmended,
}

if __name__ == "__main__":
    sys.exit(main())
