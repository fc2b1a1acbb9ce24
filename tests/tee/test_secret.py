# SPDX-License-Identifier: Apache-2.0
"""A device secret is made once, is its owner's alone, and is refused when it is not."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ttee.errors import TeeError
from ttee.tee.secret import device_secret


def test_it_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    secret = device_secret(tmp_path)
    assert len(secret) == 32
    assert device_secret(tmp_path) == secret
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_machines_have_two_secrets(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert device_secret(tmp_path / "a") != device_secret(tmp_path / "b")


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    device_secret(tmp_path)
    (tmp_path / "device-secret").chmod(0o644)
    with pytest.raises(TeeError, match="others can read") as refusal:
        device_secret(tmp_path)
    assert refusal.value.where == str(tmp_path / "device-secret")


def test_a_secret_of_another_size_is_refused(tmp_path: Path) -> None:
    device_secret(tmp_path)
    (tmp_path / "device-secret").write_bytes(bytes(31))
    with pytest.raises(TeeError, match="31 bytes, not 32"):
        device_secret(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TeeError, match="cannot be kept"):
        device_secret(tmp_path / "none")
