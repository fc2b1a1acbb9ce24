# SPDX-License-Identifier: Apache-2.0
"""Devices whose key anybody holds: published for tests, or made of a secret that was never written.

Such a device boots, measures and signs like any other. A policy may even pin it. It is refused all the same.
"""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.attacks.genuine import AT, NONCE, with_secret
from ttee.appraise import appraise, parse_policy
from ttee.errors import TeeDiedError, WeakKeyError
from ttee.model import Assurance, Endorsements, Evidence, Status, Tier
from ttee.tee.keystone import verify as keystone
from ttee.tee.keystone.weak_keys import KNOWN
from ttee.tee.riscv.verify import verify

ERASED = b"\xff" * 32


def test_a_device_without_a_secret_does_not_even_boot() -> None:
    with pytest.raises(TeeDiedError, match="no device secret"):
        with_secret(bytes(32))


@pytest.mark.parametrize("secret", [ERASED, bytes(range(32))], ids=["erased", "counted"])
def test_a_device_that_nobody_provisioned_is_refused_though_it_is_pinned(secret: bytes) -> None:
    weak = with_secret(secret)
    with pytest.raises(WeakKeyError, match="anybody can sign with it"):
        weak.judge(weak.evidence)


def test_for_a_test_it_is_worth_a_simulation_and_never_affirmed() -> None:
    weak = with_secret(ERASED)
    claims = verify(weak.evidence, Endorsements(anchors=weak.anchors, development=True), nonce=NONCE)
    assert claims.assurance is Assurance.SIMULATED
    assert appraise(claims, [weak.policy], at=AT).status is Tier.CONTRAINDICATED
    developing = evolve(
        weak.policy,
        loosened=parse_policy(
            b'schema = "ttee.policy/1"\nname = "x"\ninsecure-development = true', where="x"
        ).loosened,
    )
    verdict = appraise(claims, [developing], at=AT)
    assert verdict.status is Tier.WARNING
    assert verdict.loosened == ("insecure-development",)
    assert Status.SKIPPED in {check.status for check in verdict.checks}


@pytest.mark.parametrize("key", KNOWN, ids=lambda key: key.hex()[:8])
def test_every_known_key_is_refused_as_an_anchor(key: bytes) -> None:
    """A report that names the key, and a policy that pins it: its signature is not even looked at."""
    weak = with_secret(ERASED)
    report = bytearray(weak.part("report"))
    report[1320:1352] = key
    anchors = (evolve(weak.anchors[0], tee="keystone", key=key),)
    with pytest.raises(WeakKeyError):
        keystone.verify(Evidence("keystone", {"report": bytes(report)}), Endorsements(anchors=anchors))
