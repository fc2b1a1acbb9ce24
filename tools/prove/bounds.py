# SPDX-License-Identifier: Apache-2.0
"""What is to be proved about each function of firmware/monitor/bounds.h, alone, for all values of its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import z3
from tools.prove.image import Image
from tools.prove.machine import STACK_TOP, Machine, Run
from tools.prove.pcode import UnmodelledError, truth
from tools.prove.solve import Goal
from tools.prove.spec import Range, Record, pmp_matches

_RECORD_AT = 0x8017_0000
_FRAME = 1024
_WORDS = ("epm", "epm_size", "utm", "utm_size", "runtime", "user", "free", "reserved")


def goals(probe: Image) -> Iterator[Goal]:
    """Every property of every function. Raises UnmodelledError when one is not the pure function it has to be."""
    yield from _ranges(probe)
    yield from _napot(probe)
    yield from _records(probe)


def _ranges(probe: Image) -> Iterator[Goal]:
    a, a_size, b, b_size, x = z3.BitVecs("a a_size b b_size byte", 64)
    one, other = Range(a, a_size), Range(b, b_size)
    shown = {"a": a, "a_size": a_size}

    run = _call(probe, "is_range", a, a_size)
    yield _goal(run, "is_range: exactly the non-empty ranges that do not wrap", _says(run, one.exists), shown)

    shown |= {"b": b, "b_size": b_size}
    run = _call(probe, "is_inside", a, a_size, b, b_size)
    inside = z3.And(one.exists, other.exists, one.within(other))
    yield _goal(run, "is_inside: exactly if base >= outer and end <= outer end", _says(run, inside), shown)
    leaves = z3.And(run.result != 0, one.has(x), z3.Not(other.has(x)))
    yield _goal(run, "is_inside: then no byte is outside", z3.Not(leaves), {**shown, "byte": x})

    run = _call(probe, "overlaps", a, a_size, b, b_size)
    exist = z3.And(one.exists, other.exists)
    says = _says(run, z3.Not(one.apart(other)))
    yield _goal(run, "overlaps: exactly if neither ends before the other begins", says, shown, exist)
    missed = z3.And(run.result == 0, one.has(x), other.has(x))
    yield _goal(run, "overlaps: if not, no byte is in both", z3.Not(missed), {**shown, "byte": x}, exist)
    shared = z3.If(z3.ULT(a, b), b, a)
    both = z3.Implies(run.result != 0, z3.And(one.has(shared), other.has(shared)))
    yield _goal(run, "overlaps: if so, the later start is in both", both, shown, exist)
    swapped = _call(probe, "overlaps", b, b_size, a, a_size)
    yield _goal(run, "overlaps: symmetric", run.result == swapped.result, shown, exist)


def _napot(probe: Image) -> Iterator[Goal]:
    base, size, x = z3.BitVecs("base size byte", 64)
    region = Range(base, size)
    shown = {"base": base, "size": size}

    run = _call(probe, "is_napot", base, size)
    says = _says(run, region.is_napot())
    yield _goal(run, "is_napot: exactly the aligned powers of two of a page or more", says, shown)
    yield _goal(
        run, "is_napot: such a region does not wrap", z3.Implies(run.result != 0, region.exists), shown
    )

    run = _call(probe, "napot", base, size)
    physical = 1 << 56
    premise = z3.And(region.is_napot(), z3.ULE(region.end, physical), z3.ULT(x, physical))
    claim = pmp_matches(run.result, x) == region.has(x)
    name = "napot: PMP matches the region's bytes and no others"
    yield _goal(run, name, claim, {**shown, "pmpaddr": run.result, "byte": x}, premise)


def _records(probe: Image) -> Iterator[Goal]:
    record = Record(*z3.BitVecs(" ".join(_WORDS), 64))
    words = {name: getattr(record, name) for name in _WORDS}
    memory = {_RECORD_AT + 8 * i: term for i, term in enumerate(words.values())}

    run = _call(probe, "is_layout", _RECORD_AT, memory=memory)
    premise = record.private.is_napot()
    yield _goal(
        run,
        "is_layout: exactly the ordered pages inside the EPM",
        _says(run, record.is_layout()),
        words,
        premise,
    )

    # That it refuses nothing else is for tests; that it lets nothing else through is what isolation rests on.
    base, size = z3.BitVecs("pool pool_size", 64)
    pool = Range(base, size)
    run = _call(probe, "is_creatable", _RECORD_AT, base, size, memory=memory)
    shown = {**words, "pool": base, "pool_size": size}
    for name, holds in (
        ("the EPM is an aligned power of two", record.private.is_napot()),
        ("the UTM is an aligned power of two", record.shared.is_napot()),
        ("the EPM lies in the pool", record.private.within(pool)),
        ("the UTM lies in the pool", record.shared.within(pool)),
        ("the pool does not wrap", pool.exists),
        ("the images are ordered pages", record.is_layout()),
        ("the reserved word is zero", record.reserved == 0),
    ):
        yield _goal(run, f"is_creatable: then {name}", z3.Implies(run.result != 0, holds), shown)


def _call(probe: Image, function: str, *arguments: Any, memory: dict[int, Any] | None = None) -> Run:
    """Run a function that must be pure: it follows no pointer, and writes nothing but its own stack frame."""
    run = Machine(probe).call(f"probe_{function}", *arguments, memory=memory)
    frame = range(STACK_TOP - _FRAME, STACK_TOP)
    elsewhere = [at for at in run.final.memory if at not in frame and at not in (memory or {})]
    changed = [at for at, term in (memory or {}).items() if not run.final.memory[at].eq(term)]
    if run.events or elsewhere or changed:
        raise UnmodelledError(f"{function} is not pure: it touches more than its arguments and its stack")
    return run


def _says(run: Run, expected: Any) -> Any:
    """The function returns 1 if that is expected, else 0."""
    returned = truth(run.result)
    if returned is None:
        return z3.And((run.result == 1) == expected, z3.ULE(run.result, 1))
    return returned == expected


def _goal(  # noqa: PLR0917
    run: Run, name: str, claim: Any, shown: dict[str, Any], premise: Any = None, masks: tuple[Any, ...] = ()
) -> Goal:
    return Goal(
        name,
        claim,
        z3.BoolVal(True) if premise is None else premise,
        {**shown, "returned": run.result},
        run.paths,
        masks,
    )
