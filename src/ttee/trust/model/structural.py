# SPDX-License-Identifier: Apache-2.0
"""What follows from a design alone, where no attack is published: rules S1 to S8 (docs/spec/trust.md, 5.2).

S5, that evidence without an identity cannot be pinned, is `Leaf.pinned`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ttee.trust.calculus.rules import Source
from ttee.trust.knowledge.terms import Property

if TYPE_CHECKING:
    from ttee.trust.model.leaf import Leaf

SPEC = (Source("docs/spec/trust.md, section 5.2"),)
DIVERTED: Mapping[Property, tuple[str, ...]] = MappingProxyType(
    {
        Property.ATTESTATION: (),
        Property.CONFIDENTIALITY: ("exposed",),
        Property.INTEGRITY: ("exposed", Property.INTEGRITY),
        Property.FRESHNESS: (Property.FRESHNESS,),
        Property.LEAKAGE: (Property.LEAKAGE,),
    }
)
"""What is broken on another machine of the design, and what those lose by it who are led there for want of a pin.
Attestation is different: a key forges evidence."""


def structural_rules(leaf: Leaf) -> None:
    """Adds those that the leaf's design gives rise to. An unknown dimension counts for the attacker."""
    _memory(leaf)
    _roles(leaf)
    _host(leaf)
    _as_it_runs(leaf)


def _rule(leaf: Leaf, id_: str, effects: tuple[Property, ...], says: str, *body: str) -> None:
    for effect in effects:
        leaf.book.rule(leaf.head(effect), says, *body, id_=id_, sources=SPEC)


def _left_open(
    leaf: Leaf, id_: str, effects: tuple[Property, ...], says: str, exposure: str, *needs: str
) -> None:
    """Once somebody works out what the design leaves open, with these capabilities here; or on another machine."""
    _rule(leaf, id_, effects, says, exposure, *map(leaf.capability, needs))
    for where, there in leaf.on_another_machine(needs):
        for effect in effects:
            if effect in DIVERTED:
                leaf.book.rule(
                    leaf.elsewhere(effect), f"{says}, {where}", exposure, *there, id_=id_, sources=SPEC
                )


def _memory(leaf: Leaf) -> None:
    design, book = leaf.design, leaf.book
    on_a_bus = design.may_be("memory_confidentiality", "none", "deterministic", "counter")
    if design.may_be("memory_confidentiality", "none", "deterministic") and design.may_be(
        "memory_freshness", "none"
    ):
        exposure = book.exposure("S1", design, f"somebody reads patterns off the memory bus of {design.name}")
        says = "equal plaintexts at one address have equal ciphertexts"
        _left_open(leaf, "S1", (Property.LEAKAGE,), says, exposure, "bus_passive")
        if design.may_be("signing", "random-nonce-in-dram"):
            says += ", and nonces of the attestation key pass through that memory"
            _left_open(leaf, "S1", (Property.ATTESTATION, Property.KEYS), says, exposure, "bus_passive")
    if on_a_bus and design.may_be("memory_freshness", "none", "remap-guard"):
        exposure = book.exposure("S2", design, f"somebody replays memory on the bus of {design.name}")
        says = "old ciphertext, put back on the bus, is taken for the present one"
        _left_open(leaf, "S2", (Property.INTEGRITY, Property.FRESHNESS), says, exposure, "bus_active")


def _roles(leaf: Leaf) -> None:
    design = leaf.design
    if "manufacturer" in leaf.roles and design.may_be("key_origin", "vendor-keeps", "vendor-diversified"):
        says = "its maker put the root key in, and may have kept it"
        _rule(leaf, "S3", (Property.ATTESTATION, Property.KEYS), says, leaf.role("manufacturer"))
    certifier, operator = leaf.role("certifier"), leaf.tee.operator
    if operator is not None and certifier == leaf.book.party(operator):
        says = "who runs the machine also certifies it"
        _rule(leaf, "S4", (Property.CONFIDENTIALITY,), says, certifier)
        leaf.book.rule(leaf.atom(Property.ATTESTATION), says, certifier, id_="S4", sources=SPEC)
    if "updater" in leaf.roles and design.dimensions.get("updates") != "immutable":
        says = "whoever may update it can sign harmful firmware"
        silent = leaf.assumed.firmware_logs
        body = (leaf.role("updater"), *silent)
        _rule(leaf, "S8", (Property.CONFIDENTIALITY, Property.INTEGRITY), says, *body)
        if (
            design.dimensions.get("launch") != "dice"
        ):  # where other firmware has another key, which nobody certified
            _rule(leaf, "S8", (Property.ATTESTATION,), says, *body)


def _host(leaf: Leaf) -> None:
    design, book = leaf.design, leaf.book
    if design.may_be("sharing", "time-shared-core") and design.may_be("side_channels", "out"):
        exposure = book.exposure("S6", design, f"somebody finds a side channel of {design.name}")
        says = "it shares a core with its host, which may watch from there"
        _left_open(leaf, "S6", (Property.LEAKAGE,), says, exposure, "host_root")
    if design.may_be("set_up_by", "host-firmware"):
        exposure = book.exposure("S7", design, f"somebody has the set-up of {design.name} go wrong")
        says = "untrusted firmware sets up what isolates it"
        _left_open(leaf, "S7", (Property.INTEGRITY,), says, exposure, "host_firmware", "host_root")


def _as_it_runs(leaf: Leaf) -> None:
    """An emulator, a simulation: what a verifier says of how real it is (section 5.1)."""
    facts, host = leaf.tee.facts, leaf.capability("host_root")
    if facts.get("assurance") in ("emulated", "simulated"):
        says = "nobody vouches for a real chip: whoever has the machine looks inside, and takes its keys"
        stolen = (Property.CONFIDENTIALITY, Property.INTEGRITY, Property.ATTESTATION, Property.KEYS)
        _rule(leaf, "emulated", stolen, says, host)
    if facts.get("assurance") == "simulated":
        says = "anybody can make evidence of a simulated TEE"
        leaf.book.rule(leaf.atom(Property.ATTESTATION), says, id_="simulated", sources=SPEC)
