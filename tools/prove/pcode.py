# SPDX-License-Identifier: Apache-2.0
"""What an operation of p-code computes, as a term of bit vectors.

p-code is the register transfer language into which SLEIGH's description of RV64GC (Ghidra's, from the `pypcode` wheel)
turns each instruction. Source: Ghidra, "P-Code Reference Manual". Booleans are bytes, 0 or 1, as they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import z3
from pypcode import OpCode


class UnmodelledError(Exception):
    """The code under proof does something that the machine does not model; nothing can be said about it."""


def bit(condition: Any, bits: int = 8) -> Any:
    """A truth value as p-code holds it: 1 or 0. Everything here keeps this form, for truth() to find again."""
    return z3.If(condition, z3.BitVecVal(1, bits), z3.BitVecVal(0, bits))


def truth(term: Any) -> Any | None:
    """The condition under which a term is 1, if it can be nothing but 1 or 0; else None."""
    if z3.is_bv_value(term) and term.as_long() in {0, 1}:
        return z3.BoolVal(term.as_long() == 1)
    if z3.is_app_of(term, z3.Z3_OP_ITE):
        condition, yes, no = term.children()
        if z3.is_bv_value(yes) and z3.is_bv_value(no) and (yes.as_long(), no.as_long()) == (1, 0):
            return condition
    return None


def is_set(term: Any) -> Any:
    """The condition under which a byte is not zero."""
    condition = truth(term)
    return term != 0 if condition is None else condition


def folded(term: Any) -> Any:
    """The term, or its value when all its operands are values."""
    return z3.simplify(term) if all(z3.is_bv_value(part) for part in term.children()) else term


def resized(term: Any, bits: int, *, signed: bool = False) -> Any:
    """The low bits of a term, or the term extended to more bits."""
    more = bits - term.size()
    if more == 0:
        return term
    condition = None if z3.is_bv_value(term) else truth(term)
    if condition is not None and not signed:
        return bit(condition, bits)
    if more < 0:
        return folded(z3.Extract(bits - 1, 0, term))
    return folded(z3.SignExt(more, term) if signed else z3.ZeroExt(more, term))


def _shift(shift: Callable[[Any, Any], Any], *, signed: bool = False) -> Callable[..., Any]:
    """Amounts of the width or more shift everything out, in p-code as in SMT-LIB."""

    def shifted(value: Any, amount: Any) -> Any:
        bits = max(value.size(), amount.size())
        return resized(shift(resized(value, bits, signed=signed), resized(amount, bits)), value.size())

    return shifted


_SAME_WIDTH: dict[OpCode, Callable[..., Any]] = {
    OpCode.COPY: lambda a: a,
    OpCode.INT_ADD: lambda a, b: a + b,
    OpCode.INT_SUB: lambda a, b: a - b,
    OpCode.INT_MULT: lambda a, b: a * b,
    OpCode.INT_AND: lambda a, b: a & b,
    OpCode.INT_OR: lambda a, b: a | b,
    OpCode.INT_XOR: lambda a, b: a ^ b,
    OpCode.INT_NEGATE: lambda a: ~a,
    OpCode.INT_2COMP: lambda a: -a,
    OpCode.INT_LEFT: _shift(lambda a, n: a << n),
    OpCode.INT_RIGHT: _shift(z3.LShR),
    OpCode.INT_SRIGHT: _shift(lambda a, n: a >> n, signed=True),
}
_TRUTHS: dict[OpCode, Callable[..., Any]] = {
    OpCode.INT_EQUAL: lambda a, b: a == b,
    OpCode.INT_NOTEQUAL: lambda a, b: a != b,
    OpCode.INT_LESS: z3.ULT,
    OpCode.INT_LESSEQUAL: z3.ULE,
    OpCode.INT_SLESS: lambda a, b: a < b,
    OpCode.INT_SLESSEQUAL: lambda a, b: a <= b,
    OpCode.BOOL_NEGATE: lambda a: z3.Not(is_set(a)),
    OpCode.BOOL_AND: lambda a, b: z3.And(is_set(a), is_set(b)),
    OpCode.BOOL_OR: lambda a, b: z3.Or(is_set(a), is_set(b)),
    OpCode.BOOL_XOR: lambda a, b: z3.Xor(is_set(a), is_set(b)),
}
_OF_BITS: dict[OpCode, Callable[..., Any]] = {
    OpCode.INT_AND: z3.And,
    OpCode.INT_OR: z3.Or,
    OpCode.INT_XOR: z3.Xor,
    OpCode.INT_EQUAL: lambda a, b: a == b,
    OpCode.INT_NOTEQUAL: z3.Xor,
    OpCode.INT_LESS: lambda a, b: z3.And(z3.Not(a), b),
}
"""The same operations, where both operands can be nothing but 1 or 0."""


def compute(opcode: OpCode, inputs: list[Any], bits: int) -> Any:
    """The output of a pure operation, `bits` wide. Raises UnmodelledError for every other operation."""
    if opcode in _OF_BITS and not all(z3.is_bv_value(term) for term in inputs):
        truths = [truth(term) for term in inputs]
        if None not in truths:
            return folded_bit(_OF_BITS[opcode](*truths), bits)
    if opcode in _TRUTHS:
        condition = _TRUTHS[opcode](*inputs)
        if all(z3.is_bv_value(term) for term in inputs):
            condition = z3.simplify(condition)
        return folded_bit(condition, bits)
    if opcode in _SAME_WIDTH:
        return folded(_SAME_WIDTH[opcode](*inputs))
    if opcode in {OpCode.INT_ZEXT, OpCode.INT_SEXT}:
        return resized(inputs[0], bits, signed=opcode == OpCode.INT_SEXT)
    if opcode == OpCode.SUBPIECE:
        low = 8 * inputs[1].as_long()
        return resized(folded(z3.Extract(inputs[0].size() - 1, low, inputs[0])) if low else inputs[0], bits)
    raise UnmodelledError(f"p-code operation {opcode}")


def folded_bit(condition: Any, bits: int) -> Any:
    """A truth value, as a number if it is known."""
    if z3.is_true(condition) or z3.is_false(condition):
        return z3.BitVecVal(1 if z3.is_true(condition) else 0, bits)
    return bit(condition, bits)
