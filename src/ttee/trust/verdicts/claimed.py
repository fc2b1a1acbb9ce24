# SPDX-License-Identifier: Apache-2.0
"""From authentic claims to a question about residual trust (docs/spec/trust.md, section 8).

Each TEE's folder has a table, `facts.toml`: which designs its evidence can be of, which claim says which fact, and who
then has which role. A fact that no claim says stays unknown, and counts for the attacker.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC
from functools import cache, lru_cache
from pathlib import Path

from attrs import frozen

from ttee.codec.rfc3339 import moment
from ttee.codec.toml import loads
from ttee.errors import KnowledgeError
from ttee.model import Assurance, Claims, ClaimValue
from ttee.trust.deployment.parts import KOf, Part
from ttee.trust.deployment.tree import Deployment, Tee
from ttee.trust.knowledge.facts import Condition, Fact, Facts
from ttee.trust.knowledge.reading import conditions
from ttee.trust.knowledge.table import Table
from ttee.trust.knowledge.terms import ROLES, Holders, Knowledge, Party
from ttee.trust.shipped import shipped

SCHEMA = "ttee.facts/1"
SPEC = "docs/spec/trust.md, section 8"
TEES = Path(__file__).parents[2] / "tee"
MAX_SIZE = 64 * 1024
MAX_TEXT = 64
"""Longer claims are no facts: nothing compares them, and they would fill the memory of answers."""
MEMORY = 1024
"""Questions that are remembered, by what claims say."""
DEBUG, ASSURANCE = "debug", "assurance"
"""Facts of every TEE, from claims that have names for all of them."""
_ROLES = (*(role for role in ROLES if role != "author"), "owner")
_PLACES = ("operator", "owner", "verifier")
"""Roles that a part of a deployment has keys for."""


@frozen(slots=True)
class Read:
    """A fact that a claim says: all of it, or of a claim of bytes those from `start` to `end`."""

    claim: str
    start: int = 0
    end: int | None = None

    def of(self, value: ClaimValue) -> Fact | None:
        """The fact, if the claim is made; bytes as lowercase hex."""
        if isinstance(value, bytes):
            value = value[self.start : self.end].hex()
        if isinstance(value, str) and len(value) > MAX_TEXT:
            return None
        return value if isinstance(value, bool | int | str) else None


@frozen(slots=True)
class Derived:
    """A fact that follows from others, once all of `when` is known to hold."""

    fact: str
    value: Fact
    when: tuple[Condition, ...]


@frozen(slots=True)
class Placed:
    """Who has a role, once all of `when` is known to hold, and the evidence rests on a root of that name (if any)."""

    role: str
    party: Party
    root: str
    when: tuple[Condition, ...]
    beside: bool = False
    """It may have it, unless `when` is known not to hold: beside whoever has it otherwise."""

    def holds(self, facts: Facts, roots: Container[str]) -> bool:
        """Whether it counts, with what is known."""
        if self.root and self.root not in roots:
            return False
        said = [each.holds(facts) for each in self.when]
        return False not in said if self.beside else all(said)


@frozen(slots=True)
class Sheet:
    """What a TEE's evidence says for this purpose: its `facts.toml`."""

    designs: tuple[tuple[str, tuple[Condition, ...]], ...]
    machine: tuple[str, ...]
    """Claims that name the one machine: a policy that lists its values accepts no other."""
    device_anchors: bool
    """What a policy pins as an anchor is one machine's own key, and no authority's."""
    reads: tuple[tuple[str, Read], ...]
    derived: tuple[Derived, ...]
    placed: tuple[Placed, ...]


@frozen(slots=True)
class Question:
    """Everything that the answer depends on, and nothing else: equal questions have equal answers."""

    designs: tuple[str, ...]
    """Of which the evidence may be, as far as is known: at least one."""
    facts: tuple[tuple[str, Fact], ...]
    roles: tuple[tuple[str, tuple[Party, ...]], ...]
    """Who is known to have a role; any of them has it."""
    others: tuple[tuple[str, tuple[Party, ...]], ...]
    """Who may have a role, beside those who have it."""
    holders: tuple[Party, ...]
    """Who holds the keys that the relying party pinned: they certify, too."""
    pin: bool
    """Evidence of this very machine alone is accepted."""
    at: str
    """The day, as YYYY-MM-DD; no later than what is known."""


