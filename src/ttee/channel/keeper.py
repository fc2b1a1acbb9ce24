# SPDX-License-Identifier: Apache-2.0
"""The TEE's end of the sealed channel, for TEEs whose runtime is Python: one key, and what it has seen."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from ttee.channel.sealed import ENC_SIZE, SOURCE, OpenedRequest, open_request
from ttee.errors import KeysUsedUpError, ReplayedError

REQUESTS_PER_KEY = 4096


class ChannelKeeper:
    """Holds the channel key; lets each request in once, and a bounded number of them per key.

    Not for several threads at once. `public_key` changes when a key is used up; evidence must carry the
    present one.
    """

    def __init__(self, app: bytes, *, capacity: int = REQUESTS_PER_KEY) -> None:
        """`app`: the app's measurement, 48 bytes; `capacity`: how many requests one key serves."""
        self._app = app
        self._capacity = capacity
        self._renew()

    @property
    def public_key(self) -> bytes:
        """The present channel key, 32 bytes (X25519)."""
        return self._public_key

    def open(self, message: bytes) -> OpenedRequest:
        """Let a request in. Raises ChannelError, ReplayedError, or KeysUsedUpError after making a new key."""
        enc = message[:ENC_SIZE]
        if enc in self._seen:
            raise ReplayedError(
                "this request was handed over before", hint="seal the request anew", source=SOURCE
            )
        opened = open_request(self._private_key, self._app, message)
        if len(self._seen) >= self._capacity:
            self._renew()
            raise KeysUsedUpError(
                f"the channel key has served {self._capacity} requests and was replaced",
                hint="ask for evidence again: it carries the new key",
                source=SOURCE,
            )
        self._seen.add(enc)
        return opened

    def _renew(self) -> None:
        self._private_key = X25519PrivateKey.generate()
        self._public_key = self._private_key.public_key().public_bytes_raw()
        self._seen: set[bytes] = set()
