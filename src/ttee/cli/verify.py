# SPDX-License-Identifier: Apache-2.0
"""`ttee verify`: is it authentic, and is it acceptable? Offline, and without any TEE."""

from __future__ import annotations

import hmac
from pathlib import Path

import click

from ttee.appraise import endorsements, to_ear, to_json
from ttee.cli.options import Hex, command, read_input
from ttee.cli.output import Output
from ttee.cli.policies import given_policies, policy_options
from ttee.cli.verdict_text import exit_code, verdict_text
from ttee.codec import hex as hex_codec
from ttee.codec.rfc3339 import moment
from ttee.connect import appraise, now
from ttee.connect import verify as verify_evidence
from ttee.errors import BindingError, UsageError
from ttee.model import Anchor, Claims
from ttee.tee.recognise import MAX_SIZE, recognise

_KEY_SIZE = 32


@command(
    examples="""
    ttee verify hello.evidence.json --policy hello.policy.toml
    ttee verify hello.evidence.json -p hello.policy.toml --nonce 00112233445566778899aabbccddeeff
    ttee verify report.bin --policy-name signature-only --device-key 9a41…
    ttee verify - -p hello.policy.toml --json <hello.evidence.json
    """
)
@click.argument("file")
@policy_options
@click.option(
    "--nonce", type=Hex(16, 64), metavar="HEX", help="The nonce that the evidence was asked for with."
)
@click.option("--at", metavar="TIME", help="The moment of the appraisal, RFC 3339; by default now.")
@click.option("--device-key", "--anchor", "keys", multiple=True, metavar="HEX|FILE",
              help="A device key to rely on; for signature-only, since policy files pin their own.")  # fmt: skip
@click.option("--user-data", type=Hex(1, 64), metavar="HEX", help="What the app must have had signed.")
@click.option(
    "--strict", is_flag=True, envvar="TTEE_STRICT", help="End with exit code 9 if the verdict is a warning."
)
@click.option("--ear", is_flag=True, help="Print an EAR claims-set (JSON).")
@click.option("--offline", is_flag=True, help="Use no network. Nothing here does so far.")
@click.pass_obj
def verify(
    output: Output,
    *,
    file: str,
    policy_files: tuple[str, ...],
    policy_names: tuple[str, ...],
    nonce: bytes | None,
    at: str | None,
    keys: tuple[str, ...],
    user_data: bytes | None,
    strict: bool,
    ear: bool,
    offline: bool,  # noqa: ARG001 (no TEE here needs the network yet)
) -> int:
    """Verify evidence and hold it against a policy.

    FILE is an evidence file or a vendor's raw blob; - is stdin. Ends with 0 for affirming (and for a warning, without
    --strict), 3 for malformed evidence, 4 if it is not authentic, 5 if the policy refuses it.
    """
    if keys and not policy_names:
        raise UsageError(
            "--device-key goes with --policy-name signature-only; a policy file pins its own anchors",
            hint="add the key to `anchors` in the policy",
        )
    data = read_input(file, "evidence", MAX_SIZE)
    evidence = recognise(data)
    anchors = [Anchor(evidence.tee, _key(key), note="given by --device-key") for key in keys]
    policies = given_policies(policy_files, policy_names, anchors)
    at = at or now()
    claims = verify_evidence(evidence, endorsements(policies), nonce=nonce, at=moment(at))
    if user_data is not None:
        _require_user_data(claims, user_data)
    verdict = appraise(claims, policies, at=at)
    if ear:
        output.as_json = True
    output.result(to_ear(verdict) if ear else to_json(verdict), verdict_text(verdict))
    return exit_code(verdict, strict=strict)


def _key(text: str) -> bytes:
    """A key in hex, or in a file: as it is, or in hex."""
    path = Path(text)
    if path.is_file():
        data = read_input(text, "the key", 4096)
        if len(data) == _KEY_SIZE:
            return data
        text = data.decode("ascii", "replace").strip()
    return hex_codec.decode(text.lower(), what="the device key", size=_KEY_SIZE, error=UsageError)


def _require_user_data(claims: Claims, expected: bytes) -> None:
    if not hmac.compare_digest(claims.user_data or b"", expected):
        raise BindingError(
            f"the app had {(claims.user_data or b'').hex() or 'no data'} signed, and not {expected.hex()}",
            where="statement.user_data",
            hint="get the evidence that the app gave with this result; what it signs, its documentation says",
            source="docs/spec/report-data.md",
        )
