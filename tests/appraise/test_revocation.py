# SPDX-License-Identifier: Apache-2.0
"""Revocation as a rule: `revocation-checked = true` accepts evidence whose certificates were held against current lists
or answers, and refuses it, with exit code 5, where one is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import pytest
from attrs import evolve

from tests.appraise.test_starting import failed, judged, started
from tests.appraise.vendors import STORIES, Story
from ttee.cli.verdict_text import exit_code
from ttee.errors import ExitCode
from ttee.model import Endorsements, Evidence
from ttee.tee.amd.products import GENOA
from ttee.tee.nvidia.evidence import pack
from ttee.tee.nvidia.rim import open_rim
from ttee.testing import amd, nitro, nvidia, tpm
from ttee.testing.azure import ConfidentialVm

CHIPS = amd.Vendor.random(GENOA)
TPMS = tpm.Vendor.random()
CLOUD = nitro.Vendor.named("a cloud")
GPUS = nvidia.Vendor.named("a maker of GPUs")
PCRS = (("sha256", range(12)),)


def _tpm() -> tpm.Tpm:
    made = TPMS.tpm()
    made.pcrs["sha256"] = {pcr: bytes([pcr + 1]) * 32 for pcr in range(12)}
    return made


def _snp() -> Story:
    chip = CHIPS.chip()
    return Story(Evidence("amd-sev-snp", {"report": chip.report()}), CHIPS.endorsements(chip), amd.NOW)


def _nitro() -> Story:
    """AWS publishes lists for zones and regions; certificates of instances and enclaves name none."""
    lists = {f"crl.{level}": CLOUD.crl(level) for level in ("root", "region")}
    evidence = Evidence("aws-nitro", {"document": CLOUD.enclave().document()})
    return Story(evidence, CLOUD.endorsements(**lists), nitro.NOW)


def _quotes() -> Story:
    machine = _tpm()
    evidence = machine.evidence(b"", PCRS, ak_certificate=machine.ak_certificate())
    return Story(evidence, TPMS.endorsements(crl=TPMS.crl()), tpm.NOW)


def _azure() -> Story:
    vm = ConfidentialVm(CHIPS.chip(), _tpm())
    evidence = vm.evidence(chosen=PCRS, ak_certificate=vm.tpm.ak_certificate())
    given = vm.endorsements()
    documents = {**given.documents, "ak_chain": TPMS.chain(), "ak_crl": TPMS.crl()}
    return Story(
        evidence, Endorsements((*given.anchors, evolve(TPMS.anchor(), tee="azure-vtpm")), documents), amd.NOW
    )


def _nvidia() -> Story:
    """The device makes its own certificate, which no service knows; there are answers about all others."""
    gpu = GPUS.gpu()
    rims = GPUS.rims(gpu)
    levels = [(GPUS.authority(below), above) for above, below in pairwise(nvidia.LEVELS)]
    levels.append((open_rim(rims["rim.driver"], "rim.driver").path[0].der, "root"))  # which signed both
    answers = {
        f"ocsp.{number}": nvidia.ocsp_answer(certificate, GPUS.authority(above), GPUS.key(above))
        for number, (certificate, above) in enumerate(levels)
    }
    return Story(pack([gpu.answer()]), GPUS.endorsements({**rims, **answers}), nvidia.NOW)


CHECKED: Mapping[str, Callable[[], Story]] = MappingProxyType(
    {
        "amd-sev-snp": _snp,
        "aws-nitro": _nitro,
        "azure-vtpm": _azure,
        "nvidia-gpu": _nvidia,
        "tpm": _quotes,
    }
)
RULE = "revocation-checked = true"


def without(story: Story, name: str) -> Story:
    given = story.endorsements
    left = {each: data for each, data in given.documents.items() if each != name}
    return evolve(story, endorsements=evolve(given, documents=left))


def lists(story: Story) -> list[str]:
    return [name for name in story.endorsements.documents if name.startswith(("crl", "ak_crl", "ocsp"))]


@pytest.mark.parametrize("tee", CHECKED)
def test_with_all_lists_it_is_claimed_and_a_new_policy_requires_it(tee: str) -> None:
    story = CHECKED[tee]()
    claims = story.claims()
    assert claims.details["revocation_checked"] is True
    text = started(claims, story.at, anchors=story.anchors)
    assert RULE in text.splitlines()
    assert failed(judged(claims, text, story.at)) == []


@pytest.mark.parametrize("tee", CHECKED)
def test_without_any_one_of_them_it_is_not_and_the_rule_refuses(tee: str) -> None:
    story = CHECKED[tee]()
    policy = started(story.claims(), story.at, anchors=story.anchors)
    names = lists(story)
    assert names
    for name in names:
        claims = without(story, name).claims()
        assert claims.details["revocation_checked"] is False
        verdict = judged(claims, policy, story.at)
        assert failed(verdict) == [f"policy.{tee}.revocation-checked"]
        assert exit_code(verdict, strict=False) is ExitCode.REFUSED


@pytest.mark.parametrize("tee", CHECKED)
def test_a_policy_begun_without_them_has_the_rule_as_a_comment_with_what_is_missing(tee: str) -> None:
    story = CHECKED[tee]()
    bare = story
    for name in lists(story):
        bare = without(bare, name)
    claims = bare.claims()
    lines = started(claims, bare.at, anchors=bare.anchors).splitlines()
    at = lines.index(f"# {RULE}")
    assert lines[at - 1].startswith("#   revocation of ")
    assert not any("revocation-checked = false" in line for line in lines)
    assert failed(judged(claims, "\n".join(lines), bare.at)) == []
    required = started(claims, bare.at, anchors=bare.anchors, change=(f"# {RULE}", RULE))
    assert failed(judged(claims, required, bare.at)) == [f"policy.{tee}.revocation-checked"]


def test_of_a_pinned_key_nobody_says_whether_it_is_revoked() -> None:
    story = STORIES["tpm"]()
    claims = story.claims()
    assert claims.details["revocation_checked"] is False
    text = started(claims, story.at, anchors=story.anchors)
    assert f"#   no certificate was looked at that can be revoked\n# {RULE}" in text


def test_a_name_in_a_certificate_cannot_write_lines_of_a_policy() -> None:
    story = STORIES["tpm"]()
    claims = evolve(story.claims(), not_checked=("revocation of x\n[tee.riscv]\n: no list",))
    assert "tee.riscv" not in started(claims, story.at, anchors=story.anchors)
