# SPDX-License-Identifier: Apache-2.0
"""Which of the keys that the caller trusts signed a token, and what that key is worth. Two steps of both verifiers."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

from ttee.codec import cose
from ttee.errors import AnchorError, NotAuthenticError, SignatureError
from ttee.model import Assurance, CheckSpec
from ttee.tee.arm.fields import ATTESTS, lifecycle_name
from ttee.tee.arm.keys import DeviceKey, load_key
from ttee.tee.steps import Steps


def strength(key: DeviceKey, spec: CheckSpec, steps: Steps) -> Assurance:
    """What the key's signatures are worth: if anybody can make them, a simulation, whatever its anchor says."""
    if key.published is None:
        with steps(spec, "on no list of published keys"):
            return key.assurance
    steps.skipped(spec, f"anybody can sign with this key: it is {key.published}")
    return Assurance.SIMULATED


def signer(keys: tuple[DeviceKey, ...], message: bytes, what: str) -> DeviceKey:
    """The one of `keys` that signed. A single one that did not is returned all the same: the next step says so.

    Raises AnchorError.
    """
    if len(keys) == 1:
        return keys[0]
    for key in keys:
        with suppress(SignatureError):
            verify_signature(key, message, what)
            return key
    raise AnchorError(
        f"none of the {len(keys)} device keys that may have signed the {what} did",
        where=what,
        hint="ask the device's maker for its key, if you trust it",
    )


def verify_signature(key: DeviceKey, message: bytes, what: str) -> None:
    """Return if `key` signed the COSE_Sign1 `message`. Raises SignatureError."""
    _verify(key.spki, message, what)


@lru_cache(maxsize=1024)
def _verify(spki: bytes, message: bytes, what: str) -> None:
    """A platform signs once for each boot of its monitor, and that part comes with every token of every realm.

    Remembered by everything it rests on, and only when it holds: lru_cache keeps no exceptions.
    """
    cose.verify(parsed(message, what), load_key(spki))


@lru_cache(maxsize=256)
def parsed(message: bytes, what: str) -> cose.Sign1:
    """The COSE_Sign1 in `message`: for its claims, and again for its signature. Raises MalformedEvidenceError."""
    return cose.parse(message, what=what, max_size=len(message))


def forget_signatures() -> None:
    """Empty the memory: for measurements, and for tests that results do not depend on it."""
    _verify.cache_clear()
    parsed.cache_clear()


def check_lifecycle(value: int) -> str:
    """The name of a state in which a device attests. Raises NotAuthenticError."""
    name = lifecycle_name(value)
    if name not in ATTESTS:
        raise NotAuthenticError(
            f"the device is in the state {name} ({value:#06x}), in which its key is not guarded",
            where="lifecycle",
        )
    return name
