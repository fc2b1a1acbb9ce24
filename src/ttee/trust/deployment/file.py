# SPDX-License-Identifier: Apache-2.0
"""Deployments from TOML (docs/spec/trust.md, section 4): strictly, with the line of each mistake."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from ttee.codec.toml import loads
from ttee.errors import DeploymentError, QuestionError
from ttee.trust.deployment.channel import Binding
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
    children,
)
from ttee.trust.deployment.tree import Deployment, Tee
from ttee.trust.knowledge.facts import Fact
from ttee.trust.knowledge.reading import PLACEHOLDERS, holders, threshold
from ttee.trust.knowledge.table import Table
from ttee.trust.knowledge.terms import DESIGN_ROLES, Knowledge, Party

SCHEMA = "ttee.deployment/1"
MAX_SIZE = 64 * 1024
MAX_DEPTH = 40
MAX_FACT = 64


def parse_deployment(data: bytes, knowledge: Knowledge, *, name: str) -> Deployment:
    """The deployment in these bytes; `name` is the file's, for messages. Raises DeploymentError, with the line."""
    document = loads(data, name=name, max_size=MAX_SIZE, error=DeploymentError)
    top = Table(document, document.values, (), DeploymentError)
    top.known("schema", "name", "root", "at", "part", "party")
    if top.values.get("schema") != SCHEMA:
        top.fail(f"the schema must be {SCHEMA!r}", "schema")
    parties = {
        **knowledge.parties,
        **{id_: _party(id_, table, knowledge) for id_, table in top.each("party")},
    }
    tables = dict(top.each("part"))
    if not tables:
        top.fail("a deployment has at least one [part.NAME]", "part")
    if both := next((part for part in tables if part in parties), None):
        tables[both].fail(f"{both!r} is the name of a party as well: call the part something else")
    reader = _Reader(knowledge, parties, tables)
    parts = {part: reader.part(part, table) for part, table in tables.items()}
    _refuse_circles(parts, tables)
    at = _day(top, knowledge) if "at" in top.values else None
    return Deployment(top.text("name"), _root(top, parts), parts, parties, at)


@frozen(slots=True)
class _Reader:
    knowledge: Knowledge
    parties: Mapping[str, Party]
    names: Collection[str]

    def part(self, name: str, table: Table) -> Part:
        if "tee" in table.values:
            return self.tee(name, table)
        kinds = [key for key in table.values if key in _KINDS]
        if len(kinds) != 1:
            table.known(*_KINDS, "tee")
            table.fail(f"a part has exactly one of: tee, {', '.join(_KINDS)}", *kinds[1:2])
        table.known(kinds[0])
        kind = kinds[0]
        if kind in ("all", "any"):
            of = self.members(table, kind)
            return KOf(len(of) if kind == "all" else 1, of)
        return self.combination(kind, table.at(kind))

    def combination(self, kind: str, table: Table) -> Part:
        table.known(*_KINDS[kind])
        anyone = (*self.parties, *self.names)
        match kind:
            case "k_of":
                few = threshold(table, "k", "of", self.names)
                return KOf(few.k, few.of)
            case "nest":
                return Nest(self.member(table, "outer"), self.member(table, "inner"))
            case "split":
                few = threshold(table, "k", "of", self.names)
                return Split(few.k, few.of, table.flag("verified", default=True))
            case "replicate":
                few = threshold(table, "agree", "of", self.names)
                return Replicate(few.k, few.of)
            case "channel":
                binding = Binding(table.choice("binding", list(Binding)))
                pin, nonce = table.flag("pin", default=False), table.flag("nonce", default=True)
                return Channel(self.member(table, "to"), binding, pin, nonce)
            case "poc":
                return Poc(self.member(table, "of"), holders(table, "by", anyone))
            case "log":
                covers = table.choices("covers", ("code", "firmware"))
                return Log(
                    self.member(table, "of"), threshold(table, "k", "witnesses", anyone), "firmware" in covers
                )
            case "release":
                return Release(self.member(table, "of"), threshold(table, "k", "keys", anyone))
            case "fhe_in":
                return FheIn(self.member(table, "integrity"), threshold(table, "k", "keyholders", anyone))
            case _:
                half = len(table.list("counters")) // 2
                return Once(
                    self.member(table, "of"), threshold(table, "k", "counters", self.names, beyond=half)
                )

    def tee(self, name: str, table: Table) -> Tee:
        table.known(
            "tee", "machine", "operator", "owner", "author", "verifier", "code", "pin", "facts", "roles"
        )
        design = table.one(table.text("tee"), self.knowledge.designs, "tee", what="a TEE")
        roles = table.at("roles")
        roles.known(*DESIGN_ROLES)
        return Tee(
            design=design,
            machine=table.id("machine", name),
            operator=self.party(table, "operator"),
            owner=self.party(table, "owner"),
            author=self.party(table, "author"),
            verifier=self.party(table, "verifier"),
            code=table.id("code", "app"),
            pin=table.flag("pin", default=False),
            facts=self.facts(table.at("facts")),
            roles={role: holders(roles, role, (*self.parties, *PLACEHOLDERS)) for role in roles.values},
        )

    def facts(self, table: Table) -> dict[str, Fact]:
        """Those that some attack asks for; a value that differs from one of theirs in how it is written is refused: it
        would speak against attacks that do apply."""
        known = self.compared()
        for key, value in table.values.items():
            if not isinstance(value, bool | int | str) or len(key) > MAX_FACT:
                table.fail("a fact is text, an integer, true or false", key)
            values = known[table.one(key, known, key, what="a fact")]
            meant = next((each for each in values if _alike(each, value) and value not in values), None)
            if meant is not None:
                table.fail(f"{key} is {value!r}: did you mean {meant!r}?", key)
        return dict(table.values)

    def compared(self) -> dict[str, set[Fact]]:
        """The facts that attacks ask for, and that rules do, each with what it is compared with."""
        found: dict[str, set[Fact]] = {"assurance": {"emulated", "simulated"}}
        for attack in self.knowledge.attacks.values():
            for target in attack.targets:
                for condition in (*target.when, *(each for together in target.unless for each in together)):
                    found.setdefault(condition.fact, set()).update(condition.values)
        return found

    def party(self, table: Table, key: str) -> str | None:
        return table.one(table.text(key), self.parties, key, what="a party") if key in table.values else None

    def member(self, table: Table, key: str) -> str:
        return table.one(table.text(key), self.names, key, what="a part")

    def members(self, table: Table, key: str) -> tuple[str, ...]:
        of = tuple(table.one(name, self.names, key, what="a part") for name in table.texts(key))
        if not of:
            table.fail(f"{key} names at least one part", key)
        return of


