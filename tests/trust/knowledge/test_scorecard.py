# SPDX-License-Identifier: Apache-2.0
"""The scorecard of the study behind the knowledge base comes out of the data, cell by cell; where it does not any more,
the reason stands here.

Letters: C confidentiality, I integrity, A attestation, K keys, F freshness, V availability. *Naive*: as published;
*strict*: with every fix applied and checked. "-" means that nobody has published a break, and nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

from ttee.trust.answers import scorecard
from ttee.trust.answers.scorecard import Row
from ttee.trust.knowledge.facts import Fact
from ttee.trust.model.build import alone, build
from ttee.trust.shipped import shipped

COLUMNS = ("remote", "host", "operator", "lab")
STUDY = """
    row        remote        host           operator         lab
    sgx        CKV V         CIAKFV V       CIAKFV IAKV      IAKV
    sgx2       CK  -         CIAKF  -       CIAKF  CIAKF     CIAKF
    tdx        C   -         CIAKF  -       CIAKF  CAK       CAK
    sev        -   -         CIAKF  CIA     CIAKF  CIAKF     CIAKF
    snp        -   -         CIAKF  AK      CIAKF  CIAKF     CIAKF
    h100       -   -         IA     -       CIAK   CAK       CAK
    trustzone  K   -         IKF    -       CIKF   CK        CK
    ftpm       AK  -         IAKF   -       IAKF   AKF       AKF
    dtpm       AK  -         IAKF   -       IAKF   -         CAK
    card       K   K         K      K       AK     K         CAK
    keystone   CI  CI        CIF    CI      CIKF   CIK       CIK
    byotee     K   -         IAK    IA      CIAK   CIAK      CIAK
    txt        -   -         IA     -       CIAK   CK        CK
"""
"""Of the study: naive and strict for each attacker, and strict for the laboratory."""
ROWS: Mapping[str, tuple[str, Mapping[str, Fact]]] = {
    "sgx": ("intel-sgx-client", {}),
    "sgx2": ("intel-sgx", {"sgx_type": "scalable"}),
    "tdx": ("intel-tdx", {}),
    "sev": ("amd-sev", {}),
    "snp": ("amd-sev-snp", {}),  # of an unknown product, which may be Milan
    "h100": ("nvidia-gpu", {"debug": False}),  # the study is of the design, with its debug mode off
    "trustzone": ("arm-trustzone", {}),
    "ftpm": ("tpm-firmware", {}),
    "dtpm": ("tpm-discrete", {}),
    "card": ("smart-card", {}),
    "keystone": ("keystone", {}),
    "byotee": ("byotee", {}),
    "txt": ("intel-txt", {}),
}
STUDIED = "2026-09-13"
"""The day before DDRop."""
SINCE = {
    ("tdx", "operator", "strict"): "CIAKF",
    ("tdx", "lab", "strict"): "CIAKF",
}
"""DDRop (2026-09-14) drops writes on DDR5: memory and measurements of trust domains change. The study knew it from a
table only, and for SEV-SNP alone, whose cells were full already."""

MISSED = {
    ("keystone", "operator", "naive"): "CIAKF",
    ("keystone", "operator", "strict"): "CIAK",
    ("keystone", "lab", "strict"): "CIAK",
    ("h100", "host", "naive"): "CIAK",
}
"""The monitor's key, which the study counts as lost to whoever reads memory, is the one that signs Keystone's reports.
A host that shows the evidence of another GPU can show one that is not in debug mode, which its own may then be.
"""


@cache
def row(name: str, at: str) -> Row:
    design, facts = ROWS[name]
    return scorecard.row(build(alone(design, shipped(), facts), shipped(), at=at))


def cell(name: str, column: str, view: str, at: str) -> set[str]:
    found = row(name, at).cells[column]
    return set(scorecard.letters(found.strict if view == "strict" else found.naive))


CELLS = [
    (line[0], column, view, said)
    for line in (line.split() for line in STUDY.splitlines()[2:] if line.strip())
    for (column, view), said in zip(
        [(column, view) for column in COLUMNS[:3] for view in ("naive", "strict")] + [("lab", "strict")],
        line[1:],
        strict=True,
    )
]


def test_the_study_has_ninety_one_cells() -> None:
    assert len(CELLS) == len(ROWS) * 7


@pytest.mark.parametrize(("name", "column", "view", "said"), CELLS)
def test_a_cell_of_the_study_follows_from_the_data(name: str, column: str, view: str, said: str) -> None:
    assert cell(name, column, view, STUDIED) == set(MISSED.get((name, column, view), said))


@pytest.mark.parametrize(("name", "column", "view", "said"), CELLS)
def test_today_differs_where_something_was_published_since(
    name: str, column: str, view: str, said: str
) -> None:
    today = shipped().as_of.isoformat()
    assert cell(name, column, view, today) == set((MISSED | SINCE).get((name, column, view), said))


@pytest.mark.parametrize("name", ROWS)
def test_the_supply_chain_breaks_each_of_them(name: str) -> None:
    assert {"A", "K"} <= cell(name, "supply", "strict", STUDIED)


def test_only_what_no_party_makes_alone_withstands_each_party() -> None:
    ideal = build(alone("ideal", shipped()), shipped())
    for party in ("party:witness-a", "party:ideal-foundry-a"):
        assert not ideal.base.breaks({party, *ideal.means()}, ideal.goal("attestation"))
    assert ideal.base.breaks({"party:ideal-foundry-a", "party:ideal-foundry-b"}, ideal.goal("attestation"))


@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("sgx2", [{"bus_active"}, {"bus_passive", "host_root"}]),
        ("tdx", [{"bus_passive", "host_root"}]),
        ("snp", [{"bus_active"}, {"bus_passive", "host_root"}, {"glitch"}, {"host_firmware"}]),
        ("dtpm", [{"em_probe", "stolen_device"}]),
    ],
)
def test_what_forges_evidence_with_every_fix_applied(name: str, cuts: list[set[str]]) -> None:
    """As the study lists it, but for SEV-SNP: whoever has firmware has the kernel, too, so that one word suffices."""
    design, facts = ROWS[name]
    model = scorecard.unmendable(build(alone(design, shipped(), facts), shipped(), at=STUDIED))
    means = model.means()
    for cut in cuts:
        events = {f"capability:{name}@machine" for name in cut}
        assert model.base.breaks({*events, *means}, model.device("attestation"))
        for one in events:
            assert not model.base.breaks({*(events - {one}), *means}, model.device("attestation"))
