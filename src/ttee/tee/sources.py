# SPDX-License-Identifier: Apache-2.0
"""Where a TEE's endorsements come from: questions to its maker's services, and files that people have. No I/O.

A TEE's `endorsements.py` says which questions are open (`Tee.sources`), and which files answer them (`Tee.adopt`);
the room `ttee.endorse` asks, keeps the answers, and hands the documents to `verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from attrs import field, frozen


def _first(documents: Mapping[str, bytes]) -> bytes:
    return next(iter(documents.values()))


def _headers(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({name.lower(): text for name, text in value.items()})


@frozen(slots=True)
class Answer:
    """What a service answered, with success. `headers` by lowercase names."""

    body: bytes
    headers: Mapping[str, str] = field(converter=_headers, factory=dict)


@frozen(slots=True)
class Source:
    """One question to a service, and the documents that its answer brings.

    Two sources of the same document are alternatives: the second is asked when the first does not know (404).
    """

    url: str
    documents: tuple[str, ...]
    """Names, as `verify` reads them. Without `read`, the answer's body is the only one."""
    why: str
    """What it is for, in a few words: "TCB levels of platform 00806f050000"."""
    needed: bool = True
    """Whether verification fails without it; else it goes on, and lists what was not checked."""
    read: Callable[[Answer], Mapping[str, bytes]] | None = None
    """The documents in an answer. Raises EndorsementError."""
    until: Callable[[Mapping[str, bytes]], datetime | None] = field(default=lambda _documents: None)
    """When these documents have to be renewed; None if they say nothing of it. Raises EndorsementError."""
    file: Callable[[Mapping[str, bytes]], bytes] = _first
    """These documents as one file that people have, such as `Tee.adopt` reads."""
    post: bytes | None = None
    """What is sent, where the service wants a POST (OCSP)."""
    content_type: str = ""
    """Of `post`."""


@frozen(slots=True)
class File:
    """A file that somebody has: what it is shows from its content. `name` is for messages, and only a hint."""

    name: str
    data: bytes
    named: bool = False
    """Whether the user named this very file, and it was not found in a folder: what nobody signed, and is trusted
    for who gives it, counts from such a file alone."""
