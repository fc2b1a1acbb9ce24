# SPDX-License-Identifier: Apache-2.0
"""A guest's measurement is recomputed from the settings that its owner knows, and the verifier then expects it."""

from __future__ import annotations

import pytest

from tests.tee.amd.guests import EXPECTED, IMAGE, KERNEL
from tests.tee.amd.vendors import vendor, wrapped
from ttee.appraise import appraise, parse_policy
from ttee.errors import UsageError
from ttee.model import ClaimValue, Status
from ttee.tee.amd import TEE
from ttee.tee.amd.guest import CPUS, GUEST
from ttee.testing.amd import NOW

ONE = {"vcpus": "1", "vmm": "qemu", "cpu": "EPYC-Milan", "features": "0x1"}


def measured(files: dict[str, bytes] | None = None, **words: str) -> ClaimValue:
    return GUEST.measure({"firmware": IMAGE, **(files or {})}, ONE | words)["measurement"]


@pytest.mark.parametrize("line", EXPECTED)
def test_settings_give_what_sev_snp_measure_computes(line: str) -> None:
    vmm, vcpus, features, kernel, expected = line.split()
    files = {"kernel": KERNEL[0], "initrd": KERNEL[1]} if kernel == "kernel" else {}
    words = {"append": KERNEL[2]} if kernel == "kernel" else {}
    found = measured(files, vmm=vmm, vcpus=vcpus, features=features, **words)
    assert found == bytes.fromhex(expected)


def test_models_of_processors_are_those_of_qemu() -> None:
    assert {name: f"{signature:x}" for name, signature in CPUS.items()} == {
        "EPYC": "800f12",
        "EPYC-Rome": "830f10",
        "EPYC-Milan": "a00f11",
        "EPYC-Genoa": "a10f10",
        "EPYC-Turin": "b00f00",
    }


def test_versions_of_a_model_and_its_signature_are_the_same() -> None:
    assert measured() == measured(cpu="EPYC-Milan-v2") == measured(cpu="0x00A00F11")
    assert measured(cpu="EPYC") == measured(cpu="EPYC-IBPB") != measured()


def test_other_hypervisors_measure_no_model() -> None:
    anywhere = {name: text for name, text in ONE.items() if name != "cpu"} | {"vmm": "ec2"}
    assert GUEST.measure({"firmware": IMAGE}, anywhere)["measurement"] == measured(vmm="ec2")
    with pytest.raises(UsageError, match="under QEMU") as caught:
        GUEST.measure({"firmware": IMAGE}, anywhere | {"vmm": "qemu"})
    assert "EPYC-Turin" in str(caught.value.hint)


def test_a_command_line_is_measured_as_the_bytes_that_were_typed() -> None:
    kernel = {"kernel": b"kernel"}
    assert measured(kernel, append="quiet \udcff") != measured(kernel, append="quiet \udcfe")
    assert measured(kernel) == measured(kernel | {"initrd": b""}, append="")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"vcpus": "four"}, "not a number"),
        ({"vcpus": "-1"}, "not a number"),
        ({"vcpus": "٤"}, "not a number"),
        ({"vcpus": "0"}, "1 to 1024"),
        ({"vcpus": "1025"}, "1 to 1024"),
        ({"cpu": "EPYC-Naples"}, "no processor 'EPYC-Naples'"),
        ({"cpu": "EPYC-Milan-v0"}, "no processor"),
        ({"cpu": "0x1234567890"}, "no processor"),
        ({"cpu": "a00f11"}, "no processor"),
        ({"features": "yes"}, "not SEV_FEATURES"),
        ({"features": "0x10000000000000001"}, "not SEV_FEATURES"),
        ({"features": "0x2"}, "without SEV-SNP"),
        ({"append": "quiet"}, "--append without --kernel"),
    ],
)
def test_what_no_guest_has_is_named_with_what_to_write(words: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        GUEST.measure({"firmware": IMAGE}, ONE | words)
    assert caught.value.hint


def test_a_ram_disk_needs_its_kernel() -> None:
    with pytest.raises(UsageError, match="--initrd without --kernel"):
        measured({"initrd": b"initrd"})


def test_a_policy_with_it_accepts_that_guest_and_no_other() -> None:
    value = measured()
    assert isinstance(value, bytes)
    policy = parse_policy(
        'schema = "ttee.policy/1"\nname = "guest"\n[freshness]\nnonce = "optional"\n'
        f'[tee.amd-sev-snp]\nmeasurement = ["{value.hex()}"]\n'.encode(),
        where="guest.toml",
    )
    chip = vendor().chip()
    for measurement, expected in ((value, Status.PASS), (bytes(48), Status.FAIL)):
        evidence = wrapped(chip.report(measurement=measurement))
        claims = TEE.verify(evidence, vendor().endorsements(chip), at=NOW)
        checks = appraise(claims, [policy], at=NOW.isoformat()).checks
        found = {check.id: check.status for check in checks}
        assert found["policy.amd-sev-snp.measurement"] is expected
