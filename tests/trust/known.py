# SPDX-License-Identifier: Apache-2.0
"""A small knowledge base, written as its files are, and deployments over it."""

from __future__ import annotations

from functools import cache

from ttee.trust.deployment.file import parse_deployment
from ttee.trust.deployment.tree import Deployment
from ttee.trust.knowledge.reading import parse_knowledge
from ttee.trust.knowledge.terms import Knowledge
from ttee.trust.model.build import Model, build

TOP = 'schema = "ttee.knowledge/1"\nas_of = "2026-11-21"\n'

CAPABILITIES = """
schema = "ttee.capabilities/1"
[capability.net]
name = "the network on the way"
class = "remote"
scope = "network"
[capability.host_root]
name = "the host's kernel"
class = "host"
scope = "machine"
by_operator = true
by_owner = true
[capability.host_firmware]
name = "the host's firmware"
class = "host"
scope = "machine"
by_operator = true
by_owner = true
implies = ["host_root"]
[capability.bus_passive]
name = "a passive interposer on the memory bus"
class = "physical"
scope = "machine"
by_operator = true
by_owner = true
[capability.bus_active]
name = "an active interposer on the memory bus"
class = "physical"
scope = "machine"
by_operator = true
by_owner = true
[capability.vendor_key_or_insider]
name = "the maker's keys, or an insider"
class = "supply"
scope = "role"
roles = ["manufacturer", "certifier"]
[capability.supply_board]
name = "boards before they are delivered"
class = "supply"
scope = "role"
roles = ["assembler"]
"""

PARTIES = """
schema = "ttee.parties/1"
[party.intel]
name = "Intel"
jurisdiction = "us"
[party.amd]
name = "AMD"
jurisdiction = "us"
[party.arm]
name = "Arm"
jurisdiction = "uk"
[party.google]
name = "Google"
jurisdiction = "us"
[party.microsoft]
name = "Microsoft"
jurisdiction = "us"
[party.ovh]
name = "OVH"
jurisdiction = "fr"
[party.linkedin]
name = "LinkedIn"
jurisdiction = "us"
parent = "microsoft"
"""

ADVERSARIES = """
schema = "ttee.adversaries/1"
[adversary.network]
name = "whoever is on the way"
capabilities = ["net"]
[adversary.host]
name = "whoever has the host's software"
capabilities = ["net", "host_root"]
scope = "operator"
[adversary.operator]
name = "whoever runs the machine"
capabilities = ["net", "host_root", "host_firmware", "bus_passive", "bus_active"]
scope = "operator"
elsewhere = true
budget_usd = 1000
[adversary.maker]
name = "the maker"
capabilities = []
roles = ["manufacturer"]
"""

DESIGN = """
schema = "ttee.tee-model/1"
id = "{id}"
name = "{name}"
classes = ["silicon"]
machine_usd = {machine}
studies = 3
[roles]
manufacturer = "{maker}"
certifier = "{maker}"
updater = "{maker}"
[dimensions]
memory_confidentiality = "{memory}"
memory_freshness = "none"
sharing = "time-shared-core"
side_channels = "out"
key_origin = "vendor-keeps"
signing = "random-nonce-in-dram"
evidence_identity = "{identity}"
updates = "vendor"
set_up_by = "{set_up_by}"
[[component]]
id = "{id}-chip"
name = "the chip of {name}"
maker = "{maker}"
[[component]]
id = "{id}-firmware"
name = "the firmware of {name}"
maker = "{maker}"
[[source]]
text = "its makers' documents"
"""

DESIGNS = {
    "tdx": DESIGN.format(
        id="tdx",
        name="TDX",
        machine=5000,
        maker="intel",
        memory="deterministic",
        identity="chip",
        set_up_by="own-firmware",
    ),
    "snp": DESIGN.format(
        id="snp",
        name="SNP",
        machine=4000,
        maker="amd",
        memory="deterministic",
        identity="chip",
        set_up_by="host-firmware",
    ),
    "cca": DESIGN.format(
        id="cca",
        name="CCA",
        machine=0,
        maker="arm",
        memory="on-chip",
        identity="none",
        set_up_by="own-firmware",
    ),
}

ATTACK = """
schema = "ttee.attack/1"
id = "{id}"
name = "{id}"
public = "{public}"
needs = {needs}
breaks = {breaks}
{cost}
reach = "{reach}"
fix = {{ kind = "{fix}", text = "see its source" }}
sources = [{{ text = "a paper" }}]
{targets}
"""


def attack(
    id_: str,
    public: str,
    needs: str,
    breaks: str,
    targets: str,
    *,
    cost: int | None = None,
    fix: str = "none",
    reach: str = "machine",
) -> str:
    price = f"cost_usd = {cost}" if cost is not None else ""
    return ATTACK.format(
        id=id_, public=public, needs=needs, breaks=breaks, targets=targets, cost=price, fix=fix, reach=reach
    )


ATTACKS = {
    "bus-tap": attack(
        "bus-tap",
        "2025-10-28",
        '[["bus_passive", "host_root"]]',
        '["attestation", "keys", "confidentiality"]',
        '[[target]]\ntee = "tdx"\n[[target]]\ntee = "snp"',
        cost=1000,
    ),
    "old-microcode": attack(
        "old-microcode",
        "2024",
        '[["host_root"]]',
        '["confidentiality", "integrity"]',
        '[[target]]\ntee = "snp"\nwhen = [{ fact = "product", is = "milan" }]\n'
        'unless = [{ fact = "spl", at_least = 27 }]',
        fix="tcb",
    ),
    "bad-fuse": attack(
        "bad-fuse",
        "2026-05-13",
        '[["host_firmware", "host_root"]]',
        '["attestation", "keys"]',
        '[[target]]\ntee = "snp"\nwhen = [{ fact = "product", is = "milan" }]',
    ),
    "group-key": attack(
        "group-key",
        "2020",
        '[["host_root"]]',
        '["attestation"]',
        '[[target]]\ntee = "cca"',
        reach="fleet",
        fix="tcb",
    ),
}


def knowledge_of(
    designs: dict[str, str] | None = None, attacks: dict[str, str] | None = None, **single: str
) -> Knowledge:
    files = {
        "knowledge": TOP,
        "capabilities": CAPABILITIES,
        "parties": PARTIES,
        "adversaries": ADVERSARIES,
        **single,
    }
    return parse_knowledge(
        {f"{name}.toml": text.encode() for name, text in files.items()},
        [(f"{name}.toml", text.encode()) for name, text in (DESIGNS if designs is None else designs).items()],
        [(f"{name}.toml", text.encode()) for name, text in (ATTACKS if attacks is None else attacks).items()],
    )


@cache
def knowledge() -> Knowledge:
    return knowledge_of()


def deployment(parts: str, **top: str) -> Deployment:
    lines = "".join(f'{key} = "{value}"\n' for key, value in top.items())
    text = f'schema = "ttee.deployment/1"\nname = "made for a test"\n{lines}\n{parts}'
    return parse_deployment(text.encode(), knowledge(), name="d.toml")


def model(parts: str, *, at: str | None = None, fixed: tuple[str, ...] = (), **top: str) -> Model:
    return build(deployment(parts, **top), knowledge(), at=at, fixed=fixed)