def question(
    claims: Claims, *, at: str, assurance: Assurance | None = None, ruled: Container[str] = ()
) -> Question:
    """The question that claims raise at a moment (RFC 3339; only its day counts, in UTC).

    `assurance`: how real the relying party holds it to be, where that is less than the claims say. `ruled`: the claims
    of `details` whose values it lists.
    """
    sheet = sheet_of(claims.tee)
    details = claims.details
    return _question(
        claims.tee,
        tuple([details.get(read.claim) for _, read in sheet.reads]),
        claims.debug,
        assurance or claims.assurance,
        tuple([(each.kind, each.name) for each in claims.relied_on if each.kind in ("root", "anchor")]),
        any(name in ruled for name in sheet.machine),
        at[:10] if at.endswith("Z") else moment(at).astimezone(UTC).date().isoformat(),
    )


@lru_cache(MEMORY)
def _question(  # noqa: PLR0917 (what it is remembered by)
    tee: str,
    said: tuple[ClaimValue, ...],
    debug: bool | None,
    assurance: Assurance,
    relied_on: tuple[tuple[str, str], ...],
    pinned: bool,
    day: str,
) -> Question:
    sheet = sheet_of(tee)
    facts = facts_of(sheet, said, debug, assurance)
    designs = tuple(
        id_ for id_, when in sheet.designs if all(each.holds(facts) is not False for each in when)
    )
    roles: dict[str, tuple[Party, ...]] = {}
    roots = {name for kind, name in relied_on if kind == "root"}
    others: dict[str, tuple[Party, ...]] = {}
    for placed in sheet.placed:
        if placed.holds(facts, roots):
            found = others if placed.beside else roles
            found[placed.role] = (*found.get(placed.role, ()), placed.party)
    anchors = dict.fromkeys(name for kind, name in relied_on if kind == "anchor")
    return Question(
        designs or tuple(id_ for id_, _ in sheet.designs),
        tuple(sorted(facts.items())),
        tuple(sorted(roles.items())),
        tuple(sorted(others.items())),
        tuple(_holder(number, name) for number, name in enumerate(anchors, 1)),
        pinned or (sheet.device_anchors and bool(anchors)),
        min(day, shipped().as_of.isoformat()),
    )


def facts_of(
    sheet: Sheet, said: Sequence[ClaimValue], debug: bool | None, assurance: Assurance
) -> dict[str, Fact]:
    """What is known of the TEE; `said` has the claims that `sheet.reads` names, in this order."""
    facts: dict[str, Fact] = {}
    for (name, read), claim in zip(sheet.reads, said, strict=True):
        value = read.of(claim)
        if value is not None:
            facts[name] = value
    if debug is not None:
        facts[DEBUG] = debug
    facts[ASSURANCE] = assurance.value
    for derived in sheet.derived:
        if all(each.holds(facts) for each in derived.when):
            facts[derived.fact] = derived.value
    return facts


def deployment_for(asked: Question, knowledge: Knowledge) -> Deployment:
    """One part: the TEE; where its design is not known, any of those that it may be."""
    facts = dict(asked.facts)
    named, others = dict(asked.roles), dict(asked.others)
    if asked.holders:
        others["certifier"] = (*others.get("certifier", ()), *asked.holders)
    parties = {**knowledge.parties, **{p.id: p for p in asked.holders}}
    parties |= {party.id: party for few in (*named.values(), *others.values()) for party in few}
    places = {role: few[0].id for role, few in named.items() if role in _PLACES}
    parts: dict[str, Part] = {}
    for id_ in asked.designs:
        roles = {role: Holders(1, _ids(few)) for role, few in named.items() if role not in _PLACES}
        for role, more in others.items():
            few = roles.get(role) or knowledge.designs[id_].roles.get(role)
            before = few.of if few is not None and few.k == 1 else ()
            roles[role] = Holders(1, tuple(dict.fromkeys((*before, *_ids(more)))))
        parts[f"tee-{id_}"] = Tee(
            id_,
            "machine",
            operator=places.get("operator"),
            owner=places.get("owner"),
            verifier=places.get("verifier"),
            pin=asked.pin,
            facts=facts,
            roles=roles,
        )
    root = next(iter(parts))
    if len(parts) > 1:
        root, parts["tee"] = "tee", KOf(1, tuple(parts))
    return Deployment("evidence", root, parts, parties, asked.at)


