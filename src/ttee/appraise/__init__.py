# SPDX-License-Identifier: Apache-2.0
"""Is it acceptable? Authentic claims are held against policies; a verdict lists every check.

policies = [load_policy("hello.policy.toml")]
claims = verify(evidence, endorsements(policies), nonce=nonce)
verdict = appraise(claims, policies, at="2026-11-21T12:00:00Z")
"""

from __future__ import annotations

from ttee.appraise.appraisal import appraise
from ttee.appraise.checks import CHECKS, all_checks, spec_for
from ttee.appraise.policy import (
    SIGNATURE_ONLY,
    Goal,
    Insecure,
    Policy,
    Section,
    builtin_policy,
    endorsements,
    signature_only,
)
from ttee.appraise.policy_file import load_policy, parse_policy
from ttee.appraise.rules import Comparison, Rule
from ttee.appraise.starting import policy_from_claims, starting_policy
from ttee.appraise.verdict import claim_to_json, to_ear, to_json

__all__ = [
    "CHECKS",
    "SIGNATURE_ONLY",
    "Comparison",
    "Goal",
    "Insecure",
    "Policy",
    "Rule",
    "Section",
    "all_checks",
    "appraise",
    "builtin_policy",
    "claim_to_json",
    "endorsements",
    "load_policy",
    "parse_policy",
    "policy_from_claims",
    "signature_only",
    "spec_for",
    "starting_policy",
    "to_ear",
    "to_json",
]
