# SPDX-License-Identifier: Apache-2.0
"""The part of a rule base that matters to one goal, made small, and split into modules.

- What no set of events can derive is dropped; so is what the goal does not need; what holds anyway is true.
- An atom that is only another name for one atom is that atom.
- *Twins*, events that each alone give exactly the same atoms, become one atom that any of them gives.
- A *module* shares no event with the rest of the graph, so that it can be solved alone (Dutuit and Rauzy, "A
  linear-time algorithm to find modules of fault trees", IEEE Transactions on Reliability 45, 1996; here over strongly
  connected components, since our graphs have cycles).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ttee.trust.calculus.rules import RuleBase

Gate = tuple[int, tuple[int, ...]]
"""At least so many of these nodes."""
Way = tuple[int, tuple[str, ...]]
"""At least so many of these atoms."""


class Graph(NamedTuple):
    """Nodes are numbers; those with a name are events, and have no gates. `goal` is None if nothing derives it, and
    `always` says that it holds whatever happens."""

    goal: int | None
    always: bool
    names: tuple[str | None, ...]
    gates: tuple[tuple[Gate, ...], ...]
    components: tuple[tuple[int, ...], ...]
    """Strongly connected components of what the goal needs, children first."""
    weights: Mapping[int, int] = MappingProxyType({})
    """How many events there are below each node."""

    @property
    def largest_cycle(self) -> int:
        """Atoms in the largest component."""
        return max((len(component) for component in self.components), default=0)


def graph(base: RuleBase, events: Collection[str], goal: str, given: Iterable[str] = ()) -> Graph:
    """The graph of `goal` over `events`; those in `given` are taken to have happened."""
    true = base.closure(given)
    if goal in true:
        return Graph(None, True, (), (), ())
    possible = base.closure((*events, *true))
    if goal not in possible:
        return Graph(None, False, (), (), ())
    names = [event for event in dict.fromkeys(events) if event not in true]
    events_end = len(names)
    root, gates = _Needed(base, names, possible, true).of(goal)
    root = _apart(gates, root, events_end)
    root = _without_aliases(gates, root, events_end)
    _join_twins(gates, root, events_end)
    root = _without_aliases(gates, root, events_end)
    components = _components(gates, root)
    return Graph(
        root,
        False,
        (*names, *[None] * (len(gates) - events_end)),
        tuple(map(tuple, gates)),
        components,
        _weights(gates, components),
    )


class _Needed:
    """What a goal needs, walked from the goal: other names are passed over, so that most atoms are never numbered."""

    def __init__(
        self, base: RuleBase, events: Sequence[str], possible: frozenset[str], true: frozenset[str]
    ) -> None:
        self.base, self.possible, self.true = base, possible, true
        self.events = frozenset(events)
        self.number = {event: index for index, event in enumerate(events)}
        self.gates: list[list[Gate]] = [[] for _ in events]
        self.known: dict[str, tuple[Way, ...]] = {}

    def of(self, goal: str) -> tuple[int, list[list[Gate]]]:
        """The goal's number, and the gates of every number: those of events first."""
        queue = [self.meant(goal)]
        self.add(queue[0])
        met = set(queue)
        for atom in queue:  # grows while it is read
            node = self.number[atom]
            gates: dict[Gate, None] = {}
            for k, body in self.ways(atom):
                members = []
                for each in map(self.meant, body):
                    if each not in met:
                        met.add(each)
                        queue.append(each)
                        self.add(each)
                    if (member := self.number[each]) != node:
                        members.append(member)
                if k <= len(members):  # what stands for two of its members counts twice, as they did
                    gates[k, tuple(members)] = None
            self.gates[node] = list(gates)
        return self.number[queue[0]], self.gates

    def add(self, atom: str) -> None:
        if atom not in self.number:
            self.number[atom] = len(self.gates)
            self.gates.append([])

    def meant(self, atom: str) -> str:
        """The atom that this one is only another name for. Such chains end, since every atom is derivable."""
        while atom not in self.events:
            ways = self.ways(atom)
            if len(ways) != 1 or len(ways[0][1]) != 1:
                break
            atom = ways[0][1][0]
        return atom

    def ways(self, atom: str) -> tuple[Way, ...]:
        """How many of which others give an atom, leaving out what holds anyway and what never can."""
        ways = self.known.get(atom)
        if ways is None:
            found: dict[Way, None] = {}
            for rule in self.base.giving(atom):
                body = dict.fromkeys(rule.body)
                k = rule.k - sum(each in self.true for each in body) if self.true else rule.k
                members = tuple(
                    each for each in body if each != atom and each in self.possible and each not in self.true
                )
                if k == 1:
                    found.update(dict.fromkeys((1, (each,)) for each in members))
                elif k <= len(members):
                    found[k, members] = None
            ways = self.known[atom] = tuple(found)
        return ways


