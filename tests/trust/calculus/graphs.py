# SPDX-License-Identifier: Apache-2.0
"""Rule bases to try engines on: structured ones, tangled ones, and two oracles that share no code with the engines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from random import Random

from ttee.trust.calculus.rules import Rule, RuleBase

Instance = tuple[RuleBase, tuple[str, ...], str]


def vendors(n: int, k: int, faults: int) -> Instance:
    """k of n vendors, each broken by any of its faults: comb(n, k) * faults ** k cuts."""
    events = [f"fault{j}@v{i}" for i in range(n) for j in range(faults)]
    rules = [Rule(f"v{i}", (f"fault{j}@v{i}",), 1) for i in range(n) for j in range(faults)]
    rules.append(Rule("goal", tuple(f"v{i}" for i in range(n)), k))
    return RuleBase(rules), tuple(events), "goal"


def tangle(events: int, atoms: int, seed: int) -> Instance:
    """Random rules with cycles and thresholds, and no structure at all."""
    random = Random(seed)  # noqa: S311 (a graph, not a key)
    names = [f"e{i}" for i in range(events)]
    heads = [f"a{i}" for i in range(atoms)]
    rules = []
    for head in heads:
        for _ in range(random.randint(1, 3)):
            body = tuple(random.sample(names + heads, random.randint(1, 4)))
            k = 2 if len(body) > 2 and random.random() < 0.3 else len(body)
            rules.append(Rule(head, body, k))
    return RuleBase(rules), tuple(names), heads[-1]


def naive(base: RuleBase, events: Sequence[str], goal: str) -> set[frozenset[str]]:
    """Every subset, smallest first, by a fixpoint that is written anew here."""
    found: list[frozenset[str]] = []
    for size in range(len(events) + 1):
        for chosen in map(frozenset, combinations(events, size)):
            if not any(cut <= chosen for cut in found) and goal in _closure(base.rules, chosen):
                found.append(chosen)
    return set(found)


def _closure(rules: Iterable[Rule], events: Iterable[str]) -> set[str]:
    held, before = set(events), -1
    while len(held) != before:
        before = len(held)
        for rule in rules:
            if sum(atom in held for atom in set(rule.body)) >= rule.k:
                held.add(rule.head)
    return held


def clingo_cuts(
    base: RuleBase, events: Sequence[str], goal: str, *, bound: int | None = None
) -> set[frozenset[str]]:
    """The same by answer sets: subset-minimal choices of events by domain heuristics and record enumeration."""
    import clingo

    lines = [
        "{c(X)} :- event(X).",
        "d(X) :- c(X).",
        f':- not d("{goal}").',
        "#heuristic c(X). [1,false]",
        "#show c/1.",
    ]
    lines += [f'event("{event}").' for event in events]
    if bound is not None:
        lines.append(f":- #count{{X:c(X)}} > {bound}.")
    for rule in base.rules:
        body = tuple(dict.fromkeys(rule.body))
        if rule.k == len(body):
            lines.append(f'd("{rule.head}") :- ' + ",".join(f'd("{atom}")' for atom in body) + ".")
        elif rule.k == 1:
            lines += [f'd("{rule.head}") :- d("{atom}").' for atom in body]
        else:
            members = "; ".join(f'"{atom}":d("{atom}")' for atom in body)
            lines.append(f'd("{rule.head}") :- {rule.k} <= #count{{ {members} }}.')
    control = clingo.Control(["0", "--heuristic=Domain", "--enum-mode=domRec", "--warn=none"])
    control.add("base", [], "\n".join(lines))
    control.ground([("base", [])])
    found: set[frozenset[str]] = set()
    with control.solve(yield_=True) as models:
        for model in models:
            found.add(frozenset(symbol.arguments[0].string for symbol in model.symbols(shown=True)))
    return found
