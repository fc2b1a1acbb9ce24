# SPDX-License-Identifier: Apache-2.0
"""Cuts up to a size, for graphs with too little structure for decision diagrams.

Each atom keeps the minimal sets of events that give it, sets as the bits of an integer, and none larger than the bound.
A minimal set is made of minimal sets of no larger size, so nothing within the bound is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttee.errors import TooLargeError
from ttee.trust.calculus.graph import Gate, Graph


def search(whole: Graph, size: int, max_steps: int) -> tuple[frozenset[int], ...]:
    """The cuts of the goal with at most `size` events. Raises TooLargeError where that takes more than `max_steps`."""
    if whole.goal is None:
        return (frozenset(),) if whole.always else ()
    sets = _families(whole, size, _Steps(max_steps))[whole.goal]
    return tuple(_members(each) for each in sets)


class _Steps:
    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, number: int) -> None:
        self.left -= number
        if self.left < 0:
            raise TooLargeError(
                "the search for cuts takes too many steps", source="docs/spec/trust.md, section 7"
            )


def _families(whole: Graph, size: int, steps: _Steps) -> dict[int, list[int]]:
    families: dict[int, list[int]] = {}
    for component in whole.components:
        if len(component) == 1 and whole.names[component[0]] is not None:
            families[component[0]] = [1 << component[0]]
            continue
        for node in component:
            families[node] = []
        inside = set(component)
        above: dict[int, list[int]] = {node: [] for node in component}
        for node in component:
            for _k, body in whole.gates[node]:
                for child in body:
                    if child in inside:
                        above[child].append(node)
        queue = list(component)
        waiting = set(queue)
        for node in queue:  # grows while it is read
            waiting.discard(node)
            sets = _minimal(
                (each for gate in whole.gates[node] for each in _of_gate(gate, families, size, steps)), steps
            )
            if sets != families[node]:
                families[node] = sets
                for other in above[node]:
                    if other not in waiting:
                        waiting.add(other)
                        queue.append(other)
    return families


def _of_gate(gate: Gate, families: dict[int, list[int]], size: int, steps: _Steps) -> list[int]:
    k, body = gate
    if k == 1:
        return [each for child in body for each in families[child]]
    # the smallest families first: what cannot be combined is found out early
    parts = sorted((families[child] for child in body), key=len)
    wanted: list[list[int]] = [[0], *[[] for _ in range(k)]]
    for seen, part in enumerate(parts):
        if not part:
            continue
        for j in range(min(k, seen + 1), max(0, k - (len(parts) - seen)), -1):
            if wanted[j - 1]:
                steps.take(len(part) * len(wanted[j - 1]))
                made = {a | b for a in wanted[j - 1] for b in part}
                wanted[j] = _minimal([*wanted[j], *(m for m in made if m.bit_count() <= size)], steps)
    return wanted[k]


def _minimal(sets: Iterable[int], steps: _Steps) -> list[int]:
    """Those sets of which no other is a part, in a fixed order."""
    by_size: dict[int, set[int]] = {}
    for each in sets:
        by_size.setdefault(each.bit_count(), set()).add(each)
    kept: list[int] = []
    for size in sorted(by_size):
        if not kept:
            kept = sorted(by_size[size])
            continue
        steps.take(len(kept) * len(by_size[size]) >> 3)
        kept += sorted(each for each in by_size[size] if not _has_part(each, kept))
    return kept


def _has_part(whole: int, parts: Sequence[int]) -> bool:
    return any(part & whole == part for part in parts)


def _members(bits: int) -> frozenset[int]:
    out = []
    while bits:
        lowest = bits & -bits
        out.append(lowest.bit_length() - 1)
        bits ^= lowest
    return frozenset(out)
