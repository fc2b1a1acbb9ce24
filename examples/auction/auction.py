# SPDX-License-Identifier: Apache-2.0
"""The client's side of the auction: open, bid, close, and check the result without trusting anybody.

`ask` is whatever carries a request to the app and brings back its reply: the `call` of a verified session.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

from attrs import frozen

from ttee.codec import cbor
from ttee.errors import BindingError, MalformedEvidenceError
from ttee.model import Claims, Evidence

Ask = Callable[[bytes], bytes]

RESULT, EVIDENCE, POLICY = "auction.result.txt", "auction.evidence.json", "auction.policy.toml"
"""How the three files are called that prove a result."""

MAX_RESULT = 1024
MAX_EVIDENCE = 64 * 1024
_RESULT = re.compile(
    r"auction/1 result\n"
    r"lot (?P<lot>[A-Za-z0-9_-]{1,32})\n"
    r"reserve (?P<reserve>[1-9][0-9]{0,15})\n"
    r"bids (?P<bids>0|[1-9][0-9]{0,2})\n"
    r"sold (no|yes\nwinner (?P<winner>[A-Za-z0-9_-]{1,32})\nprice (?P<price>[1-9][0-9]{0,15}))\n"
)
_RECEIPT = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,32}) (?P<amount>[1-9][0-9]{0,15}) (?P<salt>[0-9a-f]{64})\n?")


class AuctionRefused(Exception):  # noqa: N818 (the app's own word)
    """The app did not take a request; the text says why."""


@frozen(slots=True)
class Receipt:
    """What a bidder keeps, and keeps secret: with it they find their own bid among the inputs."""

    name: str
    amount: int
    salt: bytes

    def commitment(self) -> bytes:
        """The payload of this bid's event in register 3."""
        return hashlib.sha256(
            b"auction/1 bid" + self.salt + self.name.encode() + b"\0" + str(self.amount).encode()
        ).digest()

    def __str__(self) -> str:
        """One line, as `read_receipt` reads it."""
        return f"{self.name} {self.amount} {self.salt.hex()}"


@frozen(slots=True)
class Result:
    """How the auction ended. `winner` and `price` are None when the lot was not sold."""

    lot: str
    reserve: int
    bids: int
    winner: str | None
    price: int | None


class Seller:
    """Opens the auction, and is the only one who can close it."""

    def __init__(self, ask: Ask) -> None:
        """Speak to the app through `ask`."""
        self._ask = ask
        self._token = ""

    def open(self, lot: str, reserve: int) -> None:
        """Offer `lot` for `reserve` or more. Raises AuctionRefused."""
        self._token = _word(_text(self._ask(f"open {lot} {reserve}".encode())), "token")

    def close(self, tee: str) -> tuple[str, Evidence]:
        """The result text and the evidence (of a TEE of this name) that binds it. Raises AuctionRefused."""
        reply = self._ask(f"close {self._token}".encode())
        text, found, parts = reply.partition(b"\n\n")
        if not found:
            _text(reply)
            raise MalformedEvidenceError("the reply to close has no evidence", where="auction reply")
        read = cbor.loads(parts, what="evidence in the auction's reply", max_size=MAX_EVIDENCE)
        if not isinstance(read, dict) or not all(isinstance(part, bytes) for part in read.values()):
            raise MalformedEvidenceError("evidence is a map of byte strings", where="auction reply")
        return _text(text + b"\n"), Evidence(tee=tee, parts=read)  # type: ignore[arg-type]  # checked above


class Bidder:
    """Sends one sealed bid."""

    def __init__(self, ask: Ask, name: str) -> None:
        """Speak to the app through `ask`, as `name`."""
        self._ask = ask
        self.name = name

    def bid(self, amount: int) -> Receipt:
        """Bid `amount`. Raises AuctionRefused."""
        salt = _word(_text(self._ask(f"bid {self.name} {amount}".encode())), "receipt")
        return Receipt(self.name, amount, bytes.fromhex(salt))


def status(ask: Ask) -> str:
    """One line: state, lot, reserve and number of bids."""
    return _text(ask(b"status"))


def read_result(text: str) -> Result:
    """The result in `text`, which must be exactly as the app writes it. Raises MalformedEvidenceError."""
    match = _RESULT.fullmatch(text)
    if match is None:
        raise MalformedEvidenceError("this is not the text of an auction's result", where="auction result")
    price = match["price"]
    return Result(
        match["lot"],
        int(match["reserve"]),
        int(match["bids"]),
        match["winner"],
        None if price is None else int(price),
    )


def read_receipt(line: str) -> Receipt:
    """The receipt in `line`: name, amount, salt. Raises MalformedEvidenceError."""
    match = _RECEIPT.fullmatch(line)
    if match is None:
        raise MalformedEvidenceError(
            "a receipt is a name, an amount and 64 hex digits", where="auction receipt"
        )
    return Receipt(match["name"], int(match["amount"]), bytes.fromhex(match["salt"]))


def result_digest(text: str) -> bytes:
    """The 64 bytes of user data that stand for this result in evidence."""
    return hashlib.sha512(text.encode()).digest()


def check_result(text: str, claims: Claims, receipts: Iterable[Receipt] = ()) -> Result:
    """Hold a result against claims that were already verified and appraised: text, inputs and own bids.

    Raises MalformedEvidenceError or BindingError, which names what does not belong together.
    """
    result = read_result(text)
    if claims.user_data != result_digest(text):
        raise BindingError("the TEE signed another result than this one", where="auction result, user data")
    inputs = [(name, payload) for register, name, payload in claims.events if register == 3]
    terms = ("open", f"{result.lot} {result.reserve}".encode())
    bids = [payload for name, payload in inputs[1:] if name == "bid"]
    if inputs[:1] != [terms] or len(bids) != len(inputs) - 1 or len(bids) != result.bids:
        raise BindingError("the result speaks of other inputs than register 3 holds", where="auction log")
    for receipt in receipts:
        if receipt.commitment() not in bids:
            raise BindingError(f"the bid of {receipt.name} is not among the inputs", where="auction log")
        if result.price is None or (receipt.amount > result.price and receipt.name != result.winner):
            raise BindingError(
                f"{receipt.name} bid more than the price and did not win", where="auction result"
            )
    return result


def _text(reply: bytes) -> str:
    """A short reply as text; raises AuctionRefused when it is a refusal."""
    if len(reply) > MAX_RESULT or not re.fullmatch(rb"[\n -~]*", reply):
        raise MalformedEvidenceError("the auction's reply is not short, plain text", where="auction reply")
    text = reply.decode("ascii")
    if text.startswith("refused: "):
        raise AuctionRefused(text.removeprefix("refused: "))
    return text


def _word(text: str, kind: str) -> str:
    """The hex digits of `token …` or `receipt …`."""
    match = re.fullmatch(rf"{kind} ([0-9a-f]{{32,64}})", text)
    if match is None:
        raise MalformedEvidenceError(f"the auction's reply has no {kind}", where="auction reply")
    return match[1]
