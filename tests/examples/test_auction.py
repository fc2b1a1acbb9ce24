# SPDX-License-Identifier: Apache-2.0
"""The auction's rules as stories, and its result held against everything that can go wrong with one."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import auction
from tests.examples.house import House
from ttee.errors import BindingError, MalformedEvidenceError

NAME = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", min_size=1, max_size=32)
AMOUNT = st.integers(1, 10**15)
BIDS = st.dictionaries(NAME, AMOUNT, max_size=8)


# --- the rules ------------------------------------------------------------------------------------


def test_the_highest_bid_wins_and_pays_the_second_highest(house: House) -> None:
    house.open("vase", 1000)
    house.bids(alice=1500, bob=4000, carol=2500)
    assert house.close() == auction.Result("vase", 1000, 3, "bob", 2500)


def test_a_single_bidder_pays_the_reserve(house: House) -> None:
    house.open("vase", 1000)
    house.bids(alice=1500)
    assert house.close() == auction.Result("vase", 1000, 1, "alice", 1000)


def test_without_bids_nothing_is_sold(house: House) -> None:
    house.open("vase", 1000)
    assert house.close() == auction.Result("vase", 1000, 0, None, None)


def test_of_equal_bids_the_earlier_wins_and_pays_its_own_amount(house: House) -> None:
    house.open("vase", 1000)
    house.bids(alice=1500, bob=2000, carol=2000)
    assert house.close() == auction.Result("vase", 1000, 3, "bob", 2000)


def test_a_bid_of_exactly_the_reserve_is_taken_and_one_below_is_not(house: House) -> None:
    house.open("vase", 1000)
    house.bids(alice=1000)
    with pytest.raises(auction.AuctionRefused, match="below the reserve"):
        house.bids(bob=999)
    assert house.close().bids == 1


def test_the_first_bid_of_a_name_counts(house: House) -> None:
    house.open("vase", 1000)
    house.bids(alice=1500)
    with pytest.raises(auction.AuctionRefused, match="first bid counts"):
        house.bids(alice=9000)
    assert house.close().price == 1000


def test_a_hundred_bids_are_taken_and_no_more(house: House) -> None:
    house.open("vase", 1)
    house.bids(**{f"bidder-{n}": 1000 + n for n in range(100)})
    with pytest.raises(auction.AuctionRefused, match="no more bids"):
        house.bids(late=1)
    assert house.close() == auction.Result("vase", 1, 100, "bidder-99", 1098)


def test_an_auction_opens_once_and_takes_bids_only_while_it_is_open(house: House) -> None:
    with pytest.raises(auction.AuctionRefused, match="not open yet"):
        house.bids(early=5)
    assert auction.status(house.ask) == "not open yet"
    house.open("vase", 1000)
    with pytest.raises(auction.AuctionRefused, match="opened already"):
        auction.Seller(house.ask).open("urn", 1)
    house.bids(alice=1500)
    assert auction.status(house.ask) == "open: lot vase, reserve 1000, bids 1"
    house.close()
    with pytest.raises(auction.AuctionRefused, match="closed"):
        house.bids(late=5000)
    assert auction.status(house.ask) == "closed: lot vase, reserve 1000, bids 1"


def test_only_the_seller_closes(house: House) -> None:
    with pytest.raises(auction.AuctionRefused, match="not open yet"):
        auction.Seller(house.ask).close("local")
    house.open("vase", 1000)
    for token in ("0" * 32, "z" * 32, "00", "f" * 64):
        assert house.ask(b"close " + token.encode()).startswith(b"refused: that is not the token")
    assert auction.status(house.ask).startswith("open")


def test_closing_again_gives_the_same_result(house: House) -> None:
    """A host that drops the answer gains nothing: the seller asks again."""
    house.open("vase", 1000)
    house.bids(alice=1500, bob=2500)
    assert house.close() == house.close()


def test_a_request_is_exactly_a_verb_and_its_words(house: House) -> None:
    house.open("vase", 1)
    for request in (
        *("", " ", "BID a 5", "bid", "bid a", "bid a 5 6", "bid a 5 ", " bid a 5", "bid  a 5", "bid  a  5"),
        *("status ", "status now", "close", "close ", "open vase", "\0", "bid\ta\t5", "bid a 5\n"),
    ):
        assert house.ask(request.encode()).startswith(b"refused: "), request
    assert auction.status(house.ask).endswith("bids 0")


def test_an_amount_is_a_whole_number_in_bounds(house: House) -> None:
    house.open("vase", 1)
    arabic = "\N{ARABIC-INDIC DIGIT ONE}"
    for amount in ("0", "-1", "+1", "01", "1.0", "1e3", "1_0", arabic, "x", str(10**15 + 1), "9" * 40):
        assert house.ask(f"bid a {amount}".encode()).startswith(b"refused: an amount is"), amount
    house.bids(a=10**15)


def test_a_name_is_short_and_plain(house: House) -> None:
    house.open("vase", 1)
    for name in ("a" * 33, "a.b", "a/b", "\N{LATIN SMALL LETTER E WITH ACUTE}", "a\0", "a\x7f"):
        assert house.ask(f"bid {name} 5".encode()).startswith(b"refused: a name is"), name
    house.bids(**{"a" * 32: 5})


# --- properties -----------------------------------------------------------------------------------


def reference(reserve: int, bids: dict[str, int]) -> tuple[str | None, int | None]:
    """Winner and price, the short way: sorted() is stable, so that of equal bids the earlier comes first."""
    ranking = sorted(bids, key=lambda name: -bids[name])
    if not ranking:
        return None, None
    return ranking[0], bids[ranking[1]] if len(ranking) > 1 else reserve


@settings(max_examples=15, deadline=None)
@given(reserve=AMOUNT, bids=BIDS)
def test_winner_and_price_are_as_in_the_reference(
    new_house: Callable[[], House], reserve: int, bids: dict[str, int]
) -> None:
    taken = {name: amount for name, amount in bids.items() if amount >= reserve}
    with new_house() as house:
        house.open("vase", reserve)
        for name, amount in bids.items():
            if name in taken:
                house.bids(**{name: amount})
            else:
                with pytest.raises(auction.AuctionRefused):
                    house.bids(**{name: amount})
        result = house.close()
    assert (result.winner, result.price) == reference(reserve, taken)
    assert result.bids == len(taken)


@settings(max_examples=8, deadline=None)
@given(bids=st.dictionaries(NAME, st.integers(10**14, 10**15), min_size=1, max_size=8))
def test_only_the_price_ever_leaves_the_tee(new_house: Callable[[], House], bids: dict[str, int]) -> None:
    """Not in a reply, not in the log, not in the evidence: neither as digits nor as a number in memory."""
    with new_house() as house:
        house.open("vase", 1)
        house.bids(**bids)
        price = house.close().price
        everything = b"\0".join([*house.given_out, *(line.encode() for line in house.instance.log())])
    for amount in set(bids.values()) - {price}:
        for form in (str(amount).encode(), amount.to_bytes(8, "little"), amount.to_bytes(8, "big")):
            assert form not in everything


# --- what the result proves -----------------------------------------------------------------------


def test_every_receipt_is_found_among_the_inputs(house: House) -> None:
    house.open("vase", 1000)
    receipts = house.bids(alice=1500, bob=2500, carol=2000)
    text, claims = house.closed()
    assert auction.check_result(text, claims, receipts).winner == "bob"


def test_a_receipt_of_another_bid_is_not_found(house: House) -> None:
    """Another amount, another name, another salt: none of them is the bid that was made."""
    house.open("vase", 1000)
    (receipt,) = house.bids(alice=1500)
    text, claims = house.closed()
    for other in (
        attrs.evolve(receipt, amount=1501),
        attrs.evolve(receipt, name="bob"),
        attrs.evolve(receipt, salt=bytes(32)),
    ):
        with pytest.raises(BindingError, match="not among the inputs"):
            auction.check_result(text, claims, [other])


def test_another_result_than_the_signed_one_is_refused(house: House) -> None:
    house.open("vase", 1000)
    house.bids(alice=1500, bob=2500)
    text, claims = house.closed()
    for forged in (
        text.replace("bob", "alice"),
        text.replace("1500", "1000"),
        text.replace("bids 2", "bids 1"),
    ):
        with pytest.raises(BindingError, match="another result"):
            auction.check_result(forged, claims)


def test_a_result_that_does_not_speak_of_its_inputs_is_refused(house: House) -> None:
    """A lying app could sign any text: the log that the TEE kept shows what went in."""
    house.open("vase", 1000)
    house.bids(alice=1500, bob=2500)
    text, claims = house.closed()
    app_events = [event for event in claims.events if event[0] == 3]
    rest = tuple(event for event in claims.events if event[0] != 3)
    for events in (app_events[:-1], app_events[1:], [*app_events, (3, "open", b"urn 1")], []):
        with pytest.raises(BindingError, match="other inputs"):
            auction.check_result(text, attrs.evolve(claims, events=(*rest, *events)))


def test_a_losing_bid_above_the_price_is_an_injustice_that_its_bidder_sees(house: House) -> None:
    house.open("vase", 1000)
    receipts = house.bids(alice=1500, bob=2500)
    text, claims = house.closed()
    unjust = text.replace("winner bob", "winner alice").replace("price 1500", "price 1000")
    forged = attrs.evolve(claims, user_data=auction.result_digest(unjust))
    with pytest.raises(BindingError, match="did not win"):
        auction.check_result(unjust, forged, receipts)


RESULT = "auction/1 result\nlot vase\nreserve 10\nbids 2\nsold yes\nwinner bob\nprice 12\n"


def test_a_result_is_read_strictly() -> None:
    assert auction.read_result(RESULT) == auction.Result("vase", 10, 2, "bob", 12)
    for text in (
        *("", RESULT.strip(), RESULT + "\n", RESULT.replace("yes", "no"), RESULT.replace("12", "012")),
        *(RESULT.replace("\n", "\r\n"), RESULT.replace("bob", ""), RESULT.replace("auction/1", "auction/2")),
    ):
        with pytest.raises(MalformedEvidenceError, match="not the text"):
            auction.read_result(text)


def test_a_receipt_survives_being_written_down() -> None:
    receipt = auction.Receipt("alice", 1500, bytes(range(32)))
    assert auction.read_receipt(str(receipt)) == receipt
    for line in ("", "alice 1500", f"alice 0 {'0' * 64}", f"alice 1500 {'0' * 63}", f"alice 1500 {'G' * 64}"):
        with pytest.raises(MalformedEvidenceError, match="a receipt is"):
            auction.read_receipt(line)


@pytest.mark.parametrize(
    "reply", [b"", b"tokens abc", b"token 12", b"token " + b"G" * 32, b"\xff" * 8, b"x" * 5000]
)
def test_a_reply_that_is_no_auction_s_is_named_so(reply: bytes) -> None:
    with pytest.raises(MalformedEvidenceError, match="auction's reply"):
        auction.Seller(lambda _request: reply).open("vase", 1)


def test_a_close_reply_without_good_evidence_is_named_so() -> None:
    for reply in (b"auction/1 result\n", b"x\n\n", b"x\n\n\xa1\x61a\x01", b"x\n\n\x01"):
        with pytest.raises(MalformedEvidenceError):
            auction.Seller(lambda _request, reply=reply: reply).close("local")  # type: ignore[misc]
