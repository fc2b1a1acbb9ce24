# SPDX-License-Identifier: Apache-2.0
"""The bundle: everything that an app is, in one canonical form (docs/spec/app.md, section "Bundle").

Its SHA-384 is the app's measurement, the same on every TEE.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, TypeVar

from attrs import frozen

from ttee.codec import cbor
from ttee.errors import BundleError

SCHEMA: Final = "ttee.bundle/1"
ABI: Final = 1
PAGE: Final = 65536
"""A page of WebAssembly's linear memory, in bytes."""

MAX_MEMORY: Final = 16 << 20
MAX_STACK: Final = 1 << 20
MIN_STACK: Final = 4 << 10
MAX_MESSAGE: Final = 256 << 10
"""The largest request, and the largest reply, in bytes."""
MAX_MODULE: Final = 4 << 20
MAX_SVN: Final = (1 << 64) - 1
MAX_VERSION: Final = 64
"""Characters of a version."""

_T = TypeVar("_T")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_KEYS = frozenset({"abi", "svn", "name", "limits", "module", "schema", "version", "authority"})
_LIMIT_KEYS = frozenset({"reply", "stack", "memory", "request"})
MAX_SIZE: Final = MAX_MODULE + 4096
"""Bytes of the longest bundle that can be well formed."""


@frozen(slots=True)
class Limits:
    """What an app may use, in bytes. Part of its measurement."""

    memory: int = 1 << 20
    stack: int = 64 << 10
    request: int = 64 << 10
    reply: int = 64 << 10

    def problem(self) -> tuple[str, str] | None:
        """The first limit that is out of bounds (docs/spec/app.md) and what is wrong with it, or None."""
        if not PAGE <= self.memory <= MAX_MEMORY or self.memory % PAGE:
            return "memory", f"must be 64 KiB to 16 MiB, in whole pages of 64 KiB, and is {self.memory}"
        if not MIN_STACK <= self.stack <= MAX_STACK:
            return "stack", f"must be 4 KiB to 1 MiB, and is {self.stack} bytes"
        for name, value in (("request", self.request), ("reply", self.reply)):
            if not 1 <= value <= MAX_MESSAGE:
                return name, f"must be 1 byte to 256 KiB, and is {value} bytes"
        return None


@frozen(slots=True)
class Bundle:
    """An app, ready to run. Raises BundleError when a field is out of its bounds."""

    name: str
    version: str
    svn: int
    authority: bytes
    """Ed25519 public key that may sign versions of this app; empty when there is none."""
    limits: Limits
    module: bytes
    """The WebAssembly module."""
    abi: int = ABI

    def __attrs_post_init__(self) -> None:
        """Refuse what no encoding stands for."""
        problem = self._problem()
        if problem is not None:
            raise BundleError(f"the bundle's {problem[0]} {problem[1]}", where=f"bundle, key {problem[0]}")

    def encode(self) -> bytes:
        """The canonical bytes."""
        return cbor.dumps(
            {
                "abi": self.abi,
                "svn": self.svn,
                "name": self.name,
                "limits": {
                    "reply": self.limits.reply,
                    "stack": self.limits.stack,
                    "memory": self.limits.memory,
                    "request": self.limits.request,
                },
                "module": self.module,
                "schema": SCHEMA,
                "version": self.version,
                "authority": self.authority,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Bundle:
        """The bundle of exactly these bytes. Raises BundleError unless canonical and within bounds."""
        value = cbor.loads(data, what="bundle", max_size=MAX_SIZE, max_depth=3, error=BundleError)
        fields = _map(value, _KEYS, "bundle")
        if fields["schema"] != SCHEMA:
            raise BundleError(f"the bundle's schema is not {SCHEMA}", where="bundle, key schema")
        limits = _map(fields["limits"], _LIMIT_KEYS, "bundle.limits")
        return cls(
            name=_typed(fields, "name", str),
            version=_typed(fields, "version", str),
            svn=_typed(fields, "svn", int),
            authority=_typed(fields, "authority", bytes),
            limits=Limits(**{key: _typed(limits, key, int) for key in limits}),
            module=_typed(fields, "module", bytes),
            abi=_typed(fields, "abi", int),
        )

    @property
    def measurement(self) -> bytes:
        """SHA-384 of the canonical bytes, 48 bytes."""
        return hashlib.sha384(self.encode()).digest()

    def _problem(self) -> tuple[str, str] | None:
        if self.abi != ABI:
            return "abi", f"must be {ABI}, and is {self.abi}"
        if not _NAME.fullmatch(self.name):
            return "name", "must be 1 to 64 characters of a-z 0-9 -, starting with a letter"
        if not 1 <= len(self.version) <= MAX_VERSION or not self.version.isprintable():
            return "version", f"must be 1 to {MAX_VERSION} printable characters"
        if not 0 <= self.svn <= MAX_SVN:
            return "svn", "must be an unsigned 64-bit integer"
        if len(self.authority) not in (0, 32):
            return "authority", f"must have 0 or 32 bytes, and has {len(self.authority)}"
        if not 1 <= len(self.module) <= MAX_MODULE:
            return "module", f"must have 1 byte to 4 MiB, and has {len(self.module)} bytes"
        limit = self.limits.problem()
        return limit and (f"limits.{limit[0]}", limit[1])


def _map(value: cbor.CborValue, keys: frozenset[str], what: str) -> dict[str, cbor.CborValue]:
    if not isinstance(value, dict) or value.keys() != keys:
        raise BundleError(f"{what} is not a map with exactly the keys {', '.join(sorted(keys))}", where=what)
    return value


def _typed(fields: dict[str, cbor.CborValue], key: str, kind: type[_T]) -> _T:
    value = fields[key]
    if type(value) is not kind:
        raise BundleError(f"the bundle's {key} has the wrong type", where=f"bundle, key {key}")
    return value
