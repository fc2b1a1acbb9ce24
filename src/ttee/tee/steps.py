# SPDX-License-Identifier: Apache-2.0
"""The numbered steps of a verification: named checks that pass, are skipped with a reason, or raise."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ttee.errors import TteeError
from ttee.model import Check, CheckSpec, Status

if TYPE_CHECKING:
    from types import TracebackType
from typing import Self


class Steps:
    """What was checked so far, in order.

    with steps(SPEC, "what was found"):
        ...            # an error raised in here carries the check's id and source
    """

    def __init__(self) -> None:
        """Nothing is checked yet."""
        self._checks: list[Check] = []

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks, in the order of their steps."""
        return tuple(self._checks)

    def __call__(self, spec: CheckSpec, detail: str) -> Step:
        """One step; `detail` says what holds when it passes."""
        return Step(self._checks, spec, detail)

    def extend(self, checks: tuple[Check, ...]) -> None:
        """Record checks that were found to hold before, and still do."""
        self._checks.extend(checks)

    def skipped(self, spec: CheckSpec, reason: str) -> None:
        """Record that this was not checked, and why. A skipped check is never a pass."""
        self._checks.append(Check(spec.id, Status.SKIPPED, reason, spec.source))


class Step:
    """One check in progress; `detail` may be set anew while it runs."""

    __slots__ = ("_checks", "_spec", "detail")

    def __init__(self, checks: list[Check], spec: CheckSpec, detail: str) -> None:
        """Made by `Steps`."""
        self._checks = checks
        self._spec = spec
        self.detail = detail

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Note a pass; or name the check in the error on its way."""
        if error is None:
            self._checks.append(_passed(self._spec.id, self.detail, self._spec.source))
        elif isinstance(error, TteeError):
            error.check = error.check or self._spec.id
            error.source = error.source or self._spec.source


@lru_cache(maxsize=1024)
def _passed(check: str, detail: str, source: str) -> Check:
    """The same check passes with the same words time and again; checks are frozen, so one object does."""
    return Check(check, Status.PASS, detail, source)
