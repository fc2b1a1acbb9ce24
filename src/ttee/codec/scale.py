# SPDX-License-Identifier: Apache-2.0
"""SCALE (Polkadot's simple concatenated codec), strictly: fields one behind the other, without names or kinds.

    numbers    little endian, of fixed size
    compact    lengths: the two lowest bits say whether it has 1, 2, 4 or more bytes; the shortest form only
    bytes      a compact length, then the bytes; text is bytes in UTF-8
    option     0, or 1 and the value

Source: docs.polkadot.com, SCALE codec; the crate parity-scale-codec.
"""

from __future__ import annotations

from ttee.errors import MalformedEvidenceError, TteeError

SOURCE = "SCALE codec (parity-scale-codec)"


class Reader:
    """Fields out of `data`, from the first on. Every reader raises `error` with the offset."""

    def __init__(self, data: bytes, *, what: str, error: type[TteeError] = MalformedEvidenceError) -> None:
        """`what` names the data in errors."""
        self._data, self._what, self._error = data, what, error
        self.at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > len(self._data) - self.at:
            raise self.malformed(f"{size} bytes belong here, and {len(self._data) - self.at} are left")
        self.at += size
        return self._data[self.at - size : self.at]

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def compact(self) -> int:
        """A number of up to 30 bits in its shortest form; no length that we read is larger."""
        first = self.number(1)
        mode = first & 3
        if mode == 3:
            raise self.malformed("a length of more than 30 bits")
        rest = self.take((0, 1, 3)[mode])
        value = (first | int.from_bytes(rest, "little") << 8) >> 2
        if mode and value < (0, 1 << 6, 1 << 14)[mode]:
            raise self.malformed(f"the length {value} is not in its shortest form")
        return value

    def octets(self) -> bytes:
        """Bytes behind their length."""
        return self.take(self.compact())

    def text(self) -> str:
        """Text behind its length."""
        begin = self.at
        try:
            return self.octets().decode("utf-8")
        except UnicodeDecodeError:
            self.at = begin
            raise self.malformed("a text that is not UTF-8") from None

    def count(self, limit: int) -> int:
        """How many items follow: at most `limit`, and no more than there are bytes left for."""
        value = self.compact()
        if value > min(limit, len(self._data) - self.at):
            raise self.malformed(
                f"{value} items; at most {limit} are read, and {len(self._data) - self.at} fit"
            )
        return value

    def choice(self, names: tuple[str, ...]) -> str:
        """The name of the variant that comes next."""
        index = self.number(1)
        if index >= len(names):
            raise self.malformed(f"variant {index}; there are 0 to {len(names) - 1}")
        return names[index]

    def end(self) -> None:
        """Return if nothing is left."""
        if self.at != len(self._data):
            raise self.malformed(f"{len(self._data) - self.at} bytes after its end")

    def malformed(self, message: str) -> TteeError:
        """An error at this place."""
        return self._error(f"{self._what}: {message}", where=f"{self._what}, byte {self.at}", source=SOURCE)


def compact(value: int) -> bytes:
    """The shortest form of a length below 2^30."""
    mode = (value >= 1 << 6) + (value >= 1 << 14)
    if not 0 <= value < 1 << 30:
        raise ValueError("a length here has at most 30 bits")
    return (value << 2 | mode).to_bytes((1, 2, 4)[mode], "little")


def octets(data: bytes) -> bytes:
    """Bytes with their length before them."""
    return compact(len(data)) + data
