# SPDX-License-Identifier: Apache-2.0
"""Knowledge files into types (docs/spec/trust.md, section 3): strictly, with the line of each mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from ttee.codec.toml import loads
from ttee.errors import KnowledgeError
from ttee.trust.calculus.rules import Kind, Source
from ttee.trust.knowledge.facts import Comparison, Condition
from ttee.trust.knowledge.table import Table
from ttee.trust.knowledge.terms import (
    CLASSES,
    DESIGN_ROLES,
    DIMENSIONS,
    EFFECTS,
    FIXES,
    FLAW_EFFECTS,
    ROLES,
    STATUSES,
    STRUCTURAL,
    TEXT_DIMENSIONS,
    UNKNOWN,
    Adversary,
    Attack,
    Capability,
    Component,
    Design,
    Holders,
    Knowledge,
    Needs,
    OutOfScope,
    Over,
    Party,
    Property,
    Reach,
    Scope,
    Target,
    first_day,
)

MAX_SIZE = 64 * 1024
PLACEHOLDERS = ("operator", "owner")
"""What a design may write in place of a party: who that is, the deployment says."""

File = tuple[str, bytes]
"""A file's name, for messages, and what is in it."""


def read_knowledge(folder: Path, models: Iterable[Path] = ()) -> Knowledge:
    """The knowledge in a folder, with further designs in `models`. Raises KnowledgeError."""

    def files(paths: Iterable[Path]) -> list[File]:
        try:
            return [(path.name if path.name != "model.toml" else f"{path.parent.name}/{path.name}", path.read_bytes())
                    for path in sorted(paths)]  # fmt: skip
        except OSError as problem:
            raise KnowledgeError(f"cannot read: {problem.strerror}", where=str(problem.filename)) from None

    single = dict(
        files(folder / f"{name}.toml" for name in ("knowledge", "capabilities", "parties", "adversaries"))
    )
    return parse_knowledge(
        single,
        files([*(folder / "designs").glob("*.toml"), *models]),
        files((folder / "attacks").glob("*.toml")),
    )


def parse_knowledge(
    single: Mapping[str, bytes], designs: Iterable[File], attacks: Iterable[File]
) -> Knowledge:
    """The knowledge in these files; `single` has `knowledge.toml` and so on. Names are checked across all of them."""
    top = _open(("knowledge.toml", single["knowledge.toml"]), "ttee.knowledge/1", "as_of")
    as_of = first_day(top.text("as_of"))
    if as_of is None:
        top.fail("as_of is a day: 2026-11-21", "as_of")
    opened = _open(("parties.toml", single["parties.toml"]), "ttee.parties/1", "party")
    names = dict(opened.each("party"))
    parties = {id_: _party(id_, table, names) for id_, table in names.items()}
    for party in parties.values():
        above: Party | None = party
        for _ in range(len(parties) + 1):
            above = parties[above.parent] if above is not None and above.parent is not None else None
        if above is not None:
            names[party.id].fail(f"{party.id!r} owns itself in the end", "parent")
    opened = _open(("capabilities.toml", single["capabilities.toml"]), "ttee.capabilities/1", "capability")
    names = dict(opened.each("capability"))
    capabilities = {id_: _capability(id_, table, names) for id_, table in names.items()}
    for needed in (*STRUCTURAL, "net"):
        if needed not in capabilities:
            opened.fail(f"there is no capability {needed!r}, of which rules speak", "capability")
    opened = _open(("adversaries.toml", single["adversaries.toml"]), "ttee.adversaries/1", "adversary")
    adversaries = {id_: _adversary(id_, table, capabilities) for id_, table in opened.each("adversary")}
    found: dict[str, Design] = {}
    for file in designs:
        design = parse_design(file, parties, capabilities)
        if design.id in found:
            raise KnowledgeError(f"a second design {design.id!r}", where=file[0])
        found[design.id] = design
    aims = {*found, *(name for design in found.values() for name in design.classes)}
    listed: dict[str, Attack] = {}
    for file in attacks:
        attack = parse_attack(file, aims, capabilities)
        if attack.id in listed:
            raise KnowledgeError(f"a second attack {attack.id!r}", where=file[0])
        listed[attack.id] = attack
    return Knowledge(as_of, capabilities, parties, adversaries, found, listed)


