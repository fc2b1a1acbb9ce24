# SPDX-License-Identifier: Apache-2.0
"""From a deployment and what is known to rules (docs/spec/trust.md, section 5): each part, each property."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ttee.errors import QuestionError, TooLargeError
from ttee.trust.calculus.rules import Event, RuleBase
from ttee.trust.deployment.tree import Deployment, Tee
from ttee.trust.knowledge.nearest import nearest
from ttee.trust.knowledge.terms import FIXES, Design, Knowledge, Property
from ttee.trust.model.book import Book
from ttee.trust.model.leaf import Assumed, Leaf, machine_rules

if TYPE_CHECKING:
    from ttee.trust.deployment.parts import Part

MAX_INSTANCES = 1000


class Model(NamedTuple):
    """The rules of one deployment at one day, and the events that they rest on."""

    knowledge: Knowledge
    deployment: Deployment
    at: date
    base: RuleBase
    events: Mapping[str, Event]
    leaves: Mapping[str, Tee] = MappingProxyType({})
    """Each TEE under the name that its atoms have."""
    parts: tuple[str, ...] = ()
    """Every part that there are atoms of."""

    def goal(self, property_: str, part: str | None = None) -> str:
        """The atom that a property of a part is broken, for those who rely on it. Raises QuestionError."""
        part = self.deployment.root if part is None else part
        if part not in self.deployment.parts:
            raise QuestionError(
                f"{part[:64]!r} is no part", hint=nearest(part, self.deployment.parts) or None
            )
        return f"{part}.{property_named(property_)}"

    def device(self, effect: str, part: str | None = None) -> str:
        """The atom that a TEE itself is broken, whoever relies on it. Raises QuestionError."""
        part = self.deployment.root if part is None else part
        if part not in self.leaves:
            raise QuestionError(f"{part[:64]!r} is no TEE", hint=nearest(part, self.leaves) or None)
        return f"device.{property_named(effect)}({part})"

    def means(self, budget: float | None = None) -> tuple[str, ...]:
        """The events that money buys: all, or those at a price within the budget."""
        return tuple(
            id_
            for id_, event in self.events.items()
            if event.kind.means and (budget is None or event.cost <= budget)
        )


def property_named(name: str) -> Property:
    """The property of that name. Raises QuestionError."""
    if name not in list(Property):
        raise QuestionError(
            f"{name[:64]!r} is not a property",
            hint=nearest(name, list(Property)) or ", ".join(Property),
        )
    return Property(name)


def build(
    deployment: Deployment, knowledge: Knowledge, *, at: str | None = None, fixed: Iterable[str] = ()
) -> Model:
    """The rules of a deployment. `at`: the day, else the deployment's, else the latest known; `fixed`: kinds of fix
    that are taken to be applied and checked, besides what facts say. Raises QuestionError."""
    fixed = frozenset(fixed)
    for kind in fixed:
        if kind not in FIXES:
            raise QuestionError(
                f"{kind[:64]!r} is no kind of fix", hint=nearest(kind, FIXES) or ", ".join(FIXES)
            )
    day = knowledge.moment(at or deployment.at)
    builder = _builder(deployment)(deployment, knowledge, Book(knowledge, deployment.parties), day, fixed)
    builder.part(deployment.root, Assumed())
    operators: dict[str, list[str]] = {}
    for tee in builder.leaves.values():
        known = operators.setdefault(tee.machine, [])
        if tee.operator is not None and tee.operator not in known:
            known.append(tee.operator)
    for machine, whose in operators.items():
        machine_rules(builder.book, machine, whose)
    book = builder.book
    return Model(
        knowledge,
        deployment,
        day,
        RuleBase(book.rules),
        dict(book.events),
        dict(builder.leaves),
        tuple(builder.done.values()),
    )


def _builder(deployment: Deployment) -> "type[Builder]":
    if isinstance(deployment.parts[deployment.root], Tee):
        return Builder
    from ttee.trust.model.combine import Combiner  # noqa: PLC0415 (only where there is something to combine)

    return Combiner


def alone(
    design: str, knowledge: Knowledge, facts: Mapping[str, bool | int | str] | None = None
) -> Deployment:
    """The deployment that is one TEE, whose machine and operator nobody named. Raises QuestionError."""
    if design not in knowledge.designs:
        raise QuestionError(
            f"{design[:64]!r} is not a TEE",
            hint=nearest(design, knowledge.designs)
            or "`ttee trust compare --all` lists those that are known",
        )
    return Deployment(design, "tee", {"tee": Tee(design, "machine", facts=facts or {})}, knowledge.parties)


class Builder:
    """Collects the rules of a TEE; `combine.Combiner`, those of everything else."""

    def __init__(
        self, deployment: Deployment, knowledge: Knowledge, book: Book, at: date, fixed: frozenset[str]
    ) -> None:
        """`fixed`: kinds of fix that are taken to be applied and checked."""
        self.deployment, self.knowledge, self.book = deployment, knowledge, book
        self.at, self.fixed = at, fixed
        self.leaves: dict[str, Tee] = {}
        self.done: dict[tuple[str, Assumed], str] = {}
        self.used: dict[str, int] = {}

    def part(self, name: str, assumed: Assumed) -> str:
        """Adds the rules of a part where that is assumed, once; its atoms are under the name that comes back."""
        known = self.done.get((name, assumed))
        if known is not None:
            return known
        if len(self.done) >= MAX_INSTANCES:
            raise TooLargeError(
                f"the deployment has more than {MAX_INSTANCES} parts, counted once for each place",
                source="docs/spec/trust.md, section 4",
            )
        number = self.used[name] = self.used.get(name, 0) + 1
        alias = name if number == 1 else f"{name}~{number}"
        self.done[name, assumed] = alias
        part = self.deployment.parts[name]
        self.compile(alias, part, assumed)
        for reason, says in (
            ("exposed", "what is inside can be read"),
            ("handed", "the secret is handed to whoever shows forged evidence"),
            ("spilled", "other code gives it away"),
        ):
            self.rule(alias, Property.CONFIDENTIALITY, says, f"{alias}.{reason}")
        return alias

    def compile(self, alias: str, part: "Part", assumed: Assumed) -> None:
        """Adds the rules of this part."""
        if isinstance(part, Tee):
            self.leaves[alias] = part
            design = self.knowledge.designs[part.design]
            roles = {**design.roles, **part.roles}
            peers = self.peers(part.design)
            Leaf(self.book, alias, part, design, assumed, self.at, self.fixed, roles, peers).compile()

    def peers(self, design: str) -> Mapping[str, tuple[str | None, ...]]:  # noqa: ARG002 (a TEE alone has none)
        """The machines of a design that there are, if more than one, and who runs each."""
        return {}

    def rule(self, alias: str, property_: str, says: str, *body: str) -> None:
        """Adds a rule for a property of a part."""
        self.book.rule(f"{alias}.{property_}", says, *body, id_="part")


def designs_of(model: Model) -> tuple[Design, ...]:
    """The designs that a model speaks of, each once."""
    return tuple(
        model.knowledge.designs[name] for name in dict.fromkeys(tee.design for tee in model.leaves.values())
    )
