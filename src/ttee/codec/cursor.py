# SPDX-License-Identifier: Apache-2.0
"""A place in bytes that are read forward; and the bound on how many there may be."""

from __future__ import annotations

from typing import ClassVar

from ttee.errors import TteeError


def require_size(data: bytes, what: str, max_size: int, error: type[TteeError]) -> None:
    """Return if `data` has at most `max_size` bytes. Raises `error`."""
    if len(data) > max_size:
        raise error(
            f"{what} has {len(data)} bytes; at most {max_size} are allowed", where=f"{what}, byte {max_size}"
        )


class Cursor:
    """What the readers of one format have in common. Every method raises `error` with the offset."""

    format: ClassVar[str]
    source: ClassVar[str]

    def __init__(self, data: bytes, what: str, error: type[TteeError]) -> None:
        """At the first byte; `what` names the data in errors."""
        self._data, self._what, self._error = data, what, error
        self.at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > len(self._data) - self.at:
            raise self.malformed("it is cut short")
        self.at += size
        return self._data[self.at - size : self.at]

    def text(self, size: int) -> str:
        """The next `size` bytes, as UTF-8."""
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError:
            raise self.malformed("a text that is not UTF-8") from None

    def require_room(self, items: int) -> None:
        """Return if that many items can follow: each takes at least one byte."""
        if items > len(self._data) - self.at:
            raise self.malformed(f"{items} items in {len(self._data) - self.at} bytes")

    def end(self) -> None:
        """Return if nothing is left."""
        if self.at != len(self._data):
            raise self.malformed(f"{len(self._data) - self.at} bytes after its end")

    def malformed(self, message: str) -> TteeError:
        """An error at this place."""
        return self._error(
            f"{self._what} is not {self.format} as we allow it: {message}",
            where=f"{self._what}, byte {self.at}",
            source=self.source,
        )