_KINDS: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "any": (),
    "k_of": ("k", "of"),
    "nest": ("outer", "inner"),
    "split": ("k", "of", "verified"),
    "replicate": ("agree", "of"),
    "channel": ("to", "binding", "pin", "nonce"),
    "poc": ("of", "by"),
    "log": ("of", "k", "witnesses", "covers"),
    "release": ("of", "k", "keys"),
    "fhe_in": ("integrity", "k", "keyholders"),
    "once": ("of", "k", "counters"),
}
"""What a part can be besides a TEE, and the keys of each."""


def _party(id_: str, table: Table, knowledge: Knowledge) -> Party:
    table.known("name", "jurisdiction", "parent")
    if id_ in knowledge.parties or id_ in PLACEHOLDERS:
        table.fail(f"{id_!r} is known already")
    parent = None
    if "parent" in table.values:
        parent = table.one(table.text("parent"), knowledge.parties, "parent", what="a party")
    return Party(id_, table.text("name"), table.id("jurisdiction"), parent)


def _alike(known: Fact, said: Fact) -> bool:
    return isinstance(known, str) and isinstance(said, str) and _plain(known) == _plain(said)


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _day(top: Table, knowledge: Knowledge) -> str:
    day = top.text("at")
    try:
        knowledge.moment(day)
    except QuestionError as problem:
        top.fail(problem.message, "at")
    return day


def _root(top: Table, parts: Mapping[str, Part]) -> str:
    if "root" in top.values:
        return top.one(top.text("root"), parts, "root", what="a part")
    inside = {child for part in parts.values() for child in children(part, parts)}
    roots = [name for name in parts if name not in inside]
    if len(roots) != 1:
        top.fail(f"which part do users rely on? Say root = one of {', '.join(roots[:8])}", "root")
    return roots[0]


def _refuse_circles(parts: Mapping[str, Part], tables: Mapping[str, Table]) -> None:
    """Also bounds the depth, on which the recursion of what reads the parts depends."""
    depth: dict[str, int] = {}
    for start in parts:
        stack, path = [(start, iter(children(parts[start], parts)))], [start]
        while stack:
            name, rest = stack[-1]
            child = next((each for each in rest if each not in depth), None)
            if child is None:
                depth[name] = 1 + max((depth[each] for each in children(parts[name], parts)), default=0)
                if depth[name] > MAX_DEPTH:
                    tables[name].fail(f"parts within parts, more than {MAX_DEPTH} deep")
                stack.pop()
                path.pop()
            elif child in path:
                circle = " → ".join([*path[path.index(child) :], child])
                tables[name].fail(f"a circle: {circle[:200]}")
            else:
                stack.append((child, iter(children(parts[child], parts))))
                path.append(child)
