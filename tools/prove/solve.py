# SPDX-License-Identifier: Apache-2.0
"""Goals, and what the solver says to them: proved for all inputs, or refuted by some.

Sums and comparisons are easy for a solver that takes words for whole numbers, masks for one that takes them for single
bits, and each is lost with the other's. So there are three ways, tried for longer and longer: numbers, bits, and both,
in which the second only tells the first how the questions about masks depend on each other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import z3
from attrs import frozen

_PATIENCE_MS = (300, 3_000, 30_000, 600_000)
_LEMMA_MS = 1_000


@frozen(slots=True, eq=False)
class Goal:
    """`claim` holds for every assignment that satisfies `premise`."""

    name: str
    claim: Any
    premise: Any
    shown: dict[str, Any]
    """What a counterexample shows, by name."""
    paths: int
    masks: tuple[Any, ...] = ()
    """Conditions about single bits that occur in it: a hint, without which it may take long."""


@frozen(slots=True)
class Proof:
    """The answer to a goal. `counterexample` is None when it is proved; `undecided` is the part that nobody decided."""

    goal: Goal
    seconds: float
    counterexample: dict[str, int | bool] | None = None
    undecided: bool = False

    @property
    def proved(self) -> bool:
        """Nothing refutes it, and the solver has looked everywhere."""
        return self.counterexample is None and not self.undecided


def solve(goal: Goal) -> Proof:
    """Decide a goal, each part of its claim for itself: the negation has a model, or has none.

    Raises ArithmeticError if the solver contradicts itself.
    """
    started = time.perf_counter()
    facts = list(_parts(goal.premise))
    for part in _parts(goal.claim):
        model = _refutation(facts, part, goal.masks)
        if model is not None:
            seconds = time.perf_counter() - started
            return (
                Proof(goal, seconds, undecided=True)
                if model is False
                else Proof(goal, seconds, _shown(goal, model))
            )
    return Proof(goal, time.perf_counter() - started)


def _refutation(facts: list[Any], claim: Any, masks: tuple[Any, ...]) -> Any:
    """A model of the facts in which the claim is false; None when there is none, False when nobody knows.

    Tried first with those facts alone that speak of nothing but what the claim speaks of: often they are enough.
    """
    while z3.is_implies(claim):
        facts, claim = [*facts, *_parts(claim.arg(0))], claim.arg(1)
    near = [fact for fact in facts if _variables(fact) <= _variables(claim)]
    undecided = [near, facts]
    for patience in _PATIENCE_MS:
        for known in list(undecided):
            formula = z3.And(*known, z3.Not(claim))
            for strategy in (_numbers_and_bits, _numbers, _bits):
                question = strategy(formula, masks)
                question.set("timeout", patience)
                answer = question.check()
                if answer == z3.unsat:
                    return None
                if answer == z3.sat and strategy is not _numbers_and_bits:
                    if known is facts:
                        return _certain(question.model(), formula)
                    undecided.remove(known)
                    break
    return False


def _certain(model: Any, formula: Any) -> Any:
    if not z3.is_true(model.eval(formula, model_completion=True)):
        raise ArithmeticError("the solver's counterexample is none")
    return model


def _numbers(formula: Any, _: tuple[Any, ...]) -> Any:
    """Arithmetic modulo 2^64, translated into that of whole numbers."""
    z3.set_param("sat.smt", True)
    z3.set_param("smt.bv.solver", 2)
    solver = z3.Tactic("smt").solver()
    solver.add(formula)
    return solver


def _bits(formula: Any, _: tuple[Any, ...]) -> Any:
    """Adders and comparators as circuits."""
    solver = z3.SolverFor("QF_BV")
    solver.add(formula)
    return solver


def _numbers_and_bits(formula: Any, masks: tuple[Any, ...]) -> Any:
    """Numbers only: each condition about bits is a truth value of its own, of which we only know what follows from
    which. That says less than the formula, so without a model here, there is none; a model here says nothing."""
    hidden = {mask: z3.FreshConst(z3.BoolSort(), "mask") for mask in masks}
    formula = z3.substitute(formula, *hidden.items())
    atoms = list(_atoms(formula))
    about_bits = {atom: z3.FreshConst(z3.BoolSort(), "bits") for atom in atoms if _is_about_bits(atom)}
    lemmas = []
    for mask, name in hidden.items():
        for atom in atoms:
            if _variables(atom) <= _variables(mask):
                stands = about_bits.get(atom, atom)
                if _follows(mask, atom):
                    lemmas.append(z3.Implies(name, stands))
                elif _follows(mask, z3.Not(atom)):
                    lemmas.append(z3.Implies(name, z3.Not(stands)))
    return _numbers(z3.And(z3.substitute(formula, *about_bits.items()), *lemmas), ())


def _follows(one: Any, other: Any) -> bool:
    solver = z3.SolverFor("QF_BV")
    solver.set("timeout", _LEMMA_MS)
    solver.add(one, z3.Not(other))
    return bool(solver.check() == z3.unsat)


_CONNECTIVES = {z3.Z3_OP_AND, z3.Z3_OP_OR, z3.Z3_OP_NOT, z3.Z3_OP_IMPLIES, z3.Z3_OP_XOR, z3.Z3_OP_ITE}
_ARITHMETIC = {
    z3.Z3_OP_BNUM,
    z3.Z3_OP_UNINTERPRETED,
    z3.Z3_OP_BADD,
    z3.Z3_OP_BSUB,
    z3.Z3_OP_BNEG,
    z3.Z3_OP_ZERO_EXT,
    z3.Z3_OP_SIGN_EXT,
    z3.Z3_OP_ITE,
    z3.Z3_OP_EQ,
    z3.Z3_OP_DISTINCT,
    z3.Z3_OP_ULT,
    z3.Z3_OP_ULEQ,
    z3.Z3_OP_UGT,
    z3.Z3_OP_UGEQ,
    *_CONNECTIVES,
    z3.Z3_OP_TRUE,
    z3.Z3_OP_FALSE,
}


def _parts(claim: Any) -> Iterator[Any]:
    """What has to hold, one by one."""
    if z3.is_and(claim):
        for part in claim.children():
            yield from _parts(part)
    elif z3.is_eq(claim) and z3.is_bool(claim.arg(0)):
        one, other = claim.children()
        yield from (z3.Implies(one, part) for part in _parts(other))
        yield from (z3.Implies(other, part) for part in _parts(one))
    else:
        yield claim


def _subterms(term: Any) -> Iterator[Any]:
    """Each subterm once, and whether it is asked for by a connective."""
    seen, todo = set(), [term]
    while todo:
        part = todo.pop()
        if part.get_id() not in seen:
            seen.add(part.get_id())
            yield part
            todo.extend(part.children())


def _atoms(formula: Any) -> Iterator[Any]:
    """The comparisons in a formula, also those that decide between two values."""
    for part in _subterms(formula):
        if z3.is_bool(part) and part.num_args() and all(map(z3.is_bv, part.children())):
            yield part


def _is_about_bits(atom: Any) -> bool:
    return not all(part.decl().kind() in _ARITHMETIC or _is_scaled(part) for part in _subterms(atom))


def _is_scaled(term: Any) -> bool:
    """Multiplied with a known number, or divided by a power of two."""
    return term.decl().kind() in {z3.Z3_OP_BMUL, z3.Z3_OP_BLSHR} and any(map(z3.is_bv_value, term.children()))


def _variables(term: Any) -> set[str]:
    return {
        str(part)
        for part in _subterms(term)
        if z3.is_const(part) and part.decl().kind() == z3.Z3_OP_UNINTERPRETED
    }


def _shown(goal: Goal, model: Any) -> dict[str, int | bool]:
    values = {name: model.eval(term, model_completion=True) for name, term in goal.shown.items()}
    return {
        name: z3.is_true(value) if z3.is_bool(value) else int(value.as_long())
        for name, value in values.items()
    }
