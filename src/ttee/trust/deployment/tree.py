# SPDX-License-Identifier: Apache-2.0
"""Deployments (docs/spec/trust.md, section 4): TEEs, whose they are, and what they are combined to."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ttee.trust.knowledge.facts import Fact
from ttee.trust.knowledge.terms import Holders, Party

if TYPE_CHECKING:
    from ttee.trust.deployment.parts import Part


class Tee(NamedTuple):
    """One TEE: its design, where it runs and whose it is. `facts` count only while attestation is unbroken."""

    design: str
    machine: str
    operator: str | None = None
    owner: str | None = None
    author: str | None = None
    verifier: str | None = None
    code: str = "app"
    pin: bool = False
    facts: Mapping[str, Fact] = MappingProxyType({})
    roles: Mapping[str, Holders] = MappingProxyType({})


class Deployment(NamedTuple):
    """Named parts without circles; `root` is the one that users rely on."""

    name: str
    root: str
    parts: Mapping[str, "Part"]
    parties: Mapping[str, Party]
    at: str | None = None

    def below(self, part: str) -> tuple[str, ...]:
        """The parts that `part` is made of, itself included, each before those that it is in."""
        from ttee.trust.deployment.parts import children  # noqa: PLC0415 (nothing is below a TEE)

        found: dict[str, None] = {}
        stack: list[tuple[str, bool]] = [(part, False)]
        while stack:
            name, done = stack.pop()
            if done:
                found[name] = None
            elif name not in found:
                stack.append((name, True))
                stack.extend((child, False) for child in reversed(children(self.parts[name], self.parts)))
        return tuple(found)
