# SPDX-License-Identifier: Apache-2.0
"""History, replayed: on which day which TEE stopped withstanding whom.

Fixtures, not predictions: they follow from dated entries, and show that days, budgets and fixes count as they should.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ttee.trust.answers import ask, scorecard
from ttee.trust.knowledge.facts import Fact
from ttee.trust.model.build import alone, build
from ttee.trust.shipped import shipped

SCALABLE: Mapping[str, Fact] = {"sgx_type": "scalable"}
MILAN: Mapping[str, Fact] = {"product": "milan"}
GENOA: Mapping[str, Fact] = {"product": "genoa"}


def broken(design: str, facts: Mapping[str, Fact], adversary: str, at: str) -> str:
    """What the adversary breaks on that day, with every fix of then applied and checked."""
    model = scorecard.unmendable(build(alone(design, shipped(), facts), shipped(), at=at))
    who, budget = ask.adversary(model, adversary)
    found = (each for each in scorecard.ORDER if ask.can(model, model.device(each), who, budget).broken)
    return scorecard.letters(frozenset(found))


@pytest.mark.parametrize(
    ("design", "facts", "adversary", "days"),
    [
        (
            "intel-sgx",
            SCALABLE,
            "operator:1000",
            {"2025-08-31": "-", "2025-09-29": "-", "2025-09-30": "CIAKF"},
        ),
        ("intel-sgx", SCALABLE, "operator:49", {"2025-09-30": "-", "2026-11-21": "-"}),
        ("intel-tdx", {}, "operator:1000", {"2025-10-27": "-", "2025-10-28": "CAK", "2026-09-14": "CIAKF"}),
        ("intel-tdx", {}, "operator:999", {"2025-10-28": "-", "2026-09-14": "CIAF"}),
        ("intel-tdx", {}, "host", {"2023-01": "-", "2026-11-21": "-"}),
        ("nvidia-gpu", {}, "operator:1000", {"2025-10-27": "-", "2025-10-28": "CAK"}),
        ("amd-sev-snp", MILAN, "host", {"2026-05-12": "-", "2026-05-13": "AK", "2026-11-21": "AK"}),
        ("amd-sev-snp", GENOA, "host", {"2026-05-13": "-", "2026-11-21": "-"}),
        (
            "amd-sev-snp",
            MILAN,
            "operator:1000",
            {"2021-07-31": "-", "2021-08-01": "CAK", "2025-09-30": "CIAKF"},
        ),
        ("amd-sev-snp", GENOA, "operator:1000", {"2025-10-27": "-", "2025-10-28": "CAK"}),
        ("tpm-firmware", {}, "operator:1000", {"2020-03-04": "-", "2020-03-05": "AK", "2023-04-28": "AKF"}),
        ("intel-sgx-client", {}, "operator:29", {"2017-09-30": "-", "2017-10-01": "V", "2026-11-21": "V"}),
        ("intel-sgx-client", {}, "operator:30", {"2020-10-31": "V", "2020-11-01": "IKV"}),
    ],
)
def test_a_tee_falls_on_the_day_that_an_attack_is_published(
    design: str, facts: Mapping[str, Fact], adversary: str, days: Mapping[str, str]
) -> None:
    for day, letters in days.items():
        assert set(broken(design, facts, adversary, day)) == set(letters), day


def test_keys_of_scalable_sgx_are_out_with_battering_ram_already() -> None:
    """The study had them from WireTap on, a day or so later; the paper on Battering RAM reads the provisioning key."""
    assert "K" in broken("intel-sgx", SCALABLE, "operator:1000", "2025-09-30")


def test_without_its_fix_an_attack_counts_until_a_claim_refutes_it() -> None:
    def host(facts: Mapping[str, Fact]) -> bool:
        model = build(alone("amd-sev-snp", shipped(), facts), shipped(), at="2023-11-14")
        events = {"capability:host_root@machine"}
        return any(
            rule.id == "cachewarp" and not any(atom.endswith("attestation") for atom in rule.body)
            for rule in model.base.rules
        ) and model.base.breaks(events, model.device("integrity"))

    assert host(MILAN)
    assert host({**MILAN, "reported_ucode_svn": 208})
    assert not host({**MILAN, "reported_ucode_svn": 209})
    assert host(GENOA)  # lists differ on whether it is affected, so it counts
    assert not host({**GENOA, "reported_ucode_svn": 84})


def test_a_buyer_of_one_machine_breaks_whoever_does_not_pin_theirs() -> None:
    """TEE.fail on a machine of one's own: equipment and machine, and no access to yours."""
    model = build(alone("intel-tdx", shipped(), {"tcb_status": "UpToDate", "tcb_evaluation": 30}), shipped())
    who, _ = ask.adversary(model, "buyer")
    price = shipped().designs["intel-tdx"].machine_usd
    found = ask.can(model, model.goal("attestation"), who, 10_000)
    assert found.broken
    assert found.spent == price + min(159, 1000)
    assert not ask.can(model, model.goal("attestation"), who, price).broken
