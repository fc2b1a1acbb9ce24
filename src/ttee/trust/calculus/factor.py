# SPDX-License-Identifier: Apache-2.0
"""A family of cuts in few words: "any 7 of these 13, each by any of its 5", without listing what it stands for.

Modules are factors already. Within one, events that can take each other's place become one ("any of"), so do those that
always come together ("all of"), until nothing changes; then what is a threshold is said as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import comb

from attrs import frozen

from ttee.trust.calculus.cuts import Cuts, FactoredCuts, Module

MAX_SETS = 400
"""Sets of one module that are looked at; of larger ones only a threshold is recognised."""


@frozen(slots=True)
class Only:
    """One event."""

    event: str


@frozen(slots=True)
class AtLeast:
    """At least k of these: any of them, all of them, or a threshold."""

    k: int
    of: tuple[Form, ...]


@frozen(slots=True)
class Many:
    """So many combinations without a short form."""

    count: int


Form = Only | AtLeast | Many


def factored(cuts: Cuts) -> Form:
    """The family in factored form. `AtLeast(1, ())`: there is no cut."""
    if isinstance(cuts, FactoredCuts):
        forms: list[Form] = []
        for module in cuts.modules:
            forms.append(_of_module(cuts, module, forms))
        return forms[-1]
    found = cuts.listed(MAX_SETS + 1)
    if len(found) > MAX_SETS:
        return Many(cuts.count)
    names = sorted({event for cut in found for event in cut})
    number = {event: index for index, event in enumerate(names)}
    return _form([frozenset(number[event] for event in cut) for cut in found], [Only(name) for name in names])


def combinations(form: Form) -> int:
    """How many cuts a form stands for."""
    match form:
        case Only():
            return 1
        case Many(count):
            return count
        case AtLeast(k, of):
            ways = [1, *[0] * k]
            for each in map(combinations, of):
                for j in range(k, 0, -1):
                    ways[j] += ways[j - 1] * each
            return ways[k]


def sentence(form: Form, say: Callable[[str], str] = str, *, most: int = 6) -> str:
    """The form in words; of longer lists the first `most`."""
    match form:
        case Only(event):
            return say(event)
        case Many(count):
            return f"{_number(count)} combinations"
        case AtLeast(_, ()):
            return "nothing"
        case AtLeast(1, of):
            return f"any of {_listed(of, say, most)}" if len(of) > 1 else sentence(of[0], say, most=most)
        case AtLeast(k, of) if k == len(of):
            return " and ".join(_grouped(each, say, most) for each in of)
        case AtLeast(k, of):
            alike = {(each.k, len(each.of)) if isinstance(each, AtLeast) else None for each in of}
            each = ""
            if len(alike) == 1 and (shape := alike.pop()) is not None:
                each = f", each by {'any' if shape[0] == 1 else f'{shape[0]}'} of its {shape[1]}"
            return f"any {k} of these {len(of)}{each}: {_listed(of, say, most)}"


def _listed(of: Sequence[Form], say: Callable[[str], str], most: int) -> str:
    said = [_grouped(each, say, most) for each in of[:most]]
    if len(of) > most:
        said.append(f"{_number(len(of) - most)} more")
    return ", ".join(said)


def _grouped(form: Form, say: Callable[[str], str], most: int) -> str:
    return sentence(form, say, most=most) if isinstance(form, Only) else f"({sentence(form, say, most=most)})"


def _number(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _of_module(cuts: FactoredCuts, module: Module, forms: Sequence[Form]) -> Form:
    of: list[Form] = [Only(v) if isinstance(v, str) else forms[v] for v in module.variables]
    diagrams = cuts.diagrams
    alone = diagrams.histograms(module.family, dict.fromkeys(range(len(of)), (0, 1)))[module.family]
    sizes = [size for size, number in enumerate(alone) if number]
    if len(sizes) == 1 and alone[sizes[0]] == comb(len(of), sizes[0]):
        return _at_least(sizes[0], of)
    if sum(alone) > MAX_SETS:
        return Many(combinations_of(module))
    return _form([frozenset(each) for each in diagrams.sets(module.family)], of)


def combinations_of(module: Module) -> int:
    """How many cuts a module has."""
    return sum(module.sizes[module.family])


def _form(sets: Sequence[frozenset[int]], of: Sequence[Form]) -> Form:
    """The form of a family over variables, each of which stands for a form."""
    forms = list(of)
    family = set(sets)
    while True:
        merged = _merge(family, _replaceable(family), forms, 1) or _merge(
            family, _together(family), forms, None
        )
        if merged is None:
            break
        family = merged
    used = sorted({v for each in family for v in each})
    sizes = {len(each) for each in family}
    if len(sizes) == 1 and len(family) == comb(len(used), k := min(sizes)):
        return _at_least(k, [forms[v] for v in used])
    parts = _connected(family)
    if len(parts) > 1:
        return _at_least(1, [_form(part, forms) for part in parts])
    common = frozenset.intersection(*family) if family else frozenset()
    if common:
        rest = _form([each - common for each in family], forms)
        return _at_least(len(common) + 1, [*(forms[v] for v in sorted(common)), rest])
    ordered = sorted(family, key=lambda each: (len(each), sorted(each)))
    return _at_least(1, [_at_least(len(each), [forms[v] for v in sorted(each)]) for each in ordered])


def _at_least(k: int, of: Sequence[Form]) -> Form:
    """Flat: any of any of these is any of these, and so for all of."""
    if len(of) == 1:
        return of[0]
    flat: list[Form] = []
    for each in of:
        same = isinstance(each, AtLeast) and (k == 1 == each.k or (k == len(of) and each.k == len(each.of)))
        flat.extend(each.of if same and isinstance(each, AtLeast) else (each,))
    flat.sort(key=lambda each: not isinstance(each, Only))  # the short ones first
    return AtLeast(len(flat) if k == len(of) else k, tuple(flat))


def _replaceable(family: Iterable[frozenset[int]]) -> dict[frozenset[frozenset[int]], list[int]]:
    """Variables by what stands beside them: those with the same can take each other's place."""
    beside: dict[int, set[frozenset[int]]] = {}
    for each in family:
        for variable in each:
            beside.setdefault(variable, set()).add(each - {variable})
    groups: dict[frozenset[frozenset[int]], list[int]] = {}
    for variable in sorted(beside):
        groups.setdefault(frozenset(beside[variable]), []).append(variable)
    return groups


