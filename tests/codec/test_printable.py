# SPDX-License-Identifier: Apache-2.0
"""Nothing that a stranger wrote steers a terminal, and it stays as long as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ttee.codec.printable import printable


@given(st.text())
def test_what_is_shown_can_be_printed_and_is_as_long(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert all(one in (other, "?") for one, other in zip(shown, text, strict=True))


def test_what_is_to_be_kept_is_kept_and_no_other() -> None:
    assert printable("a\nb\tc\x1b[2J\u202e") == "a?b?c?[2J?"
    assert printable("a\nb\tc\x1b", keep="\n") == "a\nb?c?"