def parse_design(file: File, parties: Collection[str], capabilities: Collection[str]) -> Design:
    """The design in a `model.toml`. Raises KnowledgeError."""
    top = _open(file, "ttee.tee-model/1", "id", "name", "classes", "machine_usd", "since", "studies", "checked",
                "roles", "dimensions", "component", "out_of_scope", "source")  # fmt: skip
    components = tuple(_component(row, parties) for row in top.rows("component"))
    if not components:
        top.fail("a design has at least one [[component]]", "component")
    sources = tuple(map(_source, top.rows("source")))
    if not sources:
        top.fail("a design has at least one [[source]]", "source")
    roles = top.at("roles")
    roles.known(*DESIGN_ROLES)
    if "certifier" not in roles.values:
        roles.fail("the certifier is missing")
    since = top.text("since", "")
    if since and first_day(since) is None:
        top.fail("since is a year, a month or a day", "since")
    return Design(
        id=top.id("id"),
        name=top.text("name"),
        roles={role: holders(roles, role, (*parties, *PLACEHOLDERS)) for role in roles.values},
        components=components,
        sources=sources,
        dimensions=_dimensions(top.at("dimensions")),
        classes=top.texts("classes"),
        machine_usd=top.number("machine_usd", 0),
        since=since,
        studies=top.number("studies", 0),
        out_of_scope=tuple(_out_of_scope(row, capabilities) for row in top.rows("out_of_scope")),
        checked=top.flag("checked", default=True),
    )


def parse_attack(file: File, aims: Collection[str], capabilities: Collection[str]) -> Attack:
    """The attack in a file; `aims` are the designs and classes that there are. Raises KnowledgeError."""
    top = _open(file, "ttee.attack/1", "id", "name", "public", "needs", "breaks", "cost_usd", "reach", "status",
                "checked", "cve", "fix", "sources", "target", "modelled_by")  # fmt: skip
    public = top.text("public")
    if first_day(public) is None:
        top.fail("public is a year, a month or a day: 2025, 2025-10 or 2025-10-28", "public")
    fix = top.at("fix")
    fix.known("kind", "text")
    kind = fix.choice("kind", FIXES)
    modelled_by = top.choice("modelled_by", ("channel",)) if "modelled_by" in top.values else None
    targets = tuple(_target(row, aims, capabilities) for row in top.rows("target"))
    if not targets and modelled_by is None:
        top.fail("an attack has at least one [[target]]", "target")
    return Attack(
        id=top.id("id"),
        name=top.text("name"),
        public=public,
        needs=_needs(top, capabilities),
        breaks=_effects(top),
        targets=targets,
        fix_kind=kind,
        sources=sources_of(top),
        fix=fix.text("text", "" if kind == "none" else None),
        cost_usd=top.number("cost_usd") if "cost_usd" in top.values else None,
        reach=Reach(top.choice("reach", list(Reach))),
        status=top.choice("status", STATUSES, "demonstrated"),
        checked=top.flag("checked", default=True),
        cve=top.texts("cve"),
        modelled_by=modelled_by,
    )


def holders(table: Table, key: str, names: Collection[str]) -> Holders:
    """One name, or { k, of }."""
    value = table.values.get(key)
    if isinstance(value, str):
        return Holders(1, (table.one(value, names, key),))
    few = table.at(key)
    few.known("k", "of")
    return threshold(few, "k", "of", names)


def threshold(table: Table, key: str, of: str, names: Collection[str], *, beyond: int = 0) -> Holders:
    """k of a list of names, where `beyond` < k ≤ their number."""
    members = tuple(table.one(name, names, of) for name in table.texts(of))
    if not members:
        table.fail(f"{of} names at least one", of)
    k = table.number(key, least=1)
    if k > len(members):
        table.fail(f"{key} is {k}, and {of} has only {len(members)}", key)
    if k <= beyond:
        table.fail(f"{key} must be more than {beyond}", key)
    return Holders(k, members)


def sources_of(table: Table) -> tuple[Source, ...]:
    """The sources of something that must have at least one."""
    sources = tuple(map(_source, table.rows("sources")))
    if not sources:
        table.fail("sources: at least one", "sources")
    return sources


def _open(file: File, schema: str, *keys: str) -> Table:
    name, data = file
    document = loads(data, name=name, max_size=MAX_SIZE, error=KnowledgeError)
    top = Table(document, document.values, (), KnowledgeError)
    top.known("schema", *keys)
    if top.values.get("schema") != schema:
        top.fail(f"the schema must be {schema!r}", "schema")
    return top


def _party(id_: str, table: Table, names: Collection[str]) -> Party:
    table.known("name", "jurisdiction", "parent", "sources")
    if id_ in PLACEHOLDERS:
        table.fail(f"no party is called {id_!r}: it stands for whoever that is")
    parent = (
        table.one(table.text("parent"), names, "parent", what="a party") if "parent" in table.values else None
    )
    return Party(
        id_, table.text("name"), table.id("jurisdiction"), parent, tuple(map(_source, table.rows("sources")))
    )


def _capability(id_: str, table: Table, names: Collection[str]) -> Capability:
    table.known("name", "class", "scope", "implies", "by_operator", "by_owner", "roles")
    scope = Scope(table.choice("scope", list(Scope)))
    roles = table.choices("roles", ROLES)
    if (scope is Scope.ROLE) != bool(roles):
        table.fail('roles stand where scope = "role", and only there', "roles" if roles else "scope")
    return Capability(
        id=id_,
        name=table.text("name"),
        kind=table.choice("class", CLASSES),
        scope=scope,
        implies=table.choices("implies", names),
        by_operator=table.flag("by_operator", default=False),
        by_owner=table.flag("by_owner", default=False),
        roles=roles,
    )


