# SPDX-License-Identifier: Apache-2.0
"""What people ask of each TEE (docs/spec/policy.md, section What people ask): each can be said, and is held to."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from attrs import evolve

from tests.appraise.claims import policy_of
from tests.appraise.vendors import STORIES
from ttee.appraise import appraise
from ttee.appraise.rules import split_key
from ttee.model import Claims, ClaimValue, Status

PAGE = Path(__file__).parents[2] / "docs/spec/policy.md"


@cache
def claims_of(tee: str) -> Claims:
    return STORIES[tee]().claims()


WISHES: list[tuple[str, str, str, ClaimValue]] = [
    # TEE, what its evidence says, the rule, and what it must not say
    ("intel-tdx", "min-tcb-evaluation", "17", 16),
    ("intel-tdx", "min-tcb-date", '"2025-03-07"', "2025-03-06T00:00:00Z"),
    ("intel-tdx", "max-age-tcb-date", "400", "2023-01-01T00:00:00Z"),
    ("intel-tdx", "tcb-status", '["UpToDate", "SWHardeningNeeded"]', "OutOfDate"),
    ("intel-tdx", "advisory-ids", '["INTEL-SA-00615"]', ("INTEL-SA-00615", "INTEL-SA-00837")),
    ("intel-tdx", "sept-ve-disable", "true", False),
    ("intel-tdx", "reserved-td-attributes", "false", True),
    ("intel-tdx", "reserved-xfam", "false", True),
    ("intel-tdx", "pks", "false", True),
    ("intel-tdx", "key-locker", "false", True),
    ("intel-tdx", "dynamic-platform", "true", False),
    ("intel-tdx", "cached-keys", "true", None),
    ("intel-tdx", "smt-enabled", "true", False),
    ("intel-tdx", "sgx-type", '["scalable", "scalable with integrity"]', "standard"),
    ("intel-tdx", "platform-instance", f'["{"00" * 16}"]', b"\x01" * 16),
    ("intel-tdx", "min-tee-tcb-svn", f'"050103{"00" * 13}"', bytes([5, 1, 2]) + bytes(13)),
    ("intel-tdx", "mr-td", "SAME", b"\x66" * 48),
    ("intel-tdx", "rtmr1", "SAME", b"\x66" * 48),
    ("intel-tdx", "user-data", "SAME", b"\x66" * 64),
    ("intel-sgx", "mr-enclave", "SAME", b"\x66" * 32),
    ("intel-sgx", "min-isv-svn", "0", -1),
    ("amd-sev-snp", "id-key-digest", "SAME", b"\x66" * 48),
    ("amd-sev-snp", "author-key-digest", "SAME", b"\x66" * 48),
    ("amd-sev-snp", "smt-allowed", "true", False),
    ("amd-sev-snp", "migration-allowed", "false", True),
    ("amd-sev-snp", "vmpl", "[0, 1]", 2),
    ("amd-sev-snp", "min-reported-snp-svn", "8", 7),
    ("amd-sev-snp", "min-guest-svn", "2", 1),
    ("amd-sev-snp", "alias-check-complete", "true", False),
    ("amd-sev-snp", "bits-platform-info", "0b100000", 1),
    ("amd-sev-snp", "bits-current-mit-vector", "0", None),
    ("amd-sev-snp", "min-firmware", '"1.55"', "1.54.9"),
    ("amd-sev-snp", "host-data", "SAME", b"\x66" * 32),
    ("aws-nitro", "pcr0", "SAME", b"\x66" * 48),
    ("aws-nitro", "prefix-module-id", '"i-0123456789abcdef0-"', "i-1"),
    ("tpm", "min-firmware-version", '"1.2"', "1.1.9.9"),
    ("tpm", "pcr-bank", '["sha256", "sha384"]', "sha1"),
    ("tpm", "unexplained-pcrs", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]", (12,)),
    ("nvidia-gpu", "nvdec0", '"enabled"', "disabled"),
    ("nvidia-gpu", "min-driver-version", '"550.90"', "535.129.03"),
    ("nvidia-gpu", "device-count", "1", 2),
    ("nvidia-gpu", "models", '["a GPU", "another GPU"]', ("a GPU", "a toaster")),
    ("arm-cca", "realm-initial-measurement", "SAME", b"\x66" * 32),
    ("arm-cca", "rem0", "SAME", b"\x66" * 32),
    ("arm-cca", "personalization", "SAME", b"\x66" * 64),
    ("arm-cca", "component-bl2", "SAME", b"\x66" * 32),
    ("arm-psa", "component-spe", "SAME", b"\x66" * 32),
    ("arm-psa", "implementation-id", "SAME", b"\x66" * 32),
]


@pytest.mark.parametrize(("tee", "key", "value", "other"), WISHES)
def test_a_wish_can_be_said_and_is_held_to(tee: str, key: str, value: str, other: ClaimValue) -> None:
    claims = claims_of(tee)
    _, name = split_key(key)
    said = claims.user_data if name == "user_data" else claims.details[name]
    if value == "SAME":
        assert isinstance(said, bytes)
        value = f'["{said.hex()}"]'
    policy = policy_of(f'schema = "ttee.policy/1"\nname = "a wish"\n[tee.{tee}]\n{key} = {value}\n')

    def ends(claims: Claims) -> Status:
        checks = appraise(claims, [policy], at=STORIES[tee]().at.isoformat()).checks
        return next(check.status for check in checks if check.id == f"policy.{tee}.{key}")

    assert ends(claims) is Status.PASS
    changed = (
        evolve(claims, user_data=other)  # type: ignore[arg-type]  # bytes, as user data are
        if name == "user_data"
        else evolve(claims, details={**claims.details, name: other})
    )
    assert ends(changed) is Status.FAIL


def test_every_wish_of_the_page_is_tried_here() -> None:
    section = PAGE.read_text().split("## What people ask")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \|(.*)\|$", section, re.MULTILINE)
    tried = {(tee, key) for tee, key, _, _ in WISHES}
    assert len(rows) >= 7
    for tee, wishes in rows:
        for key in re.findall(r"`([a-z0-9-]+)`", wishes):
            assert (tee, key) in tried
