# SPDX-License-Identifier: Apache-2.0
"""`ttee verify`: is it authentic, and is it acceptable? Without any TEE, and without a network if need be."""

from __future__ import annotations

import hmac
import re

import click
from attrs import evolve

from ttee.appraise import endorsements, to_ear, to_json
from ttee.cli.endorsing import Endorsing, endorsement_options, evidence_options, read_evidence
from ttee.cli.options import Hex, command, read_input
from ttee.cli.output import Output
from ttee.cli.policies import given_policies, policy_options
from ttee.cli.verdict_text import exit_code, verdict_text
from ttee.codec import hex as hex_codec
from ttee.codec.rfc3339 import moment
from ttee.connect import appraise, now, remember
from ttee.connect import verify as verify_evidence
from ttee.endorse.memory import unremembered
from ttee.errors import BindingError, UsageError
from ttee.model import Anchor, Claims
from ttee.tee import tee_named
from ttee.tee.base import Tee

_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){16,}")
_KEY_SIZE = 32
_MAX_KEY = 64 * 1024


@command(
    examples="""
    ttee verify hello.evidence.json --policy hello.policy.toml
    ttee verify hello.evidence.json -p hello.policy.toml --nonce 00112233445566778899aabbccddeeff
    ttee verify report.bin --policy-name signature-only --device-key 9a41…
    ttee verify quote.bin -p tdx.toml --offline --endorsements collateral/
    ttee verify quote.out -p tpm.toml --tee tpm --part signature=sig.out --part pcrs=pcrs.out --part ak=ak.pem
    ttee verify - -p hello.policy.toml --json <hello.evidence.json
    """
)
@click.argument("file")
@policy_options
@evidence_options
@endorsement_options
@click.option(
    "--nonce", type=Hex(16, 64), metavar="HEX", help="The nonce that the evidence was asked for with."
)
@click.option("--at", metavar="TIME", help="The moment that all must be good at, RFC 3339; by default now.")
@click.option("--anchor", "--device-key", "keys", multiple=True, metavar="HEX|FILE",
              help="A key to rely on; for signature-only, since policy files pin their own.")  # fmt: skip
@click.option("--user-data", type=Hex(1, 64), metavar="HEX", help="What the app must have had signed.")
@click.option(
    "--strict", is_flag=True, envvar="TTEE_STRICT", help="End with exit code 9 if the verdict is a warning."
)
@click.option("--ear", is_flag=True, help="Print an EAR claims-set (JSON).")
@click.pass_obj
def verify(
    output: Output,
    *,
    file: str,
    policy_files: tuple[str, ...],
    policy_names: tuple[str, ...],
    tee_name: str | None,
    parts: tuple[str, ...],
    paths: tuple[str, ...],
    offline: bool,
    mirrors: tuple[str, ...],
    nonce: bytes | None,
    at: str | None,
    keys: tuple[str, ...],
    user_data: bytes | None,
    strict: bool,
    ear: bool,
) -> int:
    """Verify evidence and hold it against a policy.

    FILE is an evidence file or a vendor's raw blob; - is stdin. What the TEE's maker says of it (certificates, lists of
    what is revoked or out of date) is looked for among what is given and kept, and asked for by HTTPS. Ends with 0 for
    affirming (and for a warning, without --strict), 3 for malformed evidence, 4 if it is not authentic, 5 if the policy
    refuses it, 6 if endorsements are missing or stale, 7 if it is revoked or out of date.
    """
    if keys and not policy_names:
        raise UsageError(
            "--anchor goes with --policy-name signature-only; a policy file pins its own anchors",
            hint="add the key to `anchors` in the policy",
        )
    evidence = read_evidence(file, tee_name, parts)
    anchors = [
        Anchor(evidence.tee, read_key(key, tee_named(evidence.tee)), note="given by --anchor") for key in keys
    ]
    policies = given_policies(policy_files, policy_names, anchors)
    pinned = endorsements(policies)
    is_now, at = at is None, at or now()
    endorsing = Endorsing(output, paths=paths, offline=offline, mirrors=mirrors)
    found = endorsing.collect(evidence, moment(at))
    endorsed = evolve(pinned, documents=found.documents, own=found.own)
    claims = verify_evidence(evidence, endorsed, nonce=nonce, at=moment(at))
    claims = remember(claims) if is_now else unremembered(claims, "the moment was given with --at")
    if user_data is not None:
        _require_user_data(claims, user_data)
    verdict = appraise(claims, policies, at=at)
    if ear:
        output.as_json = True
    output.result(to_ear(verdict) if ear else to_json(verdict), verdict_text(verdict))
    return exit_code(verdict, strict=strict)


def read_key(text: str, tee: Tee) -> bytes:
    """A key in hex, or in a file: as it is, in hex, or in a form that the TEE reads. Raises UsageError."""
    if _HEX.fullmatch(text):
        return hex_codec.decode(text.lower(), what="the anchor", error=UsageError)
    data = read_input(text, "the anchor", _MAX_KEY)
    if len(data) == _KEY_SIZE:
        return data
    try:
        return hex_codec.decode(data.decode("ascii").strip().lower(), what="the anchor", error=UsageError)
    except (UnicodeDecodeError, UsageError):
        if tee.anchor_key is None:
            raise UsageError(
                f"this is no key of {tee.name}: neither {_KEY_SIZE} bytes nor hex", where=text
            ) from None
        return tee.anchor_key(data)


def _require_user_data(claims: Claims, expected: bytes) -> None:
    if not hmac.compare_digest(claims.user_data or b"", expected):
        raise BindingError(
            f"the app had {(claims.user_data or b'').hex() or 'no data'} signed, and not {expected.hex()}",
            where="statement.user_data",
            hint="get the evidence that the app gave with this result; what it signs, its documentation says",
            source="docs/spec/report-data.md",
        )
