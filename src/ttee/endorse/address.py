# SPDX-License-Identifier: Apache-2.0
"""Addresses that may be asked, and mirrors that are asked in their place. No I/O.

An address can come from evidence, and so from a stranger: it names a public host, by https, and nothing else.
A mirror is the user's own word: any host, any port, and http on this machine.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

from ttee.codec.printable import printable
from ttee.errors import FetchError, UsageError

MAX_URL = 2048
_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@frozen(slots=True)
class Mirror:
    """What to ask in place of every address that begins with `origin`, at a boundary of its path."""

    origin: str
    target: str

    def covers(self, url: str) -> bool:
        """Whether it answers for this address."""
        return url.startswith(self.origin) and url[len(self.origin) :][:1] in ("", "/", "?")


def parse_mirror(text: str) -> Mirror:
    """A mirror from `FROM=TO`. Raises UsageError."""
    origin, found, target = text.partition("=http")
    target = "http" + target
    if not found or not origin.startswith(("https://", "http://")):
        raise UsageError(
            f"{text[:200]!r} is no mirror",
            hint="write FROM=TO: https://api.trustedservices.intel.com/=https://pccs.example:8081/",
        )
    for url in (origin, target):
        parts = _split(url)
        if parts is None or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise UsageError(f"{url[:200]!r} is not the beginning of an address", where=text[:200])
    if target.startswith("http://") and not is_loopback(str(urlsplit(target).hostname)):
        raise UsageError(
            "a mirror on another machine is asked by https",
            where=text[:200],
            hint="http is for 127.0.0.1, ::1 and localhost alone",
        )
    return Mirror(_secure(origin).rstrip("/"), target.rstrip("/"))


def resolve(url: str, mirrors: Iterable[Mirror] = ()) -> str:
    """The address to ask for `url`: a mirror's, the longest match first; else itself, by https.

    Raises FetchError for what no stranger may have us ask.
    """
    parts = _split(url) if len(url) <= MAX_URL and _PRINTABLE.fullmatch(url) else None
    if parts is None:
        raise _refused(url, "it is not an address")
    # Certificates name their revocation lists by http; whoever serves these also serves https.
    url = _secure(url)
    matching = [mirror for mirror in mirrors if mirror.covers(url)]
    if matching:
        mirror = max(matching, key=lambda mirror: len(mirror.origin))
        return mirror.target + url[len(mirror.origin) :]
    if not url.startswith("https://"):
        raise _refused(url, "only https is asked")
    if parts.netloc != parts.hostname or not _HOST.fullmatch(parts.netloc):
        raise _refused(url, "it is not a plain name of a public host")
    if parts.fragment:
        raise _refused(url, "it has a fragment")
    return url


def same_host(one: str, other: str) -> bool:
    """Whether two addresses lead to the same host, by the same way."""
    a, b = _split(one), _split(other)
    return a is not None and b is not None and (a.scheme, a.netloc) == (b.scheme, b.netloc)


def is_loopback(host: str) -> bool:
    """Whether this is a name of the machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secure(url: str) -> str:
    return f"https://{url.removeprefix('http://')}" if url.startswith("http://") else url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # brackets without an address in them, a port that is no number
        return None
    return parts if _PRINTABLE.fullmatch(url) else None


def _refused(url: str, why: str) -> FetchError:
    return FetchError(
        f"this address is not asked: {why}",
        where=printable(url[:200]),
        hint="get the endorsement yourself, and give it with --endorsements; or name a --mirror",
        source="docs/spec/endorsements.md",
    )
