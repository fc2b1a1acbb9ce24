# SPDX-License-Identifier: Apache-2.0
"""The TEE's end: each request once, and a bounded number of them per key."""

from __future__ import annotations

import pytest

from ttee.channel.keeper import ChannelKeeper
from ttee.channel.sealed import ReplyStatus, seal_request
from ttee.errors import ChannelError, KeysUsedUpError, ReplayedError

APP = bytes(48)


def test_a_host_that_hands_a_request_over_twice_is_noticed() -> None:
    keeper = ChannelKeeper(APP)
    message, pending = seal_request(keeper.public_key, APP, b"pay 5")
    reply = keeper.open(message).seal_reply(ReplyStatus.OK, b"paid")
    assert pending.open(reply).payload == b"paid"
    with pytest.raises(ReplayedError):
        keeper.open(message)


def test_after_its_number_of_requests_the_key_is_replaced_and_the_old_one_forgotten() -> None:
    keeper = ChannelKeeper(APP, capacity=3)
    old = keeper.public_key
    for _ in range(3):
        keeper.open(seal_request(old, APP, b"")[0])
    waiting, _ = seal_request(old, APP, b"one too many")
    with pytest.raises(KeysUsedUpError):
        keeper.open(waiting)
    assert keeper.public_key != old
    with pytest.raises(ChannelError):
        keeper.open(waiting)
    assert keeper.open(seal_request(keeper.public_key, APP, b"again")[0]).payload == b"again"


def test_messages_that_cannot_be_opened_do_not_use_the_key_up() -> None:
    keeper = ChannelKeeper(APP, capacity=1)
    for junk in (b"", bytes(304), bytes(32)):
        with pytest.raises(ChannelError):
            keeper.open(junk)
    assert keeper.open(seal_request(keeper.public_key, APP, b"still here")[0]).payload == b"still here"


def test_two_keepers_never_share_a_key() -> None:
    assert ChannelKeeper(APP).public_key != ChannelKeeper(APP).public_key
