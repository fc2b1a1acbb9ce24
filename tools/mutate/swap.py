# SPDX-License-Identifier: Apache-2.0
"""Put a mutant in the place of the living function: by its code object, so that whoever imported it has it too."""

from __future__ import annotations

import ast
import functools
import gc
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType

from attrs import frozen
from tools.mutate.mutants import Mutant, find

Key = tuple[str, int]
"""Qualified name and first line of a function."""


@frozen(eq=False)
class Subject:
    """A module whose checks are mutated, and its functions as they live in this process."""

    name: str
    path: str
    tree: ast.Module
    mutants: tuple[Mutant, ...]
    living: dict[Key, list[FunctionType]]

    def put(self, mutant: Mutant) -> None:
        """From here on, this process runs the mutant."""
        key = mutant.function, mutant.first_line
        whole = mutant.compile(self.tree, self.path)
        code = next(code for code in _codes(whole) if (code.co_qualname, code.co_firstlineno) == key)
        # With the closures inside of it: some were made when the module was imported.
        for each in _codes(code):
            for function in self.living.get((each.co_qualname, each.co_firstlineno), ()):
                function.__code__ = each


def subject(name: str) -> Subject:
    """The module of that name, imported, with all its mutants."""
    module = importlib.import_module(name)
    path = inspect.getfile(module)
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), path)
    living: dict[Key, list[FunctionType]] = {}
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename == path:
            living.setdefault((each.__code__.co_qualname, each.__code__.co_firstlineno), []).append(each)
    mutants = tuple(find(tree))
    if lost := {m.function for m in mutants if (m.function, m.first_line) not in living}:
        raise LookupError(f"{name}: no living function for {', '.join(sorted(lost))}")
    return Subject(name, path, tree, mutants, living)


def memories(package: str) -> list[Callable[[], object]]:
    """What empties each `lru_cache` of the package. A verifier that remembers would not notice that it changed."""
    return [
        each.cache_clear
        for each in gc.get_objects()
        if isinstance(each, functools._lru_cache_wrapper)  # noqa: SLF001 (has no public name)
        and (getattr(each, "__module__", None) or "").split(".")[0] == package
    ]


def _codes(code: object) -> Iterator[CodeType]:
    if isinstance(code, CodeType):
        yield code
        for constant in code.co_consts:
            yield from _codes(constant)
