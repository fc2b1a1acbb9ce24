# SPDX-License-Identifier: Apache-2.0
"""An auction house: the auction in a TEE, a verified session with it, and a record of all that came out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import auction
from ttee.app.bundle import Bundle
from ttee.appraise import Policy, parse_policy, starting_policy
from ttee.connect import connect, verify
from ttee.model import Claims
from ttee.tee import tee_named


class House:
    """One auction from start to end."""

    def __init__(self, bundle: Bundle, tee: str, state: Path) -> None:
        entry = tee_named(tee)
        assert entry.launch is not None
        self.policy = policy_for(bundle, tee, state)
        self.instance = entry.launch(bundle, state=state)
        self.given_out: list[bytes] = []
        try:
            session = connect(self.instance, self.policy)
        except BaseException:
            self.instance.close()
            raise
        self._call = session.call
        self._seller = auction.Seller(self.ask)
        self.given_out += session.evidence.parts.values()

    def ask(self, request: bytes) -> bytes:
        """One request, one answer."""
        self.given_out.append(self._call(request))
        return self.given_out[-1]

    def open(self, lot: str, reserve: int) -> None:
        """Open the auction; this house's seller keeps the token."""
        self._seller.open(lot, reserve)

    def bids(self, **amounts: int) -> list[auction.Receipt]:
        """Bid in this order; the receipts."""
        return [auction.Bidder(self.ask, name).bid(amount) for name, amount in amounts.items()]

    def closed(self) -> tuple[str, Claims]:
        """The result text, and the claims of its evidence, found authentic."""
        text, evidence = self._seller.close(self.instance.tee)
        return text, verify(evidence, self.policy.endorsements())

    def close(self) -> auction.Result:
        """The result, held against its evidence."""
        return auction.check_result(*self.closed())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.instance.close()


def policy_for(bundle: Bundle, tee: str, state: Path) -> Policy:
    """What a bidder would accept: this app, measured from source, on this machine's device."""
    entry = tee_named(tee)
    text = starting_policy(
        "auction",
        tee,
        entry.measure(bundle) if entry.measure else {},
        app=bundle.measurement,
        anchors=entry.anchors(state) if entry.anchors else (),
        assurance=entry.assurance,
    )
    return parse_policy(text.encode(), where="auction.policy.toml")
