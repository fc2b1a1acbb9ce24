# SPDX-License-Identifier: Apache-2.0
"""Is a quote what its key's TPM says? Steps that any TPM shares, whoever vouches for its key.

    1   the attestation is one structure                     tpm.quote.form
    2   it was made inside of a TPM                          tpm.quote.magic
    3   it is a quote                                        tpm.quote.type
    4   the attestation key signed it                        tpm.quote.signature
    5   over the nonce that was asked for                    tpm.quote.nonce
    6   the values are of the PCRs that it selects           tpm.quote.selection
    7   and have the digest that it has                      tpm.quote.digest
    8   in a bank that nobody makes collide                  tpm.quote.bank

The selection counts only as it is signed: what a value is called beside the quote is compared with it, and forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import new
from hmac import compare_digest

from ttee.errors import BindingError, FreshnessError, NotAuthenticError
from ttee.eventlog.event import WEAK
from ttee.model import ClaimValue
from ttee.tee.steps import Steps
from ttee.tee.tpm import checks, keys
from ttee.tee.tpm.keys import Key
from ttee.tee.tpm.structures import MAGIC, QUOTE, Attest, Selection, Signature, parse_attest
from ttee.tee.tpm.values import Values

PREFERRED = ("sha512", "sha384", "sha256", "sha3_512", "sha3_384", "sha3_256", "sm3", "sha1")
"""Banks, the strongest first."""


def read_quote(data: bytes, steps: Steps) -> Attest:
    """Steps 1 to 3. Raises MalformedEvidenceError, NotAuthenticError."""
    with steps(checks.FORM, "one TPMS_ATTEST"):
        attest = parse_attest(data, what="quote")
    with steps(checks.MAGIC, "TPM_GENERATED_VALUE"):
        if attest.magic != MAGIC:
            raise NotAuthenticError(
                f"it begins with {attest.magic:08x}: no TPM made it", where="quote, byte 0"
            )
    with steps(checks.TYPE, "TPM_ST_ATTEST_QUOTE"):
        if attest.type != QUOTE:
            raise NotAuthenticError(f"it is an attestation of type {attest.type:04x}", where="quote, byte 4")
    return attest


def verify_quote(
    data: bytes,
    attest: Attest,
    signature: Signature,
    key: Key,
    values: Values,
    *,
    nonce: bytes | None,
    steps: Steps,
) -> str:
    """Steps 4 to 8; returns the strongest bank. `nonce`: None if nobody asked for one.

    Raises SignatureError, FreshnessError, BindingError.
    """
    with steps(checks.SIGNATURE, f"{signature.scheme} with {signature.hash}"):
        keys.verify_signature(key, signature, data, what="quote")
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare with")
    else:
        with steps(checks.NONCE, f"the nonce ({len(nonce)} bytes)"):
            if not compare_digest(attest.extra, nonce):
                raise FreshnessError(
                    f"the quote is over {attest.extra.hex() or 'no nonce at all'}, not over {nonce.hex()}",
                    where="quote, extraData",
                    hint="ask for a quote over a fresh nonce; this one is old, or somebody else's",
                )
    with steps(checks.SELECTION, described(attest.selection)):
        _check_selection(attest.selection, values)
    with steps(checks.DIGEST, f"{signature.hash} of the values"):
        digest = new(signature.hash)
        for bank, pcrs in attest.selection:
            for pcr in pcrs:
                digest.update(values[bank][pcr])
        if not compare_digest(digest.digest(), attest.digest):
            raise BindingError("the PCR values do not have the digest that is signed", where="pcrs")
    bank = next(each for each in PREFERRED if any(each == name and pcrs for name, pcrs in attest.selection))
    if bank in WEAK:
        steps.skipped(
            checks.BANK, "the quote is of SHA-1 PCRs alone: its claims are called sha1_pcr…, not pcr…"
        )
    else:
        with steps(checks.BANK, bank):
            pass
    return bank


def _check_selection(selection: Selection, values: Values) -> None:
    """Step 6."""
    signed = {bank: set(pcrs) for bank, pcrs in selection if pcrs}
    claimed = {bank: set(pcrs) for bank, pcrs in values.items() if pcrs}
    if not signed:
        raise BindingError("the quote selects no PCR: it says nothing", where="quote, pcrSelect")
    if signed != claimed:
        named = described(tuple((bank, tuple(sorted(pcrs))) for bank, pcrs in claimed.items()))
        raise BindingError(
            f"the quote is of {described(selection)}; the values beside it are called {named}"[:400],
            where="pcrs",
            hint="give the values of the PCRs that were quoted, all of them and no others",
        )


def described(selection: Selection) -> str:
    """`sha256:0,1,2,7`; a space between banks."""
    return " ".join(f"{bank}:{','.join(map(str, pcrs))}" for bank, pcrs in selection if pcrs) or "no PCR"


def pcr_claims(selection: Selection, values: Values, bank: str) -> dict[str, ClaimValue]:
    """Each signed value: `pcr7` in the quote's strongest bank, `sha1_pcr7` and the like in the others; SHA-1 is never
    called `pcr7`, so that nobody pins it unawares."""
    return {
        (f"pcr{pcr}" if name == bank and name not in WEAK else f"{name}_pcr{pcr}"): values[name][pcr]
        for name, pcrs in selection
        for pcr in pcrs
    }


def pcr_pins(claims: Mapping[str, ClaimValue]) -> dict[str, tuple[str, ...]]:
    """What a policy must pin: one PCR of those that say what runs; of a quote that has none of those, any."""
    loaded = tuple(name for name in claims if int(name.rpartition("pcr")[2]) in _LOADED)
    return {"app": loaded or tuple(claims)}


_LOADED = frozenset({4, *range(8, 16), 17, 18, 19, 20, 21, 22})
"""PCRs of what the firmware loads, the operating system, and a late launch; 0 to 3 and 5 to 7 are the platform's, 16
and 23 anybody's."""
