# SPDX-License-Identifier: Apache-2.0
"""Binary decision diagrams of monotone functions, and their minimal solutions.

Bryant 1986 for the diagrams; Rauzy, "New algorithms for fault trees analysis" (Reliability Engineering & System Safety
40, 1993) for the minimal solutions. Both kinds of diagram share one table of nodes: in a *function*, a variable that is
passed over may be either; in a *family* of sets (a zero-suppressed diagram), it is absent.

A node's children are older than the node, so whatever is computed bottom-up needs no recursion. What recurses goes no
deeper than there are variables, which `MAX_VARIABLES` keeps below Python's limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ttee.errors import TooLargeError

FALSE = EMPTY = 0
TRUE = UNIT = 1
"""The family of no set, and the family of the empty set, are the constants read as families."""
MAX_VARIABLES = 300
MAX_NODES = 200_000
_LAST = 1 << 30
_SHIFT = 32


class Diagrams:
    """One table of nodes. Raises TooLargeError beyond `max_nodes`."""

    def __init__(self, max_nodes: int = MAX_NODES) -> None:
        """About 300 bytes a node, memos included."""
        self.variable: list[int] = [_LAST, _LAST]
        self.low: list[int] = [0, 0]
        self.high: list[int] = [0, 0]
        self._max = max_nodes
        self._unique: dict[int, int] = {}
        self._and: dict[int, int] = {}
        self._or: dict[int, int] = {}
        self._minimal: dict[int, int] = {}
        self._without: dict[int, int] = {}

    def single(self, variable: int) -> int:
        """The function that is its variable."""
        return self._node(variable, FALSE, TRUE)

    def both(self, f: int, g: int) -> int:
        """f and g."""
        if g in (f, TRUE):
            return f
        if f == TRUE:
            return g
        if FALSE in (f, g):
            return FALSE
        if f > g:
            f, g = g, f
        key = f << _SHIFT | g
        found = self._and.get(key)
        if found is None:
            variable, f_low, f_high, g_low, g_high = self._split(f, g)
            low, high = self.both(f_low, g_low), self.both(f_high, g_high)
            found = self._and[key] = low if low == high else self._node(variable, low, high)
        return found

    def either(self, f: int, g: int) -> int:
        """f or g."""
        if g in (f, FALSE):
            return f
        if f == FALSE:
            return g
        if TRUE in (f, g):
            return TRUE
        if f > g:
            f, g = g, f
        key = f << _SHIFT | g
        found = self._or.get(key)
        if found is None:
            variable, f_low, f_high, g_low, g_high = self._split(f, g)
            low, high = self.either(f_low, g_low), self.either(f_high, g_high)
            found = self._or[key] = low if low == high else self._node(variable, low, high)
        return found

    def at_least(self, k: int, functions: Sequence[int]) -> int:
        """At least k of these functions, in O(n k) operations and no larger for it.

        `wanted[j]` is "at least j of those seen so far"; seen from the deepest variable upwards, so that each step only
        puts nodes on top.
        """
        if k == 1:
            result = FALSE
            for f in sorted(functions, key=self.variable.__getitem__, reverse=True):
                result = self._on_top(f, result)
            return result
        wanted = [TRUE, *[FALSE] * k]
        for f in sorted(functions, key=self.variable.__getitem__, reverse=True):
            for j in range(k, 0, -1):
                if wanted[j - 1] != FALSE:
                    wanted[j] = self.either(wanted[j], self.both(f, wanted[j - 1]))
        return wanted[k]

    def _on_top(self, f: int, g: int) -> int:
        """f or g, most often of an event and what is below it: then without recursion."""
        single = self.low[f] == FALSE and self.high[f] == TRUE and f > TRUE
        if single and g != TRUE and self.variable[f] < self.variable[g]:
            return self._node(self.variable[f], g, TRUE)
        return self.either(f, g)

    def minimal(self, f: int) -> int:
        """The family of the minimal sets that satisfy the monotone function f (Rauzy's minsol)."""
        if f <= TRUE:
            return f
        found = self._minimal.get(f)
        if found is None:
            low = self.low[f]
            without = self.minimal(low)
            found = self._minimal[f] = self._member(
                self.variable[f], without, self._unsatisfying(self.minimal(self.high[f]), low)
            )
        return found

    def _unsatisfying(self, family: int, f: int) -> int:
        """The sets of `family` that do not satisfy the monotone function f."""
        if f == TRUE or family == EMPTY:
            return EMPTY
        if f == FALSE or family == UNIT:
            return family
        key = family << _SHIFT | f
        found = self._without.get(key)
        if found is None:
            of_family, of_f = self.variable[family], self.variable[f]
            if of_f < of_family:
                found = self._unsatisfying(family, self.low[f])
            else:
                low_f, high_f = (self.low[f], self.high[f]) if of_f == of_family else (f, f)
                found = self._member(
                    of_family,
                    self._unsatisfying(self.low[family], low_f),
                    self._unsatisfying(self.high[family], high_f),
                )
            self._without[key] = found
        return found

    def below(self, root: int) -> list[int]:
        """The inner nodes of a diagram, children first."""
        seen, stack = {root}, [root]
        while stack:
            node = stack.pop()
            for child in (self.low[node], self.high[node]):
                if child > TRUE and child not in seen:
                    seen.add(child)
                    stack.append(child)
        return sorted(node for node in seen if node > TRUE)

    def sets(self, family: int) -> Iterator[tuple[int, ...]]:
        """Each set of a family, as its variables."""
        stack: list[tuple[int, tuple[int, ...]]] = [(family, ())]
        while stack:
            node, chosen = stack.pop()
            if node == UNIT:
                yield chosen
            elif node != EMPTY:
                stack.append((self.high[node], (*chosen, self.variable[node])))
                stack.append((self.low[node], chosen))

    def histograms(self, family: int, of: Mapping[int, Sequence[int]]) -> dict[int, Sequence[int]]:
        """For each node of a family, how many sets there are of each size; `of[v]` says the same of variable v."""
        sizes: dict[int, Sequence[int]] = {EMPTY: (), UNIT: (1,)}
        for node in self.below(family):
            sizes[node] = _sum(
                sizes[self.low[node]], _product(sizes[self.high[node]], of[self.variable[node]])
            )
        return sizes

    def cheapest(self, family: int, costs: Mapping[int, float]) -> tuple[float, tuple[int, ...]]:
        """The least total cost of a set, and the variables of one such set; infinity if there is none."""
        best: dict[int, float] = {EMPTY: float("inf"), UNIT: 0.0}
        for node in self.below(family):
            best[node] = min(best[self.low[node]], best[self.high[node]] + costs[self.variable[node]])
        if best[family] == float("inf"):
            return best[family], ()
        chosen, node = [], family
        while node > UNIT:
            if best[self.low[node]] <= best[node]:
                node = self.low[node]
            else:
                chosen.append(self.variable[node])
                node = self.high[node]
        return best[family], tuple(chosen)

    def _split(self, f: int, g: int) -> tuple[int, int, int, int, int]:
        of_f, of_g = self.variable[f], self.variable[g]
        if of_f == of_g:
            return of_f, self.low[f], self.high[f], self.low[g], self.high[g]
        if of_f < of_g:
            return of_f, self.low[f], self.high[f], g, g
        return of_g, f, f, self.low[g], self.high[g]

    def _member(self, variable: int, low: int, high: int) -> int:
        return low if high == EMPTY else self._node(variable, low, high)

    def _node(self, variable: int, low: int, high: int) -> int:
        key = (variable << _SHIFT | low) << _SHIFT | high
        found = self._unique.get(key)
        if found is None:
            found = len(self.variable)
            if found >= self._max:
                raise TooLargeError(
                    f"the decision diagram needs more than {self._max} nodes",
                    source="docs/spec/trust.md, section 7",
                )
            self.variable.append(variable)
            self.low.append(low)
            self.high.append(high)
            self._unique[key] = found
        return found


def _sum(a: Sequence[int], b: Sequence[int]) -> list[int]:
    if len(a) < len(b):
        a, b = b, a
    return [x + (b[i] if i < len(b) else 0) for i, x in enumerate(a)]


def _product(a: Sequence[int], b: Sequence[int]) -> list[int]:
    out = [0] * (len(a) + len(b) - 1) if a and b else []
    for i, x in enumerate(a):
        if x:
            for j, y in enumerate(b):
                out[i + j] += x * y
    return out
