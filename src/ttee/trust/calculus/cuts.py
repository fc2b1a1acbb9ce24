# SPDX-License-Identifier: Apache-2.0
"""The family of all cuts of one goal: counted, sorted by size, priced and sampled without listing it.

Each module of the graph is solved by decision diagrams over its own events and modules; families multiply where a
module stands for a variable. Where that needs too much memory, the cuts up to a size are searched, and `bound` says so.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple

from ttee.errors import TooLargeError
from ttee.trust.calculus.bdd import FALSE, MAX_VARIABLES, UNIT, Diagrams
from ttee.trust.calculus.graph import Graph, graph, modules
from ttee.trust.calculus.rules import RuleBase
from ttee.trust.calculus.search import search

SMALL_CYCLE = 4
"""Atoms in one cycle, beyond which a graph counts as tangled: its diagrams grow large, plain search may be quicker."""
LARGE_CYCLE = 12
"""Beyond which decision diagrams are not even tried."""
MAX_DEPTH = 150
"""Modules within modules: whoever reads the cuts recurses through them."""
SOURCE = "docs/spec/trust.md, section 7"
FEW_STEPS = 20_000
"""What a tangled graph is given to be searched through, all sizes."""


class Limits(NamedTuple):
    """How much work the cuts of one goal may be: nodes of diagrams, steps of the search, and its bound on sizes."""

    bound: int = 3
    max_nodes: int = 60_000
    max_steps: int = 400_000


DEFAULT = Limits()


class Cuts(ABC):
    """The minimal sets of events that give a goal."""

    bound: int | None = None
    """None: all are there. A number: those of up to so many events; larger ones may exist."""

    @abstractmethod
    def histogram(self) -> dict[int, int]:
        """How many cuts there are of each size, smallest first. A histogram of nothing: no set gives the goal."""

    @abstractmethod
    def cheapest(self, cost: Callable[[str], float]) -> tuple[float, frozenset[str]] | None:
        """The least total cost of a cut, and one that has it; events at infinity cannot be had. None: no cut."""

    @abstractmethod
    def smallest_first(self) -> Iterator[frozenset[str]]:
        """Each cut, the smallest first, one after the other: take as many as you can use."""

    @property
    def count(self) -> int:
        """How many cuts there are."""
        return sum(self.histogram().values())

    def listed(self, limit: int) -> tuple[frozenset[str], ...]:
        """At most `limit` cuts, the smallest."""
        return tuple(cut for cut, _ in zip(self.smallest_first(), range(limit), strict=False))


class Module(NamedTuple):
    """A part of the graph on its own: the family `family` over `variables`, each an event or an earlier module."""

    variables: tuple[str | int, ...]
    family: int
    sizes: Mapping[int, Sequence[int]]
    """For each node of the family's diagram, how many sets there are of each size, in events."""


