# SPDX-License-Identifier: Apache-2.0
"""Monotone Horn rules with thresholds, and what follows from a set of events (docs/spec/trust.md, section 2).

A rule says: its head follows once at least k of its body hold. There is no negation, so more events never break less.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Kind(StrEnum):
    """What an event is. `EQUIPMENT` and `MACHINE` are means: they have a price, and anybody may buy them."""

    PARTY = "party"
    CAPABILITY = "capability"
    FLAW = "flaw"
    EXPOSURE = "exposure"
    CRYPTO = "crypto"
    LEAK = "leak"
    EQUIPMENT = "equipment"
    MACHINE = "machine"

    @property
    def means(self) -> bool:
        """Whether it can be bought."""
        return self in (Kind.EQUIPMENT, Kind.MACHINE)


class Source(NamedTuple):
    """Where something was said: words, an address if there is one, a date as precise as it is known."""

    text: str
    url: str = ""
    date: str = ""


class Event(NamedTuple):
    """The smallest thing that can go wrong. `cost` in USD; `groups` is what it belongs to: `vendor` to `intel`."""

    id: str
    kind: Kind
    name: str = ""
    cost: int = 0
    groups: Mapping[str, str] = MappingProxyType({})


class Rule(NamedTuple):
    """`head` follows when at least `k` of `body` hold. `id` names the rule, `says` is its sentence for people."""

    head: str
    body: tuple[str, ...]
    k: int
    id: str = ""
    says: str = ""
    sources: tuple[Source, ...] = ()


class Derivation(NamedTuple):
    """Why `atom` holds: it is an event (no rule), or a rule gave it, for the reasons in `because`."""

    atom: str
    rule: Rule | None
    because: tuple["Derivation", ...] = ()


class RuleBase:
    """A fixed set of rules, with the index that makes a closure linear in their size."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Rules with more to ask for than their body has can never fire, and are kept all the same."""
        self.rules: tuple[Rule, ...] = tuple(dict.fromkeys(rules))
        self.heads = frozenset(rule.head for rule in self.rules)
        self._waiting: dict[str, list[int]] = {}
        self._by_head: dict[str, list[Rule]] = {}
        for number, rule in enumerate(self.rules):
            for atom in dict.fromkeys(rule.body):
                self._waiting.setdefault(atom, []).append(number)

    def giving(self, head: str) -> tuple[Rule, ...]:
        """The rules for a head, in their order."""
        if not self._by_head:
            for rule in self.rules:
                self._by_head.setdefault(rule.head, []).append(rule)
        return tuple(self._by_head.get(head, ()))

    def closure(self, events: Iterable[str]) -> frozenset[str]:
        """All that follows from `events`, the events themselves included: the least fixpoint."""
        return frozenset(self._fire(events))

    def breaks(self, events: Iterable[str], goal: str) -> bool:
        """Whether `goal` follows from `events`."""
        return goal in self._fire(events)

    def derive(self, events: Iterable[str], goal: str) -> Derivation | None:
        """One derivation of `goal` from `events`; None if there is none. Sub-derivations are shared."""
        fired = self._fire(events)
        if goal not in fired:
            return None
        done: dict[str, Derivation] = {}
        for atom in _needed(fired, goal):  # in the order of firing, so that reasons come first
            reasons = fired[atom]
            if reasons is None:
                done[atom] = Derivation(atom, None)
            else:
                number, held = reasons
                done[atom] = Derivation(atom, self.rules[number], tuple(done[each] for each in held))
        return done[goal]

    def missing(self, events: Iterable[str], goal: str) -> tuple[tuple[Rule, tuple[str, ...]], ...]:
        """What `goal` would still have needed: each rule for it, with those of its body that do not hold."""
        held = self.closure(events)
        return tuple(
            (rule, tuple(atom for atom in rule.body if atom not in held))
            for rule in self.rules
            if rule.head == goal and goal not in held
        )

    def _fire(self, events: Iterable[str]) -> dict[str, tuple[int, Sequence[str]] | None]:
        """Each atom that holds, in the order found, with the rule and the part of its body that gave it.

        Each rule counts how much of its body is still wanted (Dowling and Gallier 1984).
        """
        fired: dict[str, tuple[int, Sequence[str]] | None] = dict.fromkeys(events)
        wanted = [rule.k for rule in self.rules]
        held: list[list[str]] = [[] for _ in self.rules]
        queue = list(fired)
        for number, rule in enumerate(self.rules):
            if rule.k <= 0 and rule.head not in fired:
                fired[rule.head] = (number, ())
                queue.append(rule.head)
        for atom in queue:  # grows while it is read
            for number in self._waiting.get(atom, ()):
                wanted[number] -= 1
                held[number].append(atom)
                if wanted[number] == 0 and (head := self.rules[number].head) not in fired:
                    fired[head] = (number, tuple(held[number]))
                    queue.append(head)
        return fired


def _needed(fired: Mapping[str, tuple[int, Sequence[str]] | None], goal: str) -> list[str]:
    wanted, stack = {goal}, [goal]
    while stack:
        reasons = fired[stack.pop()]
        for atom in reasons[1] if reasons else ():
            if atom not in wanted:
                wanted.add(atom)
                stack.append(atom)
    return [atom for atom in fired if atom in wanted]
