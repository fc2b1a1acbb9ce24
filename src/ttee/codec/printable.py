# SPDX-License-Identifier: Apache-2.0
"""Somebody else's text, fit for a terminal: nothing in it that a terminal obeys."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """`text` with a question mark for each character that cannot be printed, but for those in `keep`. As long as it."""
    return "".join(c if c.isprintable() or c in keep else "?" for c in text)