class FactoredCuts(Cuts):
    """All cuts, as families of families. The last of `modules` is the goal's."""

    def __init__(self, diagrams: Diagrams, parts: Sequence[Module]) -> None:
        """Modules come after those that they are made of."""
        self.diagrams = diagrams
        self.modules = tuple(parts)

    def histogram(self) -> dict[int, int]:
        """From the goal's module, where the others are multiplied in."""
        top = self.modules[-1]
        return {size: number for size, number in enumerate(top.sizes[top.family]) if number}

    def cheapest(self, cost: Callable[[str], float]) -> tuple[float, frozenset[str]] | None:
        """Module by module: they share no event, so that the cheapest of each is part of the cheapest of all."""
        best: list[tuple[float, frozenset[str]]] = []
        for module in self.modules:
            prices = [cost(v) if isinstance(v, str) else best[v][0] for v in module.variables]
            total, chosen = self.diagrams.cheapest(module.family, dict(enumerate(prices)))
            events: set[str] = set()
            for index in chosen:
                variable = module.variables[index]
                events |= {variable} if isinstance(variable, str) else best[variable][1]
            best.append((total, frozenset(events)))
        return best[-1] if best[-1][0] < inf else None

    def smallest_first(self) -> Iterator[frozenset[str]]:
        """Walks only where sets of the wanted size are."""
        for size in self.histogram():
            yield from self._sets(len(self.modules) - 1, size)

    def _sets(self, number: int, size: int) -> Iterator[frozenset[str]]:
        module = self.modules[number]
        stack: list[tuple[int, int, tuple[tuple[str | int, int], ...]]] = [(module.family, size, ())]
        while stack:
            node, left, chosen = stack.pop()
            if node == UNIT:
                if left == 0:
                    yield from self._expanded(chosen)
                continue
            if not _has(module.sizes.get(node, ()), left):
                continue
            variable = module.variables[self.diagrams.variable[node]]
            takes = [1] if isinstance(variable, str) else _present(self._histogram_of(variable))
            high = self.diagrams.high[node]
            stack.extend(
                (high, left - take, (*chosen, (variable, take)))
                for take in reversed(takes)
                if _has(module.sizes[high], left - take)
            )
            stack.append((self.diagrams.low[node], left, chosen))

    def _expanded(self, chosen: Sequence[tuple[str | int, int]]) -> Iterator[frozenset[str]]:
        events = frozenset(variable for variable, _ in chosen if isinstance(variable, str))
        below = [(variable, take) for variable, take in chosen if isinstance(variable, int)]
        if not below:
            yield events
            return
        (first, take), rest = below[0], below[1:]
        for part in self._sets(first, take):
            for others in self._expanded(rest):
                yield events | part | others

    def _histogram_of(self, number: int) -> Sequence[int]:
        module = self.modules[number]
        return module.sizes[module.family]


class ListedCuts(Cuts):
    """Cuts as a list, of which `bound` may say that it ends at a size."""

    def __init__(self, cuts: Iterable[frozenset[str]], bound: int | None) -> None:
        """Sorted by size, then by name, so that the same question has the same answer."""
        self.bound = bound
        self._cuts = tuple(sorted(cuts, key=lambda cut: (len(cut), sorted(cut))))

    def histogram(self) -> dict[int, int]:
        """By counting."""
        out: dict[int, int] = {}
        for cut in self._cuts:
            out[len(cut)] = out.get(len(cut), 0) + 1
        return out

    def cheapest(self, cost: Callable[[str], float]) -> tuple[float, frozenset[str]] | None:
        """By looking at each."""
        priced = [(sum(map(cost, cut)), cut) for cut in self._cuts]
        best = min(priced, key=lambda pair: pair[0], default=None)
        return best if best is not None and best[0] < inf else None

    def smallest_first(self) -> Iterator[frozenset[str]]:
        """As they stand."""
        return iter(self._cuts)


