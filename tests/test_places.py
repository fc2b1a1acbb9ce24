# SPDX-License-Identifier: Apache-2.0
"""Where a user's files are: as the environment says, and an error that can be acted on where it says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttee.connect import kept_answers
from ttee.errors import UsageError
from ttee.places import endorsements_dir, state_dir


def test_endorsements_are_kept_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TTEE_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert endorsements_dir() == tmp_path / "xdg" / "ttee" / "endorsements"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert endorsements_dir() == tmp_path / ".cache" / "ttee" / "endorsements"
    monkeypatch.setenv("TTEE_CACHE_DIR", str(tmp_path / "mine"))
    assert endorsements_dir() == tmp_path / "mine" / "endorsements"
    assert not list(tmp_path.iterdir())


def test_a_user_without_a_home_keeps_nothing_and_can_still_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("TTEE_CACHE_DIR", "XDG_CACHE_HOME", "TTEE_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert kept_answers() == ()
    with pytest.raises(UsageError, match="no home folder"):
        state_dir()
