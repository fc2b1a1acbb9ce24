# SPDX-License-Identifier: Apache-2.0
"""Files that are no evidence by themselves, and lie beside it: what they are, and how they are given.

For the error that says so, and for nothing else: that a file looks like something decides nothing.
"""

from __future__ import annotations

import re

from ttee.errors import TteeError
from ttee.eventlog import survey
from ttee.pki import found

_HEAD = 64 << 10
_ENDORSEMENTS = "give it with --endorsements, beside the evidence that it is about"
_ANCHOR = "a policy pins it as an anchor; with --policy-name signature-only, --anchor FILE does"
_IMPORT = "`ttee policy import FILE` makes a policy of it"

_KINDS: tuple[tuple[re.Pattern[bytes], str, str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind, step)
    for pattern, kind, step in (
        (rb"-----BEGIN PUBLIC KEY-----", "a public key", _ANCHOR),
        (rb'\s*\{.*"kty"\s*:', "a public key (JWK)", _ANCHOR),
        (
            rb'\s*\{.*"(tcb_?[iI]nfo|qe_?[iI]dentity|enclave_?[iI]dentity|tcbEvaluationDataNumbers|tcb_info_json|'
            rb'enclave_identity_json|crl_data|pck_crl)"',
            "collateral of Intel's",
            _ENDORSEMENTS,
        ),
        (rb".{0,200}<(\w+:)?SoftwareIdentity", "reference values of NVIDIA's (RIM)", _ENDORSEMENTS),
        (rb"\xd9\x01\xf5|\xd2\x84.{0,40}application/rim\+cbor", "a CoRIM: reference values", _IMPORT),
        (rb"[\xa2-\xa6]\x01\xa1\x00", "a CoMID out of a CoRIM", "give the whole CoRIM to `ttee policy import`"),
        (
            rb"\xff\x54\x43\x47",
            "a TPM's attestation without its signature",
            "give the rest: --tee tpm --part signature=FILE --part pcrs=FILE --part ak=FILE",
        ),
        (
            rb"(.{2})?\x00[\x01\x23]\x00[\x04\x0b-\x0d]\x00",
            "a TPM's public key",
            "give it beside a quote, --part ak=FILE, or pin it as an anchor",
        ),
        (rb"\x00[\x14\x16\x18]\x00[\x0b-\x0d]", "a TPM's signature", "give it beside a quote, --part signature=FILE"),
        (rb"[\x01-\x04]\0\0\0[\x04\x0b-\x0d]\0\x03", "PCR values", "give them beside a quote, --part pcrs=FILE"),
        (
            rb"\x30\x82..\x30\x82..\x02\x01\x01\x30(.|\x81.|\x82..)\xa0",
            "a TPM's platform certificate",
            "give it beside a quote and the certificate of its endorsement key, --part platform_certificate=FILE",
        ),
        (rb"[\xa1-\xb7]\x19\x01\x09", "claims of a token that nobody signed", "give the whole token"),
        (
            rb"HCLA",
            "an Azure VM's HCL report without its quote",
            "give QUOTE --tee azure-vtpm --part hcl_report=FILE --part signature=FILE --part pcrs=FILE",
        ),
        (
            rb"\x11\xe0",
            "an NVIDIA device's report without its certificates",
            "give them: --tee nvidia-gpu --part chain=FILE",
        ),
    )
)  # fmt: skip


def known(data: bytes) -> tuple[str, str] | None:
    """What a file is that is no evidence, and the step to take with it; None if that does not show."""
    head = data[:_HEAD]
    for pattern, kind, step in _KINDS:
        if pattern.match(head):
            return kind, step
    return _x509(data) or _log(data)


def _x509(data: bytes) -> tuple[str, str] | None:
    if data.lstrip()[:1] == b"{":
        return None
    x509 = found.find(data)
    if x509.certificates:
        return "a certificate, or several", f"{_ENDORSEMENTS}; or pin its key, --anchor FILE"
    return ("a revocation list", _ENDORSEMENTS) if x509.crls else None


def _log(data: bytes) -> tuple[str, str] | None:
    try:
        log = survey.recognise(data)
    except TteeError:
        return None
    step = "give it beside its quote, --part event_log=FILE; `ttee inspect FILE` shows it"
    return None if log is None else ("an event log without its quote", step)
