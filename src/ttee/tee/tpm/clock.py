# SPDX-License-Identifier: Apache-2.0
"""Clocks that went back (check tpm.quote.clock): what a quote says, against what the same key's last quote said.

    {"ak": "<hex>", "clock": 123456, "reset_count": 3, "restart_count": 0}              document `last_seen`

The verifier keeps this between quotes (it is in the claims: `ak_key`, `clock`, …); verifying keeps nothing.
"""

from __future__ import annotations

from ttee.codec import json
from ttee.errors import EndorsementError, FreshnessError
from ttee.tee.tpm.structures import Attest

SOURCE = "TPM 2.0 Library, part 1, section 36"
_COUNTERS = ("clock", "reset_count", "restart_count")


def check_not_back(attest: Attest, ak: bytes, last_seen: bytes) -> str:
    """Return what was found if nothing went back. `ak`: SHA-256 of the key. Raises FreshnessError, EndorsementError."""
    value = json.loads(last_seen, what="last_seen", max_size=4096, max_depth=1, error=EndorsementError)
    if not isinstance(value, dict) or value.keys() != {"ak", *_COUNTERS}:
        raise EndorsementError(
            f"last_seen does not have exactly ak, {', '.join(_COUNTERS)}", where="last_seen", source=SOURCE
        )
    counters = [value[name] for name in _COUNTERS]
    if not all(type(counter) is int for counter in counters):
        raise EndorsementError("last_seen has a counter that is no integer", where="last_seen", source=SOURCE)
    if value["ak"] != ak.hex():
        raise EndorsementError(
            "last_seen is of another attestation key",
            where="last_seen.ak",
            hint=f"keep one for each key; this one is {ak.hex()}",
            source=SOURCE,
        )
    clock, resets, restarts = (counter for counter in counters if isinstance(counter, int))
    now = (attest.reset_count, attest.restart_count, attest.clock)
    if now[:2] < (resets, restarts) or (attest.safe and attest.clock < clock):
        raise FreshnessError(
            f"resets, restarts and clock are {now}; this key has been seen at {(resets, restarts, clock)}",
            where="quote, clockInfo",
            hint="this quote is older than one seen before, or its TPM is a copy of an earlier state",
            source=SOURCE,
        )
    return f"resets, restarts and clock went from {(resets, restarts, clock)} to {now}"