def modules(whole: Graph) -> list[int]:
    """The nodes that are modules, children first; the goal is the last."""
    of = {node: index for index, members in enumerate(whole.components) for node in members}
    children = [
        list(
            dict.fromkeys(
                of[child]
                for node in members
                for _k, body in whole.gates[node]
                for child in body
                if of[child] != index
            )
        )
        for index, members in enumerate(whole.components)
    ]
    root = len(whole.components) - 1
    first, second, last = _dates(children, root)
    earliest, latest = [0] * len(children), [0] * len(children)
    found = []
    for index, below in enumerate(children):  # children first
        earliest[index] = min((min(first[child], earliest[child]) for child in below), default=first[index])
        latest[index] = max((max(last[child], latest[child]) for child in below), default=last[index])
        apart = bool(below) and earliest[index] > first[index] and latest[index] < second[index]
        if index == root or (apart and len(whole.components[index]) == 1):
            members = whole.components[index]
            found.append(whole.goal if index == root and whole.goal is not None else members[0])
    return found


def _dates(children: Sequence[Sequence[int]], root: int) -> tuple[list[int], list[int], list[int]]:
    """When each node was first met, first left, and last met on a walk from the root."""
    first, second, last = [0] * len(children), [0] * len(children), [0] * len(children)
    clock = 1
    first[root] = last[root] = clock
    stack = [(root, iter(children[root]))]
    while stack:
        node, rest = stack[-1]
        child = next(rest, None)
        clock += 1
        if child is None:
            second[node] = last[node] = clock
            stack.pop()
        elif first[child]:
            last[child] = clock
        else:
            first[child] = last[child] = clock
            stack.append((child, iter(children[child])))
    return first, second, last


def _apart(gates: list[list[Gate]], goal: int, events_end: int) -> int:
    """Events have no gates: one that also follows from others becomes an atom that the event gives."""
    if not any(gates[:events_end]):
        return goal
    means = list(range(len(gates)))
    for event in range(events_end):
        if gates[event]:
            means[event] = len(gates)
            gates.append([(1, (event,)), *gates[event]])
            gates[event] = []
    if len(gates) > len(means):
        for node in range(events_end, len(gates)):
            own = (1, (means.index(node),)) if node >= len(means) else None
            gates[node] = [
                gate if gate == own else (gate[0], tuple(means[child] for child in gate[1]))
                for gate in gates[node]
            ]
    return means[goal]


def _without_aliases(gates: list[list[Gate]], goal: int, events_end: int) -> int:
    """Put in each atom's place what it is only another name for. Such chains end, since every atom is derivable."""
    means = {
        node: gates[node][0][1][0]
        for node in range(events_end, len(gates))
        if len(gates[node]) == 1 and len(gates[node][0][1]) == 1
    }
    if not means:
        return goal
    for node in means:
        path, end = [], node
        while end in means:
            path.append(end)
            end = means[end]
        for each in path[:-1]:
            means[each] = end
    for node, given in enumerate(gates):
        if any(member in means for _k, body in given for member in body):
            renamed: dict[Gate, None] = {}
            for k, body in given:
                members = tuple(end for member in body if (end := means.get(member, member)) != node)
                if k <= len(members):  # what stands for two of its members counts twice, as they did
                    renamed[k, members] = None
            gates[node] = list(renamed)
    return means.get(goal, goal)


def _join_twins(gates: list[list[Gate]], goal: int, events_end: int) -> None:
    heads: dict[int, list[int]] = {}
    alone = [True] * events_end
    for node, each in enumerate(gates):
        for k, body in each:
            for member in body:
                if member < events_end:
                    alone[member] = alone[member] and k == 1
                    heads.setdefault(member, []).append(node)
    groups: dict[frozenset[int], list[int]] = {}
    for event, above in heads.items():
        if alone[event] and event != goal:
            groups.setdefault(frozenset(above), []).append(event)
    for joint, twins in groups.items():
        if len(twins) < 2:
            continue
        gone, joined = set(twins), len(gates)
        gates.append([(1, (event,)) for event in twins])
        for node in joint:
            rest = [gate for gate in gates[node] if not (gate[0] == 1 and gate[1][0] in gone)]
            gates[node] = [(1, (joined,)), *rest]


def _components(gates: Sequence[Sequence[Gate]], root: int) -> tuple[tuple[int, ...], ...]:
    """Tarjan's strongly connected components of what `root` needs, children first; without recursion."""
    index: dict[int, int] = {root: 0}
    low = {root: 0}
    open_, on_stack = [root], {root}
    found = []
    stack = [(root, iter([child for _k, body in gates[root] for child in body]))]
    while stack:
        node, rest = stack[-1]
        child = next(rest, None)
        if child is None:
            stack.pop()
            if stack:
                parent = stack[-1][0]
                low[parent] = min(low[parent], low[node])
            if low[node] == index[node]:
                members = []
                while True:
                    member = open_.pop()
                    on_stack.discard(member)
                    members.append(member)
                    if member == node:
                        break
                found.append(tuple(members))  # the deepest first
        elif child not in index:
            index[child] = low[child] = len(index)
            open_.append(child)
            on_stack.add(child)
            stack.append((child, iter([each for _k, body in gates[child] for each in body])))
        elif child in on_stack:
            low[node] = min(low[node], index[child])
    return tuple(found)


def _weights(gates: Sequence[Sequence[Gate]], components: Sequence[Sequence[int]]) -> dict[int, int]:
    below: dict[int, int] = {}  # events as the bits of an integer
    for component in components:
        events = 0
        for node in component:
            if not gates[node]:
                events |= 1 << node
            for _k, body in gates[node]:
                for child in body:
                    events |= below.get(child, 0)
        for node in component:
            below[node] = events
    return {node: events.bit_count() for node, events in below.items()}
