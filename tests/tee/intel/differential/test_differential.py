# SPDX-License-Identifier: Apache-2.0
"""Against another verifier: dcap-qvl 0.7.0, on every shared vector and on 2000 made for it.

Where the two disagree, a row of docs/differences-dcap-qvl.md says why, and nothing is in that table that was not seen.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections import Counter
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random

import pytest

from tests.tee.intel.cases import PREPRODUCTION, VectorCase, all_cases
from tests.tee.intel.differential.differences import DIFFERENCES
from tests.tee.intel.differential.drafts import Draft, Made
from tests.tee.intel.differential.mutations import MUTATIONS
from tests.tee.intel.differential.oracle import Answer, compare, ours, theirs
from ttee.tee.intel.endorsements import read
from ttee.tee.intel.quote import SGX

CASES = 2000
DOC = Path(__file__).parents[4] / "docs" / "differences-dcap-qvl.md"
VECTORS = {
    "trustee_tdx_quote_4_debug": "debug",
    "occlum_debug@2025-08": "debug",
    "intel_qvl_sample_sgx": "tcb-info-2",
}
"""The shared vectors on which the two differ, and the row that says why."""


def made(number: int) -> Made:
    """The case of that number: each mutation alone in its turn, then in pairs and threes."""
    random = Random(number)  # noqa: S311 (reproducible, not secret)
    names = list(MUTATIONS)
    draft = Draft.of(random)
    picked = [names[number % len(names)]]
    if number >= CASES // 2:
        picked += random.sample(names, random.choice([1, 1, 2]))
    for name in dict.fromkeys(picked):
        with suppress(KeyError):  # another mutation took away what this one changes
            MUTATIONS[name](draft)
            draft.traits.add(name)
    return draft.make()


@cache
def disagreements() -> list[tuple[int, frozenset[str], Answer, Answer]]:
    found = []
    for number in range(CASES):
        case = made(number)
        mine, other = compare(case)
        if not mine.agrees(other):
            found.append((number, case.traits, mine, other))
    return found


@pytest.mark.slow
def test_every_disagreement_is_explained() -> None:
    unexplained = [
        f"{number} {sorted(traits)}: ours {mine}; theirs {other}"
        for number, traits, mine, other in disagreements()
        if not any(row.explains(traits, mine, other) for row in DIFFERENCES)
    ]
    assert not unexplained, "\n".join(unexplained)


@pytest.mark.slow
def test_every_row_of_the_table_was_seen() -> None:
    seen = Counter(
        row.id
        for _, traits, mine, other in disagreements()
        for row in DIFFERENCES
        if row.explains(traits, mine, other)
    )
    assert {row.id for row in DIFFERENCES} == set(seen)


@pytest.mark.slow
def test_the_two_agree_on_most() -> None:
    assert len(disagreements()) < CASES * 0.45


def test_the_table_in_the_documentation_has_these_rows() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", DOC.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(row.id for row in DIFFERENCES)


def test_every_mutation_changes_something() -> None:
    assert len(MUTATIONS) > 60
    for name, mutate in MUTATIONS.items():
        drafts = []
        for seed in range(8):
            draft = Draft.of(Random(seed))  # noqa: S311
            before = repr(draft)
            mutate(draft)
            drafts.append(repr(draft) != before)
        assert any(drafts), name


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_the_two_agree_on_the_shared_vectors(case: VectorCase) -> None:
    mine, _ = ours(case.evidence, case.endorsements, case.at)
    other = theirs(case.quote, _collateral(case), _root(case), case.at)
    if case.id in VECTORS:
        assert not mine.agrees(other)
        row = next(row for row in DIFFERENCES if row.id == VECTORS[case.id])
        assert any(holds(mine, other) for holds in row.ends)
    else:
        assert mine.agrees(other), f"ours {mine}; theirs {other}"
    if case.id == PREPRODUCTION:
        assert "behind its end" in mine.refusal
        assert "No matching TCB level" in other.refusal


def _collateral(case: VectorCase) -> str:
    """As dcap-qvl reads it; Intel's own sample comes in files, and is put together here."""
    if case.collateral is not None:
        return case.collateral.decode()
    found = read(case.endorsements.documents, SGX)
    return json.dumps(
        {
            "pck_crl_issuer_chain": "",
            "root_ca_crl": found.root_ca_crl.hex(),
            "pck_crl": found.pck_crl.hex(),
            "tcb_info_issuer_chain": found.tcb_info_issuer_chain.decode(),
            "tcb_info": found.tcb_info.decode(),
            "tcb_info_signature": found.tcb_info_signature.hex(),
            "qe_identity_issuer_chain": found.qe_identity_issuer_chain.decode(),
            "qe_identity": found.qe_identity.decode(),
            "qe_identity_signature": found.qe_identity_signature.hex(),
            "pck_certificate_chain": (found.pck_certificate_chain or b"").decode(),
        }
    )


def _root(case: VectorCase) -> bytes | None:
    if not case.endorsements.anchors:
        return None
    pem = case.endorsements.documents["tcb_info_issuer_chain"].decode()
    body = pem.split("-----BEGIN CERTIFICATE-----")[-1].split("-----END")[0]
    return b64decode(body)