def asked_for(knowledge: Knowledge, designs: Sequence[str]) -> frozenset[str]:
    """The facts that published attacks on these designs ask for: whoever does not know one counts it as bad."""
    aims = {
        name for id_ in designs for name in (id_, *knowledge.designs[id_].classes) if id_ in knowledge.designs
    }
    targets = [
        target
        for attack in knowledge.attacks.values()
        if attack.compiled
        for target in attack.targets
        if target.tee in aims
    ]
    return frozenset(
        condition.fact
        for target in targets
        for condition in (*target.when, *(each for together in target.unless for each in together))
    )


@cache
def sheet_of(tee: str) -> Sheet:
    """The table of one TEE; those of others are not read. Raises KnowledgeError."""
    for path in sorted(TEES.glob("**/facts.toml")):
        data = path.read_bytes()
        if f'\ntee = "{tee}"\n'.encode() in data:
            name, sheet = parse_sheet(data, f"{path.parent.name}/{path.name}")
            if name == tee:
                return sheet
    raise KnowledgeError(f"no facts.toml is about {tee[:64]!r}", where=str(TEES), source=SPEC)


def parse_sheet(data: bytes, name: str) -> tuple[str, Sheet]:
    """The TEE that a `facts.toml` is about, and what it says. Raises KnowledgeError."""
    document = loads(data, name=name, max_size=MAX_SIZE, error=KnowledgeError)
    top = Table(document, document.values, (), KnowledgeError)
    top.known("schema", "tee", "machine", "device_anchors", "design", "facts", "derived", "party")
    if top.values.get("schema") != SCHEMA:
        top.fail(f"the schema must be {SCHEMA!r}", "schema")
    knowledge = shipped()
    designs = []
    for row in top.rows("design"):
        row.known("id", "when")
        id_ = row.one(row.text("id"), knowledge.designs, "id", what="a design")
        designs.append((id_, conditions(row, "when")))
    if not designs:
        top.fail("evidence is of at least one [[design]]", "design")
    facts = top.at("facts")
    return top.id("tee"), Sheet(
        tuple(designs),
        top.texts("machine"),
        top.flag("device_anchors", default=False),
        tuple((fact, _read(facts, fact)) for fact in facts.values),
        tuple(map(_derived, top.rows("derived"))),
        tuple(_placed(row, knowledge) for row in top.rows("party")),
    )


def _read(facts: Table, fact: str) -> Read:
    if not isinstance(facts.values[fact], dict):
        return Read(facts.text(fact))
    table = facts.at(fact)
    table.known("claim", "bytes")
    ends = table.list("bytes")
    if len(ends) != 2 or not all(isinstance(each, int) and 0 <= each <= MAX_TEXT for each in ends):
        table.fail("bytes = [from, to]", "bytes")
    return Read(table.text("claim"), *ends)


def _derived(row: Table) -> Derived:
    row.known("fact", "is", "when")
    value = row.values.get("is")
    if not isinstance(value, bool | int | str):
        row.fail("a fact is text, an integer, true or false", "is")
    return Derived(row.text("fact"), value, conditions(row, "when"))


def _placed(row: Table, knowledge: Knowledge) -> Placed:
    row.known("role", "is", "name", "root", "when", "beside")
    role, beside = row.choice("role", _ROLES), row.flag("beside", default=False)
    if beside and role in _PLACES:
        row.fail(f"there is one {role} alone", "beside")
    if "name" in row.values:
        party = Party(row.id("is"), row.text("name"), "unnamed")
        if party.id in knowledge.parties:
            row.fail(f"{party.id!r} has a name already", "name")
    else:
        party = knowledge.parties[row.one(row.text("is"), knowledge.parties, "is", what="a party")]
    return Placed(role, party, row.text("root", ""), conditions(row, "when"), beside)


def _holder(number: int, name: str) -> Party:
    return Party(f"pinned-{number}", f"whoever holds the pinned key ({name[:100]})", "unnamed")


def _ids(parties: Sequence[Party]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(party.id for party in parties))
