# SPDX-License-Identifier: Apache-2.0
"""`ttee new` makes a folder that builds, and touches nothing that is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ttee.app.build import build
from ttee.app.new import LANGUAGES, new_app
from ttee.errors import AppError

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_app_builds_as_it_is(tmp_path: Path, language: str) -> None:
    files = new_app(tmp_path, "my-app", language=language)
    assert {file.name for file in files} == {"README.md", f"my-app.{language}", "ttee.toml"}
    assert all("NAME" not in file.read_text() and "SPDX" not in file.read_text() for file in files)
    built = build(tmp_path / "my-app")
    assert built.bundle.name == "my-app"
    assert built.messages == ""


def test_the_template_is_the_hello_example(tmp_path: Path) -> None:
    new_app(tmp_path, "hello")
    example = shutil.copytree(
        EXAMPLES / "hello", tmp_path / "example", ignore=shutil.ignore_patterns("build")
    )
    assert build(tmp_path / "hello").bundle == build(example).bundle


def test_what_exists_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "hello").mkdir()
    with pytest.raises(AppError, match="exists already"):
        new_app(tmp_path, "hello")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AppError, match="exists already"):
        new_app(tmp_path, "link")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hello", "link"]


@pytest.mark.parametrize("name", ["", "Hello", "../x", "a/b", "-x", "x" * 65, "x\n"])
def test_names_that_no_app_can_have_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AppError, match="no app can be called"):
        new_app(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_other_languages_bring_their_own_module(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="'rust'") as refusal:
        new_app(tmp_path, "hello", language="rust")
    assert "`module`" in str(refusal.value.hint)


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="cannot be made"):
        new_app(tmp_path / "none", "hello")
