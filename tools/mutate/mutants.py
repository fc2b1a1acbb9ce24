# SPDX-License-Identifier: Apache-2.0
"""The mutants of a module: one small change each, at every place where it decides or refuses.

    removed      a `raise`, a call whose value nobody uses, a `yield`, an `x += …`, a row of a table of comparisons
    unlisted     a step that is checked and not listed among the checks
    negated      a condition, or a comparison in it
    dropped      one operand of `and` and `or`, one end of `a < b < c`
    by one       `<` for `<=` and the like

Words for people (messages, hints, details) are left alone, and what remembers results.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from attrs import frozen

Function = ast.FunctionDef | ast.AsyncFunctionDef
_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_BY_ONE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_WORDS = {"what", "hint", "where", "source", "detail"}
"""Arguments that are read by people alone."""


@frozen(eq=False)
class Slot:
    """A place in the syntax tree: a field of a node; at `index`, if that is a list."""

    parent: ast.AST
    field: str
    index: int | None = None


@frozen(eq=False)
class Mutant:
    """One change: at `slot` of the parsed module stands `after` instead; None takes out what stood there."""

    function: str
    first_line: int
    """Of the function, with its decorators: as its code object says."""
    lines: range
    """Which lines a test has to reach to notice."""
    was: str
    becomes: str
    slot: Slot
    after: ast.AST | None

    def compile(self, tree: ast.Module, filename: str) -> object:
        """The code of the whole module with this change. `tree`, which the mutant was found in, stays as it is."""
        parent, field, index = self.slot.parent, self.slot.field, self.slot.index
        before = getattr(parent, field)
        value: object = self.after
        if index is not None:
            value = [*before[:index], *([self.after] if self.after else []), *before[index + 1 :]]
        setattr(parent, field, value)
        try:
            return compile(tree, filename, "exec", dont_inherit=True)
        finally:
            setattr(parent, field, before)


def find(tree: ast.Module) -> list[Mutant]:
    """All mutants of a module, in the order of its lines."""
    found = [
        mutant for name, function in _functions(tree, "") for mutant in _Finder(name, function).mutants()
    ]
    for mutant in found:
        if mutant.after is not None:
            ast.fix_missing_locations(mutant.after)
    return found


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    """The outermost functions with their qualified names. What stands inside of one is mutated as its part."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


