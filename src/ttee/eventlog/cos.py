# SPDX-License-Identifier: Apache-2.0
"""What Confidential Space's launcher says of the container that it runs, in PCR 13 or RTMR 3.

The launcher measures image, arguments and environment, then draws a line (launch-separator); what follows says nothing
about what was started. Source: google/go-tpm-tools:cel/cos_tlv.go, server/eventlog.go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from ttee.errors import BindingError
from ttee.eventlog.cel import COS, SOURCE, TLV
from ttee.eventlog.event import Event, Log

PCR, MR = 13, 4
"""Where the launcher's events are: in a TPM, and in a trust domain (RTMR 3)."""
SEPARATOR = "launch-separator"
CLAIMS: Mapping[str, str] = MappingProxyType(
    {
        "image-reference": "container_image_reference",
        "image-digest": "container_image_digest",
        "image-id": "container_image_id",
        "restart-policy": "container_restart_policy",
    }
)
"""Events that there is one of, and the claims they make."""


def container(log: Log, registers: Collection[int]) -> dict[str, str]:
    """Claims of the launcher's events, in those of `registers`, whose replay was found to hold; none before it drew
    its line, nor of logs in other forms. Raises BindingError: two events of one name, or a record of another type among
    them, whose content nobody holds against its digest: that could be the line, under another name.
    """
    claims: dict[str, str] = {}
    for event in log.events:
        if log.format != TLV or event.register not in (PCR, MR) or event.register not in registers:
            continue
        if event.type != COS:
            raise _refused(event, f"a record of type {event.type} stands among the launcher's")
        if event.name == SEPARATOR:
            return claims
        if (name := CLAIMS.get(event.name)) is None:
            continue
        if name in claims:
            raise _refused(event, f"two events say {event.name}: which of them holds, nobody knows")
        try:
            claims[name] = event.data.decode("utf-8")
        except UnicodeDecodeError:
            raise _refused(event, f"what {event.name} says is not text") from None
    return {}


def _refused(event: Event, message: str) -> BindingError:
    return BindingError(message, where=f"canonical event log, record {event.number}", source=SOURCE)
