# SPDX-License-Identifier: Apache-2.0
"""Runs RISC-V machine code on symbols: every path at once, all inputs at once.

States that meet at an instruction are merged into one, whose values are case distinctions over the conditions under
which each came there. So nothing is sampled and nothing is given up: a loop of constant length, a million paths, is one
formula. Memory is a map of aligned words at known addresses. An access through a pointer that depends on inputs is not
performed but recorded as an event, for the proof to say where it may go; a read gives an arbitrary value.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from math import prod
from typing import Any

import z3
from attrs import define, evolve, field, frozen
from pypcode import Context, OpCode
from tools.prove.image import Image
from tools.prove.pcode import UnmodelledError, bit, compute, is_set, resized, truth

STACK_TOP = 0x8018_0000
"""Where the stack pointer stands when a function is entered: memory of the monitor that is nothing else."""
RETURN = 0xFFFF_F000
"""The address that a function under proof returns to."""
HALTED = 0xFFFF_F008
"""Where a state is that goes no further."""
_UNIMP = b"\0\0"  # where the compiler has found undefined behaviour
_MOST_STEPS = 200_000
_MOST_CHOICES = 64
_SAVED = ("sp", "gp", "tp", *(f"s{i}" for i in range(12)))
_VOLATILE = ("ra", *(f"a{i}" for i in range(8)), *(f"t{i}" for i in range(7)))


@frozen(slots=True, eq=False)
class Event:
    """Something that the code did, and under which condition: a call that was hooked, or an access by a pointer."""

    kind: str
    condition: Any
    values: tuple[Any, ...] = ()
    state: State | None = field(default=None, repr=False)


@define(slots=True, eq=False)
class State:
    """One hart at one instruction, for all inputs that satisfy every condition of its path."""

    pc: int
    path: tuple[Any, ...]
    registers: dict[int, Any]
    memory: dict[int, Any]
    laps: int = 0
    """How often the function went backwards: states of different laps of a loop are kept apart."""
    calls: tuple[tuple[int, int], ...] = ()
    """For each caller: its laps, and where to return."""
    paths: int = 1

    @property
    def condition(self) -> Any:
        """When it is here."""
        return z3.And(*self.path)

    @property
    def place(self) -> tuple[int, ...]:
        """States at the same place meet."""
        return (*(part for call in self.calls for part in call), self.laps, self.pc)

    def go(self, target: int) -> State:
        """Continue at `target` in the same function."""
        self.laps += target <= self.pc
        self.pc = target
        return self

    def enter(self, target: int, following: int) -> State:
        """Call a function."""
        self.calls, self.laps, self.pc = (*self.calls, (self.laps, following)), 0, target
        return self

    def leave(self) -> State:
        """Return to the caller."""
        if self.calls:
            *calls, (self.laps, self.pc) = self.calls
            self.calls = tuple(calls)
        else:
            self.pc = RETURN
        return self

    def copy(self, **changes: Any) -> State:
        """A state that can go another way."""
        return evolve(self, **{"registers": dict(self.registers), "memory": dict(self.memory), **changes})


@frozen(slots=True, eq=False)
class Run:
    """What a function did: where it returned (merged), and the events on the way."""

    start: State
    final: State
    result: Any
    events: list[Event]
    paths: int
    premise: Any
    """What the inputs satisfy, and what hooks promise."""

    def all(self, *kinds: str) -> list[Event]:
        """The events of these kinds, in the order of the code."""
        return [event for event in self.events if event.kind in kinds]


Hook = Callable[["Machine", State], None]
"""Stands for a function that is called: changes the state as the function would, and records events."""


class Machine:
    """RV64IMC on bit vectors; the code and constants of one image, everything else arbitrary."""

    def __init__(self, image: Image, hooks: Mapping[int, Hook] | None = None) -> None:
        """`hooks`: what is done instead of a call, by the address of its target."""
        self.image = image
        self.events: list[Event] = []
        self.assumed: list[Any] = []
        """What hooks promise about the values that they make up."""
        self._hooks = dict(hooks or {})
        self._sleigh = Context("RISCV:LE:64:RV64GC")
        self._offsets = {name: node.offset for name, node in self._sleigh.registers.items()}
        self._names = {self._offsets[name]: name for name in ("zero", *_SAVED, *_VOLATILE)}
        self._lifted: dict[int, Any] = {}
        self._steps = 0

    def call(
        self, function: str, *arguments: Any, memory: Mapping[int, Any] | None = None, premise: Any = None
    ) -> Run:
        """Run a function for all inputs that satisfy `premise`. `memory` has words by address; others are arbitrary.

        Raises UnmodelledError.
        """
        registers = {offset: z3.BitVec(f"initial_{name}", 64) for offset, name in self._names.items()}
        known = {
            "zero": 0,
            "sp": STACK_TOP,
            "ra": RETURN,
            **{f"a{i}": value for i, value in enumerate(arguments)},
        }
        registers |= {self._offsets[name]: word(value) for name, value in known.items()}
        words = {address: word(value) for address, value in (memory or {}).items()}
        path = () if premise is None else (premise,)
        start = State(self.image.address(function), path, registers, words)
        final = self._explore(start.copy())
        for name in _SAVED:
            if not self.register(final, name).eq(start.registers[self._offsets[name]]):
                raise UnmodelledError(f"{function} does not give {name} back as it was")
        result = self.register(final, "a0")
        return Run(start, final, result, self.events, final.paths, z3.And(*path, *self.assumed))

    def register(self, state: State, name: str) -> Any:
        """The 64 bits of a register."""
        return state.registers[self._offsets[name]]

    def arguments(self, state: State, number: int) -> tuple[Any, ...]:
        """What a hooked function is called with."""
        return tuple(self.register(state, f"a{i}") for i in range(number))

    def record(self, kind: str, state: State, *values: Any) -> None:
        """Note an event, with the state as it is then."""
        self.events.append(Event(kind, state.condition, values, state.copy()))

    def read(self, state: State, address: int, size: int = 8) -> Any:
        """`size` bytes (a power of two up to 16) at a known address, little endian."""
        constant = self.image.constant(address, size)
        if constant is not None:
            return z3.BitVecVal(int.from_bytes(constant, "little"), 8 * size)
        first, shift = address & ~7, 8 * (address & 7)
        words = [state.memory.get(at, arbitrary(at)) for at in range(first, address + size, 8)]
        if len(words) == 1 and size == 8:
            return words[0]
        whole = words[0] if len(words) == 1 else z3.Concat(*reversed(words))
        return z3.simplify(z3.Extract(shift + 8 * size - 1, shift, whole))

    def write(self, state: State, address: int, value: Any, *, where: Any = None) -> None:
        """Store a value at a known address; only where a condition holds, if one is given."""
        size = value.size() // 8
        if self.image.constant(address & ~7, 1) is not None:
            raise UnmodelledError(f"a store to constants at {address:#x}")
        for at in range(address & ~7, address + size, 8):
            old = state.memory.get(at, arbitrary(at))
            new = old
            for i in range(8):
                j = at + i - address
                if 0 <= j < size and not (size == 8 and at == address):
                    new = _with_byte(new, i, z3.Extract(8 * j + 7, 8 * j, value))
            new = value if size == 8 and at == address else z3.simplify(new)
            state.memory[at] = new if where is None else z3.If(where, new, old)

    def choices(self, _state: State, address: Any) -> list[tuple[Any, int]] | None:
        """The known values that an address may have, each with its condition; None if it depends on inputs freely."""
        if z3.is_bv_value(address):
            return [(None, address.as_long())]
        values = _leaves(address)
        return None if values is None else [(address == value, value) for value in sorted(values)]

    def halt(self, state: State) -> None:
        """Go no further with a state."""
        state.pc = HALTED

    def resume(self, state: State, result: Any = None) -> None:
        """Return from a hooked function: what the ABI does not preserve becomes arbitrary."""
        for name in _VOLATILE:
            state.registers[self._offsets[name]] = z3.FreshConst(z3.BitVecSort(64), name)
        if result is not None:
            state.registers[self._offsets["a0"]] = word(result)
        state.leave()

    def _explore(self, start: State) -> State:
        """Deepest call first, then fewest laps, then lowest address: so that what can meet, meets."""
        waiting: dict[tuple[int, ...], State] = {}
        order: list[tuple[float, ...]] = []
        returned: State | None = None
        todo: Iterable[State] = [start]
        while True:
            for state in todo:
                if state.pc == HALTED:
                    continue
                if state.pc == RETURN:
                    returned = state if returned is None else self._merged(returned, state)
                    continue
                key = state.place
                if key in waiting:
                    waiting[key] = self._merged(waiting[key], state)
                else:
                    waiting[key] = state
                    heapq.heappush(order, (*key, float("inf")))
            if not order:
                break
            key = tuple(int(part) for part in heapq.heappop(order)[:-1])
            todo = self._step(waiting.pop(key))
        if returned is None:
            raise UnmodelledError("the function never returns")
        return returned

    def _merged(self, one: State, other: State) -> State:
        """A state that stands for both."""
        common = next(
            (i for i, both in enumerate(zip(one.path, other.path, strict=False)) if not both[0].eq(both[1])),
            None,
        )
        if common is None:
            common = min(len(one.path), len(other.path))
        this, that = one.path[common:], other.path[common:]
        known = [pair for pair in map(_equation, (*this, *that)) if pair]

        def either(left: Any, right: Any) -> Any:
            """What was learnt on one side only is forgotten; the other side still has the term."""
            if left.eq(right):
                return left
            for term, value in known:
                if {left.get_id(), right.get_id()} == {term.get_id(), value.get_id()}:
                    return term
            truths = truth(right), truth(left)
            if None not in truths:
                return bit(_choice(z3.And(*that), *truths), left.size())
            return z3.If(z3.And(*that), right, left)

        memory = {
            at: either(one.memory.get(at, arbitrary(at)), other.memory.get(at, arbitrary(at)))
            for at in {**one.memory, **other.memory}
        }
        registers = {
            offset: either(value, other.registers[offset]) for offset, value in one.registers.items()
        }
        path = (*one.path[:common], *_any_of(z3.And(*this), z3.And(*that)))
        return one.copy(path=path, registers=registers, memory=memory, paths=one.paths + other.paths)

    def _step(self, state: State) -> list[State]:
        """Execute one instruction, or the function that a hook stands for."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise UnmodelledError("a loop whose length depends on inputs")
        hook = self._hooks.get(state.pc)
        if hook:
            hook(self, state)
            return [state]
        if state.pc not in self._lifted:
            code = self.image.constant(state.pc, 4) or self.image.constant(state.pc, 2)
            if code is None:
                raise UnmodelledError(f"execution of {state.pc:#x}, which is no constant code")
            if code.startswith(_UNIMP):
                self.record("trap", state, z3.BitVecVal(state.pc, 64))
                return []
            lifted = self._sleigh.translate(code, state.pc, max_instructions=1)
            self._lifted[state.pc] = (lifted.ops, lifted.ops[0].inputs[0].size)
        ops, length = self._lifted[state.pc]
        return self._execute(state, ops[1:], state.pc + length)

    def _execute(self, state: State, ops: Any, following: int) -> list[State]:
        scratch: dict[int, Any] = {}
        for op in ops:
            match op.opcode:
                case OpCode.BRANCH | OpCode.CALL:
                    target = op.inputs[0]
                    if target.space.name != "ram":
                        raise UnmodelledError(f"a branch inside the instruction at {state.pc:#x}")
                    is_call = op.opcode == OpCode.CALL
                    return [state.enter(target.offset, following) if is_call else state.go(target.offset)]
                case OpCode.CBRANCH:
                    target = op.inputs[0]
                    if target.space.name != "ram" or op is not ops[-1]:
                        raise UnmodelledError(f"a branch inside the instruction at {state.pc:#x}")
                    return self._branch(
                        state, is_set(self._get(state, scratch, op.inputs[1])), target.offset, following
                    )
                case OpCode.BRANCHIND | OpCode.CALLIND | OpCode.RETURN:
                    return self._jump(state, op.opcode, self._get(state, scratch, op.inputs[0]), following)
                case OpCode.LOAD:
                    address = self._get(state, scratch, op.inputs[1])
                    self._put(state, scratch, op.output, self._load(state, address, op.output.size))
                case OpCode.STORE:
                    address, value = (self._get(state, scratch, node) for node in op.inputs[1:])
                    self._store(state, address, value)
                case _:
                    try:
                        values = [self._get(state, scratch, node) for node in op.inputs]
                        self._put(state, scratch, op.output, compute(op.opcode, values, 8 * op.output.size))
                    except UnmodelledError as error:
                        raise UnmodelledError(f"{error} at {state.pc:#x}") from None
        return [state.go(following)]

    def _branch(self, state: State, condition: Any, target: int, following: int) -> list[State]:
        simple = z3.simplify(condition)
        if z3.is_true(simple) or z3.is_false(simple):
            return [state.go(target if z3.is_true(simple) else following)]
        taken = state.copy(path=(*state.path, condition))
        state.path = (*state.path, z3.Not(condition))
        _learn(taken, condition)
        _learn(state, z3.Not(condition))
        return [taken.go(target), state.go(following)]

    def _jump(self, state: State, opcode: OpCode, target: Any, following: int) -> list[State]:
        """By register: a far call, a return to the caller and nobody else, or a table of jumps."""
        if opcode == OpCode.RETURN:
            expected = state.calls[-1][1] if state.calls else RETURN
            if not z3.is_bv_value(target) or target.as_long() != expected:
                raise UnmodelledError(f"a return at {state.pc:#x} that is not to the caller")
            return [state.leave()]
        if opcode == OpCode.CALLIND:
            if not z3.is_bv_value(target):
                raise UnmodelledError(f"a call at {state.pc:#x} through a pointer")
            return [state.enter(target.as_long(), following)]
        if z3.is_bv_value(target):
            return [state.go(target.as_long())]
        return [
            state.copy(path=(*state.path, target == value)).go(value)
            for value in self._solutions(state, target)
        ]

    def _solutions(self, state: State, term: Any) -> list[int]:
        """Every value that a term can have in a state: the solver says when there are no more."""
        solver = z3.SolverFor("QF_BV")
        solver.add(state.condition)
        values: list[int] = []
        while solver.check() == z3.sat:
            values.append(solver.model().eval(term, model_completion=True).as_long())
            solver.add(term != values[-1])
            if len(values) > _MOST_CHOICES:
                raise UnmodelledError(f"a jump at {state.pc:#x} to anywhere")
        return values

    def _load(self, state: State, address: Any, size: int) -> Any:
        choices = self.choices(state, address)
        if choices is None:
            self.record("read", state, address, word(size))
            return z3.FreshConst(z3.BitVecSort(8 * size), "read")
        value = self.read(state, choices[0][1], size)
        for condition, known in choices[1:]:
            value = z3.If(condition, self.read(state, known, size), value)
        return value

    def _store(self, state: State, address: Any, value: Any) -> None:
        choices = self.choices(state, address)
        if choices is None:
            self.record("write", state, address, word(value.size() // 8))
            return
        for condition, known in choices:
            self.write(state, known, value, where=condition)

    def _get(self, state: State, scratch: dict[int, Any], node: Any) -> Any:
        bits = 8 * node.size
        match node.space.name:
            case "const":
                return z3.BitVecVal(node.offset, bits)
            case "unique" if node.offset in scratch:
                return resized(scratch[node.offset], bits)
            case "register" if node.offset in state.registers:
                return resized(state.registers[node.offset], bits)
        raise UnmodelledError(f"{node.space.name} {node.offset:#x} is read at {state.pc:#x}")

    def _put(self, state: State, scratch: dict[int, Any], node: Any, value: Any) -> None:
        match node.space.name:
            case "unique":
                scratch[node.offset] = value
            case "register" if node.offset in state.registers and node.size == 8:
                if self._names[node.offset] != "zero":
                    state.registers[node.offset] = value
            case _:
                raise UnmodelledError(f"{node.space.name} {node.offset:#x} is written at {state.pc:#x}")


def word(value: Any) -> Any:
    """A term of 64 bits."""
    return z3.BitVecVal(value, 64) if isinstance(value, int) else value


def arbitrary(address: int) -> Any:
    """What an aligned word of memory holds before the run: anything."""
    return z3.BitVec(f"memory_{address:x}", 64)


def _equation(condition: Any) -> tuple[Any, Any] | None:
    """The term and the value that a condition says are equal, if that is what it says."""
    if z3.is_not(condition) and (z3.is_not(condition.arg(0)) or z3.is_distinct(condition.arg(0))):
        inner = condition.arg(0)
        condition = inner.arg(0) if z3.is_not(inner) else inner.arg(0) == inner.arg(1)
    if z3.is_eq(condition) and any(map(z3.is_bv_value, condition.children())):
        term, value = sorted(condition.children(), key=z3.is_bv_value)
        return term, value
    return None


def _learn(state: State, condition: Any) -> None:
    """Registers that are compared with a value have it from here on: compilers use them so."""
    equation = _equation(condition)
    if equation:
        for offset, content in state.registers.items():
            if content.eq(equation[0]):
                state.registers[offset] = equation[1]


def _leaves(term: Any) -> set[int] | None:
    """The values that a term of known values and case distinctions can have, at least; None for any other term."""
    if z3.is_bv_value(term):
        return {term.as_long()}
    if not z3.is_app(term) or term.num_args() == 0:
        return None
    if z3.is_app_of(term, z3.Z3_OP_ITE):
        parts = [_leaves(part) for part in term.children()[1:]]
        return None if None in parts else _few(set().union(*(part for part in parts if part)))
    values = []
    for part in term.children():
        found = _leaves(part) if z3.is_bv(part) else None
        if found is None:
            return None
        values.append([z3.BitVecVal(value, part.size()) for value in found])
    if prod(map(len, values)) > _MOST_CHOICES:
        return None
    operator = term.decl()
    return {z3.simplify(operator(*operands)).as_long() for operands in product(*values)}


def _few(values: set[int]) -> set[int] | None:
    return values if len(values) <= _MOST_CHOICES else None


def _with_byte(whole: Any, index: int, value: Any) -> Any:
    parts = [z3.Extract(63, 8 * index + 8, whole)] if index < 7 else []
    parts.append(value)
    if index:
        parts.append(z3.Extract(8 * index - 1, 0, whole))
    return z3.Concat(*parts)


def _choice(condition: Any, yes: Any, no: Any) -> Any:
    """A choice of truths, as a conjunction where it is one."""
    if z3.is_false(no):
        return z3.And(condition, yes)
    if z3.is_false(yes):
        return z3.And(z3.Not(condition), no)
    return z3.If(condition, yes, no)


def _any_of(one: Any, other: Any) -> tuple[Any, ...]:
    """What is known where two branches of one decision meet again: nothing, unless some of them went elsewhere."""
    either = z3.Or(one, other)
    solver = z3.SimpleSolver()
    solver.add(z3.Not(_skeleton(either)))
    return () if solver.check() == z3.unsat else (either,)


def _skeleton(formula: Any, known: dict[int, Any] | None = None) -> Any:
    """A formula whose decisions are mere names."""
    known = {} if known is None else known
    name = formula.get_id()
    if name not in known:
        if z3.is_and(formula) or z3.is_or(formula) or z3.is_not(formula):
            known[name] = formula.decl()(*(_skeleton(part, known) for part in formula.children()))
        elif z3.is_true(formula) or z3.is_false(formula):
            known[name] = formula
        else:
            known[name] = z3.Bool(f"decision_{name}")
    return known[name]
