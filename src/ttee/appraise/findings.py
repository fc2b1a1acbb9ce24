# SPDX-License-Identifier: Apache-2.0
"""How one check of an appraisal ended, and what it says of the TEE (docs/spec/verdict.md)."""

from __future__ import annotations

from attrs import frozen

from ttee.model import Check, CheckSpec, ClaimValue, Status

IDENTITY, CONFIGURATION, EXECUTABLES, HARDWARE = (
    "instance-identity",
    "configuration",
    "executables",
    "hardware",
)


@frozen(slots=True)
class Finding:
    """One check as it ended, the category it speaks of, and the loosening without which it had failed."""

    check: Check
    category: str = ""
    loosened: str = ""


def passed(spec: CheckSpec, detail: str, category: str = "", loosened: str = "") -> Finding:
    """A check that held, perhaps by a loosening."""
    return Finding(Check(spec.id, Status.PASS, detail, spec.source), category, loosened)


def failed(spec: CheckSpec, detail: str, category: str = "") -> Finding:
    """A check that did not."""
    return Finding(Check(spec.id, Status.FAIL, detail, spec.source), category)


def skipped(spec: CheckSpec, detail: str, category: str = "", loosened: str = "") -> Finding:
    """A check that was not made, or that nobody insists on."""
    return Finding(Check(spec.id, Status.SKIPPED, detail, spec.source), category, loosened)


def shown(value: ClaimValue) -> str:
    """A claim's value in a detail."""
    if isinstance(value, tuple):
        return ", ".join(shown(each) for each in value)
    return value.hex() if isinstance(value, bytes) else "" if value is None else str(value)


def kebab(name: str) -> str:
    """A claim's name as policies spell it."""
    return name.replace("_", "-")