def _adversary(id_: str, table: Table, capabilities: Collection[str]) -> Adversary:
    table.known("name", "capabilities", "scope", "elsewhere", "roles", "kinds", "budget_usd")
    return Adversary(
        id=id_,
        name=table.text("name"),
        capabilities=table.choices("capabilities", capabilities),
        over=Over(table.choice("scope", list(Over), Over.ALL)),
        elsewhere=table.flag("elsewhere", default=False),
        roles=table.choices("roles", ROLES),
        kinds=table.choices("kinds", (Kind.EXPOSURE, Kind.FLAW, Kind.CRYPTO, Kind.LEAK)),
        budget_usd=table.number("budget_usd", 0),
    )


def _component(table: Table, parties: Collection[str]) -> Component:
    table.known("id", "name", "maker", "codebase", "breaks")
    return Component(
        id=table.id("id"),
        name=table.text("name"),
        maker=table.one(table.text("maker"), parties, "maker", what="a party")
        if "maker" in table.values
        else None,
        codebase=table.id("codebase") if "codebase" in table.values else None,
        breaks=_effects(table) if "breaks" in table.values else FLAW_EFFECTS,
    )


def _out_of_scope(table: Table, capabilities: Collection[str]) -> OutOfScope:
    table.known("capabilities", "sources")
    return OutOfScope(table.choices("capabilities", capabilities), sources_of(table))


def _dimensions(table: Table) -> dict[str, str]:
    table.known(*DIMENSIONS, *TEXT_DIMENSIONS)
    return {
        key: table.text(key) if key in TEXT_DIMENSIONS else table.choice(key, (*DIMENSIONS[key], UNKNOWN))
        for key in table.values
    }


def _effects(table: Table) -> tuple[Property, ...]:
    effects = table.choices("breaks", list(EFFECTS))
    if not effects:
        table.fail("breaks names at least one property", "breaks")
    return tuple(map(Property, effects))


def _needs(table: Table, capabilities: Collection[str]) -> Needs:
    sets = table.list("needs")
    if not sets:
        table.fail("needs is a list of sets of capabilities: at least one", "needs")
    for each in sets:
        if not isinstance(each, list) or not each or not all(isinstance(name, str) for name in each):
            table.fail('needs is a list of lists: [["host_root", "bus_passive"]]', "needs")
    return tuple(
        tuple(table.one(name, capabilities, "needs", what="a capability") for name in each) for each in sets
    )


def _target(table: Table, aims: Collection[str], capabilities: Collection[str]) -> Target:
    table.known("tee", "when", "unless", "needs", "breaks")
    unless = table.list("unless")
    if [] in unless:
        table.fail("an empty list of conditions refutes nothing", "unless")
    return Target(
        tee=table.one(table.text("tee"), aims, "tee", what="a design or class"),
        when=conditions(table, "when"),
        unless=tuple(
            tuple(
                _condition(table, each, "unless") for each in (entry if isinstance(entry, list) else [entry])
            )
            for entry in unless
        ),
        needs=_needs(table, capabilities) if "needs" in table.values else None,
        breaks=_effects(table) if "breaks" in table.values else None,
    )


def conditions(table: Table, key: str) -> tuple[Condition, ...]:
    """The conditions in a list: `when = [{ fact = "product", is = "milan" }]`."""
    return tuple(_condition(table, each, key) for each in table.list(key))


def _condition(table: Table, value: object, key: str) -> Condition:
    if not isinstance(value, dict) or len(value) != 2 or not isinstance(value.get("fact"), str):
        table.fail(f'{key}: a condition is {{ fact = "…", {" | ".join(Comparison)} = … }}', key)
    (test,) = (each for each in value if each != "fact")
    test = Comparison(table.one(test, list(Comparison), key, what="a comparison"))
    values = value[test] if test is Comparison.ONE_OF else [value[test]]
    if (
        not isinstance(values, list)
        or not values
        or not all(isinstance(each, bool | int | str) for each in values)
    ):
        table.fail(f"{key}: a fact is text, an integer, true or false; one_of takes a list of them", key)
    return Condition(value["fact"], test, tuple(values))


def _source(table: Table) -> Source:
    table.known("text", "url", "date")
    when = table.text("date", "")
    if when and first_day(when) is None:
        table.fail("date is a year, a month or a day", "date")
    url = table.text("url", "")
    if url and not url.startswith("https://") and not url.startswith("http://"):
        table.fail("url begins with https://", "url")
    return Source(table.text("text"), url, when)
