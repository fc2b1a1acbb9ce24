# SPDX-License-Identifier: Apache-2.0
"""What TEEs are combined to (docs/spec/trust.md, section 4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ttee.trust.deployment.channel import Binding
from ttee.trust.deployment.tree import Tee
from ttee.trust.knowledge.terms import Holders


class KOf(NamedTuple):
    """Believed if k of the parts vouch. `all` and `any` are the ends of it."""

    k: int
    of: tuple[str, ...]


class Nest(NamedTuple):
    """`inner` runs within `outer`, and both are attested."""

    outer: str
    inner: str


class Split(NamedTuple):
    """A secret shared so that k parts have it; `verified`: wrong shares are found out."""

    k: int
    of: tuple[str, ...]
    verified: bool = True


class Replicate(NamedTuple):
    """Each part computes the same; an answer counts if `agree` are equal."""

    agree: int
    of: tuple[str, ...]


class Channel(NamedTuple):
    """Clients reach `to` over a network."""

    to: str
    binding: Binding
    pin: bool = False
    nonce: bool = True


class Poc(NamedTuple):
    """Proof of cloud: evidence counts only from machines that the holders `by` list."""

    of: str
    by: Holders


class Log(NamedTuple):
    """Code counts only if it is logged before witnesses."""

    of: str
    witnesses: Holders
    firmware: bool = False


class Release(NamedTuple):
    """Code counts only if k of the holders signed it."""

    of: str
    keys: Holders


class FheIn(NamedTuple):
    """Data stay encrypted; `integrity` computes on them; k of the key holders can decrypt."""

    integrity: str
    keyholders: Holders


class Once(NamedTuple):
    """Each act takes grants of k of the counters."""

    of: str
    counters: Holders


Part = Tee | KOf | Nest | Split | Replicate | Channel | Poc | Log | Release | FheIn | Once


def children(part: Part, parts: Collection[str]) -> tuple[str, ...]:
    """The parts directly in a part, holders that are parts included."""
    match part:
        case Tee():
            return ()
        case KOf(of=of) | Split(of=of) | Replicate(of=of):
            return of
        case Nest(outer, inner):
            return (outer, inner)
        case Channel(to=to):
            return (to,)
        case Poc(of, few) | Log(of, few) | Release(of, few) | FheIn(of, few) | Once(of, few):
            return (of, *(name for name in few.of if name in parts))
