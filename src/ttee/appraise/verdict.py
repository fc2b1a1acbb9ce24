# SPDX-License-Identifier: Apache-2.0
"""Verdicts as JSON: our own `ttee.verdict/1`, and an EAR claims-set (docs/spec/verdict.md)."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version

from ttee.appraise.remaining import said
from ttee.codec.json import JsonValue
from ttee.model import Check, ClaimValue, Residual, Tier, Verdict

SCHEMA = "ttee.verdict/1"
EAR_PROFILE = "tag:github.com,2023:veraison/ear"
_LARGEST = 2**53 - 1


def to_json(verdict: Verdict) -> dict[str, JsonValue]:
    """The verdict as `ttee.verdict/1`."""
    claims = verdict.claims
    residual, not_checked = said(verdict)
    return {
        "schema": SCHEMA,
        "status": verdict.status.name.lower(),
        "tee": claims.tee,
        "assurance": claims.assurance.value,
        "at": verdict.at,
        "policies": [{"name": name, "sha256": digest.hex()} for name, digest in verdict.policy],
        "loosened": list(verdict.loosened),
        "trust_vector": {category: int(tier) for category, tier in verdict.vector.items()},
        "checks": [_check(check) for check in verdict.checks],
        "not_checked": list(not_checked),
        "relied_on": [
            {"kind": reliance.kind, "name": reliance.name, "digest": reliance.digest.hex()}
            for reliance in verdict.claims.relied_on
        ],
        "claims": {
            "app": claim_to_json(claims.app),
            "nonce": claim_to_json(claims.nonce),
            "fresh": claims.fresh,
            "user_data": claim_to_json(claims.user_data),
            "channel_key": claim_to_json(claims.channel_key),
            "debug": claims.debug,
            "registers": claim_to_json(claims.registers),
            "events": [claim_to_json(tuple(event)) for event in claims.events],
            "details": {name: claim_to_json(value) for name, value in claims.details.items()},
        },
        **({} if residual is None else {"residual": _residual(residual)}),
    }


def to_ear(verdict: Verdict) -> dict[str, JsonValue]:
    """The verdict as an unsigned EAR claims-set (draft-ietf-rats-ear-04), with ours inside."""
    return {
        "eat_profile": EAR_PROFILE,
        "iat": int(datetime.fromisoformat(verdict.at).timestamp()),
        "ear.verifier-id": {"developer": "T-TEE", "build": f"ttee {version('ttee')}"},
        "submods": {
            verdict.claims.tee: {
                "ear.status": verdict.status.name.lower(),
                "ear.trustworthiness-vector": {
                    category: int(tier) for category, tier in verdict.vector.items() if tier is not Tier.NONE
                },
                "ear.appraisal-policy-id": ",".join(
                    f"{name}@sha256:{digest.hex()}" for name, digest in verdict.policy
                ),
                "ttee.verdict": to_json(verdict),
            }
        },
    }


def claim_to_json(value: ClaimValue) -> JsonValue:
    """A claim as JSON has it: bytes as hex, integers that JSON cannot hold exactly as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [claim_to_json(item) for item in value]
    if isinstance(value, int) and abs(value) > _LARGEST:
        return str(value)
    return value


def _residual(residual: Residual) -> JsonValue:
    """What was not checked stands in the verdict already."""
    return {
        "at": residual.at,
        "as_of": residual.as_of,
        "designs": list(residual.designs),
        "facts": {name: claim_to_json(value) for name, value in residual.facts.items()},
        "unknown": list(residual.unknown),
        "broken_by": {name: list(by) for name, by in residual.broken_by.items()},
    }


def _check(check: Check) -> JsonValue:
    return {"id": check.id, "status": check.status.value, "detail": check.detail, "source": check.source}
