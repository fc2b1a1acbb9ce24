# SPDX-License-Identifier: Apache-2.0
"""Pages that list designs and who breaks them say what the data says: a change of either alone is noticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import write_taxonomy as taxonomy
from ttee.trust.knowledge.terms import DIMENSIONS
from ttee.trust.shipped import shipped

PAGES = [taxonomy.ROOT / name for name in taxonomy.PAGES]
TAXONOMY, THREATS = (page.read_text("utf-8") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_as_the_data_has_it(page: Path) -> None:
    text = page.read_text("utf-8")
    assert taxonomy.rewritten(text) == text


def test_a_cell_that_somebody_changed_by_hand_is_found_and_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    for name, text in zip(taxonomy.PAGES, (TAXONOMY, THREATS), strict=True):
        (tmp_path / name).write_text(text, "utf-8")
    stale = tmp_path / taxonomy.PAGES[1]
    stale.write_text(re.sub(r"\| 27 \| remote / operator", "| 27 | - (27)", THREATS), "utf-8")
    taxonomy.places()  # read where the package is, before the pages move
    monkeypatch.setattr(taxonomy, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["write_taxonomy.py", "--check"])
    assert taxonomy.main() == 1
    assert "-| [intel-sgx]" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["write_taxonomy.py"])
    assert taxonomy.main() == 0
    assert stale.read_text("utf-8") == THREATS


def test_every_table_stands_on_a_page() -> None:
    assert set(re.findall(r"<!-- table: ([a-z-]+) -->", TAXONOMY + THREATS)) == set(taxonomy.TABLES)


def test_the_dimensions_are_listed_with_their_values_in_order() -> None:
    assert list(taxonomy.misread(TAXONOMY)) == []
    assert list(taxonomy.misread(TAXONOMY.replace("`bounce`", "`bouncy`"))) == [
        "taxonomy.md: io has the values none bounce device-tee fabric, in this order"
    ]
    assert list(taxonomy.misread(TAXONOMY.replace("| `io` |", "| `oi` |"))) == [
        "taxonomy.md: io has the values none bounce device-tee fabric, in this order",
        "taxonomy.md: there is no dimension oi",
    ]
    assert len(DIMENSIONS) > 20


@pytest.mark.parametrize(
    "name", ["isolation", "memory", "keys", "evidence", "inside", "scorecard", "singles", "known"]
)
def test_a_table_of_designs_has_each_of_them_once(name: str) -> None:
    _, *rows = taxonomy.TABLES[name]()
    assert sorted(row[0].partition("]")[0][1:] for row in rows) == sorted(shipped().designs)


def test_a_dash_comes_with_the_number_of_studies() -> None:
    _, *rows = taxonomy.TABLES["scorecard"]()
    dashes = [
        (row[1], count) for row in rows for cell in row[2:] for count in re.findall(r"- \((\d+)\)", cell)
    ]
    assert dashes
    assert all(studies == count for studies, count in dashes)
    assert not any(re.search(r"(^|/ )-( /|$)", cell) for row in rows for cell in row[2:])


def test_every_statement_of_a_maker_has_a_source_that_one_can_open() -> None:
    _, *rows = taxonomy.TABLES["given-up"]()
    said = [row for row in rows if row[1] != "no statement that we know"]
    assert said
    assert all("](https://" in row[3] for row in said)


# --- what the prose of the threat model believes, in the data ---------------------------------------


def broken_by(name: str, column: str, *, real: bool = False) -> set[str]:
    row = taxonomy.on_a_chip() if real else taxonomy.row(name)
    return set(row.cells[column].strict)


def test_on_qemu_the_machines_owner_breaks_everything() -> None:
    for name in ("riscv", "local"):
        assert broken_by(name, "host") == {
            "confidentiality", "integrity", "attestation", "keys", "freshness", "availability",
        }  # fmt: skip


def test_on_a_chip_software_forges_nothing_and_takes_no_key() -> None:
    """What is left to it is what the page names: Spectre, Rowhammer, and to stop the enclave."""
    assert broken_by("riscv", "host", real=True) == {"confidentiality", "integrity", "availability"}


def test_a_probe_on_the_bus_forges_reports_even_on_a_chip() -> None:
    for broken in (broken_by("riscv", "operator", real=True), broken_by("keystone", "operator")):
        assert {"confidentiality", "attestation", "keys"} <= broken


@pytest.mark.parametrize("name", taxonomy.OURS)
def test_what_the_page_says_that_nothing_stops_the_model_declares(name: str) -> None:
    """Physical attackers and side channels: out of scope. Rollback and availability: the host's."""
    said = shipped().designs[name].dimensions
    assert (said["physical"], said["side_channels"], said["liveness"]) == ("out", "out", "host")
    assert (said["memory_confidentiality"], said["sealing"]) == ("none", "plain")
