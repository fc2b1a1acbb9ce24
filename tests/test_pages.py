# SPDX-License-Identifier: Apache-2.0
"""The pages hold together: links lead somewhere, and the list of decisions is the folder's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "firmware/**/*.md", "src/**/*.md")
    for path in ROOT.glob(pattern)
)
DECISIONS = ROOT / "docs" / "decisions"
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_project_leads_to_a_file(page: Path) -> None:
    for target in _LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_list_of_decisions_has_every_page_under_its_title() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$", (DECISIONS / "README.md").read_text(), re.MULTILINE
    )
    titles = [path.read_text().splitlines()[0] for path in sorted(DECISIONS.glob("0*.md"))]
    assert [f"# {number} {title}" for number, _, title in rows] == titles
    assert [name for _, name, _ in rows] == sorted(path.name for path in DECISIONS.glob("0*.md"))
