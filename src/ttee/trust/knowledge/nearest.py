# SPDX-License-Identifier: Apache-2.0
"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """ "did you mean …?" with the nearest of `names`, or nothing."""
    import difflib  # noqa: PLC0415 (only after a mistake)

    near = difflib.get_close_matches(name[:64], sorted(map(str, names)), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""