def _together(family: Iterable[frozenset[int]]) -> dict[frozenset[frozenset[int]], list[int]]:
    """Variables by the sets they are in: those in the same always come together."""
    inside: dict[int, set[frozenset[int]]] = {}
    for each in family:
        for variable in each:
            inside.setdefault(variable, set()).add(each)
    groups: dict[frozenset[frozenset[int]], list[int]] = {}
    for variable in sorted(inside):
        groups.setdefault(frozenset(inside[variable]), []).append(variable)
    return groups


def _merge(
    family: Iterable[frozenset[int]],
    groups: dict[frozenset[frozenset[int]], list[int]],
    forms: list[Form],
    k: int | None,
) -> set[frozenset[int]] | None:
    """The family with one variable for each group of several, k of which it stands for (None: all); None: no group."""
    into: dict[int, int] = {}
    for members in groups.values():
        if len(members) > 1:
            forms.append(_at_least(len(members) if k is None else k, [forms[v] for v in members]))
            into.update(dict.fromkeys(members, len(forms) - 1))
    if not into:
        return None
    return {frozenset(into.get(v, v) for v in each) for each in family}


def _connected(family: Iterable[frozenset[int]]) -> list[list[frozenset[int]]]:
    """The sets in groups that share no variable."""
    groups: list[tuple[set[int], list[frozenset[int]]]] = []
    for each in sorted(family, key=sorted):
        variables, sets = set(each), [each]
        apart = []
        for others, theirs in groups:
            if variables & others:
                variables |= others
                sets = theirs + sets
            else:
                apart.append((others, theirs))
        groups = [*apart, (variables, sets)]
    return [sets for _, sets in groups]
