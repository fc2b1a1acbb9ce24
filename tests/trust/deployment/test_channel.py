# SPDX-License-Identifier: Apache-2.0
"""What breaks an attested channel: the table of docs/spec/trust.md, section 6, cell by cell."""

from __future__ import annotations

import pytest

from ttee.trust.calculus.cuts import cuts_of
from ttee.trust.calculus.rules import RuleBase
from ttee.trust.deployment.channel import Binding, Secrets, channel_rules

AK_A, AK_B, TLS_A, TLS_B, EPH_A, VENDOR = "ak:a", "ak:b", "tls:a", "tls:b", "ephemeral:a", "vendor"
EVENTS = ("net", AK_A, AK_B, TLS_A, TLS_B, EPH_A, VENDOR)
SECRETS = Secrets("net", AK_A, AK_B, TLS_A, TLS_B, EPH_A, None, VENDOR)
NOTHING_MORE: tuple[str, ...] = ()

TABLE = [
    (Binding.NONE, False, NOTHING_MORE, NOTHING_MORE),
    (Binding.NONE, True, NOTHING_MORE, NOTHING_MORE),
    (Binding.TLS_KEY, False, (AK_A, AK_B, TLS_A, TLS_B, EPH_A, VENDOR), NOTHING_MORE),
    (Binding.TLS_KEY, True, (AK_A, TLS_A, EPH_A, VENDOR), (AK_A, TLS_A, VENDOR)),
    (Binding.EXPORTER, False, (AK_A, AK_B, EPH_A, VENDOR), NOTHING_MORE),
    (Binding.EXPORTER, True, (AK_A, EPH_A, VENDOR), (AK_A, VENDOR)),
]


def cuts(binding: Binding, pin: bool, goal: str, secrets: Secrets = SECRETS) -> set[frozenset[str]]:
    goals, rules = channel_rules("c", binding, secrets, pin=pin)
    events = [*EVENTS, *([secrets.share_b] if secrets.share_b else [])]
    return set(cuts_of(RuleBase(rules), events, getattr(goals, goal)).listed(100))


def with_net(events: tuple[str, ...]) -> set[frozenset[str]]:
    return {frozenset({"net", event}) for event in events} or {frozenset({"net"})}


@pytest.mark.parametrize(("binding", "pin", "secrecy", "_identity"), TABLE)
def test_secrecy_is_broken_by_the_network_and_one_of_these(
    binding: Binding, pin: bool, secrecy: tuple[str, ...], _identity: tuple[str, ...]
) -> None:
    assert cuts(binding, pin, "secrecy") == with_net(secrecy)


@pytest.mark.parametrize(("binding", "pin", "_secrecy", "identity"), TABLE)
def test_the_peers_identity_is_broken_by_the_network_and_one_of_these(
    binding: Binding, pin: bool, _secrecy: tuple[str, ...], identity: tuple[str, ...]
) -> None:
    assert cuts(binding, pin, "identity") == with_net(identity)


@pytest.mark.parametrize("binding", [Binding.EPHEMERAL, Binding.EARLY_EXPORTER])
def test_an_intra_handshake_binding_is_relayed_once_any_machines_ephemeral_leaks(binding: Binding) -> None:
    secrets = Secrets("net", AK_A, AK_B, TLS_A, TLS_B, EPH_A, "ephemeral:b", VENDOR)
    assert frozenset({"net", "ephemeral:b"}) in cuts(binding, False, "secrecy", secrets)
    assert frozenset({"net", "ephemeral:b"}) not in cuts(binding, True, "secrecy", secrets)


def test_a_pin_moves_the_cost_from_any_machine_to_the_pinned_one() -> None:
    for binding in (Binding.TLS_KEY, Binding.EXPORTER):
        assert frozenset({"net", AK_B}) in cuts(binding, False, "secrecy")
        assert frozenset({"net", AK_B}) not in cuts(binding, True, "secrecy")