class _Finder:
    """Walks one function."""

    def __init__(self, name: str, function: Function) -> None:
        self._name = name
        self._function = function
        self._first_line = min([function.lineno, *(each.lineno for each in function.decorator_list)])
        self._found: list[Mutant] = []

    def mutants(self) -> list[Mutant]:
        self._statements(self._function, "body", self._function.body)
        return self._found

    def _add(self, place: ast.stmt | ast.expr, slot: Slot, after: ast.AST | None, note: str = "") -> None:
        last = place.body[0].lineno - 1 if isinstance(place, ast.With | ast.For) else place.end_lineno
        mutant = Mutant(
            function=self._name,
            first_line=self._first_line,
            lines=range(place.lineno, max(place.lineno, last or 0) + 1),
            was=_text(place),
            becomes=note or (_text(after) if after is not None else ""),
            slot=slot,
            after=ast.copy_location(after, place) if after is not None else None,
        )
        self._found.append(mutant)

    def _statements(self, parent: ast.AST, field: str, body: list[ast.stmt]) -> None:
        for index, statement in enumerate(body):
            if _is_removable(statement):
                self._add(statement, Slot(parent, field, index), ast.Pass(), "removed")
            if isinstance(statement, ast.With):
                self._unlisted(statement)
            if isinstance(statement, ast.For) and isinstance(statement.iter, ast.Tuple):
                for row, element in enumerate(statement.iter.elts):
                    self._add(element, Slot(statement.iter, "elts", row), None, "removed")
            if not isinstance(statement, ast.Raise):
                self._children(statement)

    def _unlisted(self, statement: ast.With) -> None:
        """Check the step, and note it on a list of its own, which is lost."""
        for item in statement.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "steps":
                elsewhere = ast.parse("type(steps)()", mode="eval").body
                self._add(call, Slot(call, "func"), elsewhere, "unlisted")

    def _children(self, node: ast.AST, *, condition: bool = False) -> None:
        for field, value in ast.iter_fields(node):
            if field in {"decorator_list", "annotation", "returns", "args"} and not isinstance(
                node, ast.Call
            ):
                continue
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self._statements(node, field, value)
            elif isinstance(value, list):
                inside = field == "ifs" or (condition and isinstance(node, ast.BoolOp))
                for index, child in enumerate(value):
                    if isinstance(child, ast.AST):
                        self._child(Slot(node, field, index), child, condition=inside)
            elif isinstance(value, ast.AST):
                self._child(Slot(node, field), value, condition=field == "test")

    def _child(self, slot: Slot, node: ast.AST, *, condition: bool) -> None:
        if _is_text(node):
            return
        match node:
            case ast.BoolOp(op=ast.Or(), values=[_, ast.Call(func=ast.Attribute(attr="put"))]):
                pass  # what is remembered, or found now
            case ast.BoolOp():
                for each, _ in enumerate(node.values):
                    rest = node.values[:each] + node.values[each + 1 :]
                    after = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
                    self._add(node, slot, after)
            case ast.Compare():
                self._comparison(slot, node)
            case ast.UnaryOp(op=ast.Not()):
                if not isinstance(node.operand, ast.Compare):
                    self._add(node, slot, node.operand)
            case ast.Constant():
                return
        if condition and not isinstance(node, ast.Compare | ast.UnaryOp | ast.NamedExpr):
            self._add(node, slot, ast.UnaryOp(ast.Not(), node))  # type: ignore[arg-type]
        self._children(node, condition=condition)

    def _comparison(self, slot: Slot, node: ast.Compare) -> None:
        if len(node.ops) == 1:
            opposite = ast.Compare(node.left, [_NEGATED[type(node.ops[0])]()], node.comparators)
            self._add(node, slot, opposite)
        else:
            self._add(node, slot, ast.UnaryOp(ast.Not(), node))
            self._add(node, slot, ast.Compare(node.left, node.ops[:-1], node.comparators[:-1]))
            self._add(
                node,
                slot,
                ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:]),
            )
        for place, operator in enumerate(node.ops):
            if near := _BY_ONE.get(type(operator)):
                ops = [*node.ops[:place], near(), *node.ops[place + 1 :]]
                self._add(node, slot, ast.Compare(node.left, ops, node.comparators))


def _is_removable(statement: ast.stmt) -> bool:
    match statement:
        case (
            ast.Expr(value=ast.Constant())
            | ast.Expr(value=ast.Call(func=ast.Attribute(attr="put" | "clear" | "cache_clear")))
        ):
            return False  # a docstring, or what is remembered, which only saves time
        case ast.Expr():
            return True
    return isinstance(statement, ast.Raise | ast.AugAssign)


def _is_text(node: ast.AST) -> bool:
    """Whether this is made for people to read."""
    match node:
        case ast.JoinedStr():
            return True
        case ast.keyword(arg=str(name)):
            return name in _WORDS
        case ast.IfExp():
            return _is_text(node.body) or _is_text(node.orelse)
        case ast.Constant(value=str(value)):
            return " " in value
        case ast.BinOp(op=ast.Add()):
            return _is_text(node.left) or _is_text(node.right)
        case ast.BoolOp(op=ast.Or(), values=[*_, last]):  # a name, or words in its place
            return (
                isinstance(last, ast.JoinedStr)
                or (isinstance(last, ast.Name) and last.id in _WORDS)
                or (isinstance(last, ast.Constant) and isinstance(last.value, str))
            )
        case ast.Attribute(attr="detail"):
            return True
    return False


def _text(node: ast.AST) -> str:
    """One line of source, without the words of a message."""
    if isinstance(node, ast.Raise):
        called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return f"raise {ast.unparse(called)}" if called is not None else "raise"
    return ast.unparse(node)
