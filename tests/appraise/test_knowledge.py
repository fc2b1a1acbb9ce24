# SPDX-License-Identifier: Apache-2.0
"""A damaged file of what is known about attacks costs a verdict its last paragraph, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import ttee
from tests.appraise.claims import AT, GOOD, claims_of, policy_of
from ttee.appraise import appraise, to_ear, to_json
from ttee.cli.verdict_text import verdict_text
from ttee.errors import KnowledgeError
from ttee.trust import shipped
from ttee.trust.verdicts import residual


def forget() -> None:
    shipped.shipped.cache_clear()
    residual._answer.cache_clear()


@pytest.fixture
def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The knowledge that comes with the package, with one file that ends early."""
    (package,) = ttee.__path__
    shutil.copytree(Path(package, "trust/knowledge"), tmp_path / "trust/knowledge")
    for model in Path(package, "tee").rglob("model.toml"):
        copy = tmp_path / model.relative_to(package)
        copy.parent.mkdir(parents=True)
        copy.write_bytes(model.read_bytes())
    broken = next(tmp_path.rglob("attacks/*.toml"))
    broken.write_bytes(broken.read_bytes()[:100])
    monkeypatch.setattr(ttee, "__path__", [str(tmp_path)])
    forget()
    yield broken
    forget()


def test_a_verdict_is_the_same_without_the_statement_and_says_why(damaged: Path) -> None:
    verdict = appraise(claims_of(), [policy_of(GOOD)], at=AT)
    value = to_json(verdict)
    assert value["status"] == "affirming"
    assert "residual" not in value
    (said,) = [each for each in value["not_checked"] if each.startswith("who could still break it: ")]  # type: ignore[union-attr]
    assert damaged.name in said  # type: ignore[operator]
    text = verdict_text(verdict)
    assert "who could still break it: " in text
    assert "who could still break it\n" not in text
    assert to_ear(verdict)["submods"]


def test_whoever_asks_for_the_statement_itself_hears_what_is_wrong(damaged: Path) -> None:
    verdict = appraise(claims_of(), [policy_of(GOOD)], at=AT)
    with pytest.raises(KnowledgeError) as problem:
        _ = verdict.residual
    assert damaged.name in (problem.value.where or "")


def test_a_policy_with_goals_needs_it_for_its_verdict(damaged: Path) -> None:
    text = f"{GOOD}\n[trust]\nintegrity = {{ not_by = ['operator:1000'] }}\n"
    with pytest.raises(KnowledgeError) as problem:
        appraise(claims_of(), [policy_of(text)], at=AT)
    assert damaged.name in (problem.value.where or "")