def cuts_of(
    base: RuleBase,
    events: Collection[str],
    goal: str,
    *,
    given: Iterable[str] = (),
    limits: Limits = DEFAULT,
) -> Cuts:
    """The cuts of `goal` within `events`, those in `given` taken to have happened. All of them; or, where the graph has
    too little structure, those of at most `limits.bound` events, and the answer says so. Raises TooLargeError if even
    the single events are too many."""
    whole = graph(base, events, goal, given)
    if whole.goal is None:
        return ListedCuts([frozenset()] if whole.always else [], None)
    cycle = whole.largest_cycle
    if cycle > SMALL_CYCLE:
        try:
            return _listed(whole, len(whole.names), min(FEW_STEPS, limits.max_steps), None)
        except TooLargeError:
            pass
    if cycle <= LARGE_CYCLE:
        try:
            return _factored(whole, limits.max_nodes if cycle <= SMALL_CYCLE else limits.max_nodes // 4)
        except TooLargeError:
            pass
    for size in range(limits.bound, 1, -1):
        try:
            return _listed(whole, size, limits.max_steps, size)
        except TooLargeError:
            pass
    return _listed(whole, 1, limits.max_steps, 1)


def _listed(whole: Graph, size: int, max_steps: int, bound: int | None) -> ListedCuts:
    names = whole.names
    found = search(whole, size, max_steps)
    return ListedCuts((frozenset(str(names[event]) for event in cut) for cut in found), bound)


def _factored(whole: Graph, max_nodes: int) -> FactoredCuts:
    diagrams = Diagrams(max_nodes)
    heads = modules(whole)
    number = {node: index for index, node in enumerate(heads)}
    solved: list[Module] = []
    depth: list[int] = []
    for node in heads:
        variables, function = _function(whole, node, number, diagrams)
        family = diagrams.minimal(function)
        names = tuple(number[each] if (name := whole.names[each]) is None else name for each in variables)
        depth.append(1 + max((depth[name] for name in names if isinstance(name, int)), default=0))
        if depth[-1] > MAX_DEPTH:
            raise TooLargeError(f"modules within modules, more than {MAX_DEPTH} deep", source=SOURCE)
        of = {
            index: (0, 1) if isinstance(name, str) else _sizes(solved[name])
            for index, name in enumerate(names)
        }
        solved.append(Module(names, family, diagrams.histograms(family, of)))
    return FactoredCuts(diagrams, solved)


def _function(
    whole: Graph, root: int, number: Mapping[int, int], diagrams: Diagrams
) -> tuple[list[int], int]:
    """The function of a module over its variables, in the order in which a walk from its root meets them.

    Components come children first, so one pass suffices where there is no cycle; in one, Kleene's iteration from false.
    """
    inner, variables = _inside(whole, root, number)
    if len(variables) > MAX_VARIABLES:
        raise TooLargeError(
            f"a module of {len(variables)} events, and diagrams are made for {MAX_VARIABLES}",
            source=SOURCE,
        )
    value = {node: diagrams.single(index) for index, node in enumerate(variables)}
    for component in whole.components:
        if component[0] not in inner:
            continue
        above = _above(whole, component)
        stale = set(component)
        while stale:
            for node in component:
                if node not in stale:
                    continue
                stale.discard(node)
                old = value.get(node, FALSE)
                new = diagrams.at_least(1, [old, *_gates(whole, node, value, diagrams)])
                if new != old:
                    value[node] = new
                    stale |= above[node]
    return variables, value.get(root, FALSE)


def _gates(whole: Graph, node: int, value: Mapping[int, int], diagrams: Diagrams) -> Iterator[int]:
    for k, body in whole.gates[node]:
        functions = [value.get(child, FALSE) for child in body]
        yield functions[0] if len(functions) == 1 else diagrams.at_least(k, functions)


def _inside(whole: Graph, root: int, number: Mapping[int, int]) -> tuple[set[int], list[int]]:
    """The atoms of a module, and its variables: the events and further modules that they lead to.

    Variables are in the order of a walk that goes first where fewest events are: it keeps together what belongs
    together, and halves the diagrams of our deployments against the order of the rules.
    """
    inner: set[int] = set()
    variables: list[int] = []
    met: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node in met:
            continue
        met.add(node)
        if whole.names[node] is not None or (node != root and node in number):
            variables.append(node)
            continue
        inner.add(node)
        children = dict.fromkeys(child for _k, body in whole.gates[node] for child in body)
        stack += sorted(children, key=whole.weights.__getitem__)[::-1]
    return inner, variables


def _above(whole: Graph, component: Sequence[int]) -> dict[int, set[int]]:
    """For each atom of a component, those in it that depend on it."""
    above: dict[int, set[int]] = {node: set() for node in component}
    if len(component) > 1:
        for node in component:
            for _k, body in whole.gates[node]:
                for child in body:
                    if child in above:
                        above[child].add(node)
    return above


def _sizes(module: Module) -> Sequence[int]:
    return module.sizes[module.family]


def _has(sizes: Sequence[int], size: int) -> bool:
    return 0 <= size < len(sizes) and sizes[size] > 0


def _present(sizes: Sequence[int]) -> list[int]:
    return [size for size, number in enumerate(sizes) if number]
