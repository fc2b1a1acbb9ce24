# SPDX-License-Identifier: Apache-2.0
"""Local evidence: every check has a lie that it finds; whatever passes is called simulated."""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ttee.app.bundle import Bundle, Limits
from ttee.errors import (
    BindingError,
    EvidenceError,
    FreshnessError,
    MalformedEvidenceError,
    SignatureError,
    UsageError,
)
from ttee.guest.registers import Event, encode_log, replay
from ttee.guest.statement import Statement
from ttee.model import Assurance, Claims, Endorsements, Evidence, Status
from ttee.tee import tee_named
from ttee.tee.local.checks import CHECKS
from ttee.tee.local.evidence import LocalClaims, config_digest, describe, signed
from ttee.tee.local.verify import verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BUNDLE = Bundle("app", "1", 1, b"", Limits(), b"\0asm")
APP = BUNDLE.measurement
NONCE = b"n" * 32
LOG = (
    Event(0, "app", APP),
    Event(0, "config", config_digest(BUNDLE)),
    Event(0, "system-ready", b""),
    Event(3, "bid", b"1"),
)


def evidence(
    *,
    log: tuple[Event, ...] = LOG,
    statement: Statement | None = None,
    claims: LocalClaims | None = None,
    **parts: bytes,
) -> Evidence:
    """Evidence as a runtime makes it; what is given replaces what would be true."""
    statement = statement or Statement(APP, NONCE, replay(log), b"", b"k" * 32)
    claims = claims or LocalClaims(replay(log), KEY.public_key().public_bytes_raw(), statement.report_data)
    encoded = parts.get("claims", claims.encode())
    honest = {
        "claims": encoded,
        "signature": KEY.sign(signed(encoded)),
        "statement": statement.encode(),
        "log": encode_log(log),
    }
    return Evidence("local", honest | parts)


def check(what: Evidence, nonce: bytes | None = NONCE) -> Claims:
    return verify(what, Endorsements(), nonce=nonce)


def test_honest_evidence_passes_every_check_and_is_called_simulated() -> None:
    claims = check(evidence())
    assert [(one.id, one.status) for one in claims.checks] == [(spec.id, Status.PASS) for spec in CHECKS]
    assert claims.assurance is Assurance.SIMULATED
    assert (claims.app, claims.nonce, claims.channel_key) == (APP, NONCE, b"k" * 32)
    assert claims.pins == {"app": ("app",)}
    assert all(reliance.kind != "anchor" for reliance in claims.relied_on)
    assert any("isolation" in text for text in claims.not_checked)


def test_without_a_nonce_freshness_is_skipped_and_said_to_be() -> None:
    claims = check(evidence(), nonce=None)
    assert claims.checks[-1].status is Status.SKIPPED
    silent = evidence(statement=Statement(APP, b"", replay(LOG), b"", b"k" * 32))
    assert check(silent, nonce=None).nonce is None
    assert not claims.fresh
    assert any("replay" in text for text in claims.not_checked)


def other_statement(**changes: object) -> Statement:
    return evolve(Statement(APP, NONCE, replay(LOG), b"", b"k" * 32), **changes)  # type: ignore[arg-type]


def replaced(**parts: bytes) -> Evidence:
    return evolve(evidence(), parts={**evidence().parts, **parts})


OTHER_APP = (Event(0, "app", b"other"), *LOG[1:])
TWO_APPS = (LOG[0], *LOG)
NEVER_READY = LOG[:2]

LIES: list[tuple[str, type[EvidenceError], str, Evidence]] = [
    ("no log", MalformedEvidenceError, "local.evidence.parts", Evidence("local", {"claims": b""})),
    ("one part more", MalformedEvidenceError, "local.evidence.parts", replaced(more=b"")),
    ("another TEE's", MalformedEvidenceError, "local.evidence.parts", evolve(evidence(), tee="riscv")),
    ("no CBOR", MalformedEvidenceError, "local.claims.structure", replaced(claims=b"\xff")),
    (
        "another profile",
        MalformedEvidenceError,
        "local.claims.structure",
        replaced(claims=evidence().parts["claims"].replace(b"local/1", b"local/2")),
    ),
    ("keys are missing", MalformedEvidenceError, "local.claims.structure", replaced(claims=cbor2.dumps({}))),
    (
        "three registers",
        MalformedEvidenceError,
        "local.claims.structure",
        replaced(claims=LocalClaims((bytes(48),) * 3, bytes(32), bytes(64)).encode()),
    ),
    (
        "a short key",
        MalformedEvidenceError,
        "local.claims.structure",
        replaced(claims=LocalClaims((bytes(48),) * 4, bytes(31), bytes(64)).encode()),
    ),
    ("no statement", MalformedEvidenceError, "local.statement.structure", replaced(statement=b"\xa0")),
    ("no array", MalformedEvidenceError, "local.log.structure", replaced(log=b"\xa0")),
    ("no signature", SignatureError, "local.claims.signature", replaced(signature=b"")),
    (
        "another's signature",
        SignatureError,
        "local.claims.signature",
        replaced(signature=Ed25519PrivateKey.generate().sign(signed(evidence().parts["claims"]))),
    ),
    (
        "a signature without its purpose",
        SignatureError,
        "local.claims.signature",
        replaced(signature=KEY.sign(evidence().parts["claims"])),
    ),
    (
        "another channel key",
        BindingError,
        "local.binding.statement",
        replaced(statement=other_statement(channel_key=b"x" * 32).encode()),
    ),
    (
        "other registers stated",
        BindingError,
        "local.binding.registers",
        evidence(statement=other_statement(registers=(b"r" * 48,) * 4)),
    ),
    ("an event left out", BindingError, "local.binding.log", replaced(log=encode_log(LOG[:3]))),
    ("an event added", BindingError, "local.binding.log", replaced(log=encode_log((*LOG, LOG[3])))),
    (
        "events reordered",
        BindingError,
        "local.binding.log",
        replaced(log=encode_log((LOG[1], LOG[0], *LOG[2:]))),
    ),
    ("another app started", BindingError, "local.binding.app", evidence(log=OTHER_APP)),
    ("two apps started", BindingError, "local.binding.app", evidence(log=TWO_APPS)),
    ("never ready", BindingError, "local.binding.app", evidence(log=NEVER_READY)),
    ("nothing logged", BindingError, "local.binding.app", evidence(log=())),
    (
        "an old nonce",
        FreshnessError,
        "local.freshness.nonce",
        evidence(statement=other_statement(nonce=b"o" * 32)),
    ),
    (
        "no nonce",
        FreshnessError,
        "local.freshness.nonce",
        evidence(statement=other_statement(nonce=b"")),
    ),
]


@pytest.mark.parametrize(("_story", "kind", "id_", "lie"), LIES, ids=[story for story, *_ in LIES])
def test_each_lie_is_found_by_its_check(
    _story: str, kind: type[EvidenceError], id_: str, lie: Evidence
) -> None:
    with pytest.raises(kind) as refusal:
        check(lie)
    assert refusal.value.check == id_
    assert refusal.value.where
    assert refusal.value.source


def test_each_check_has_a_lie() -> None:
    assert {id_ for _, _, id_, _ in LIES} == {spec.id for spec in CHECKS}


def test_flipping_any_one_bit_is_noticed() -> None:
    honest = evidence()
    for name, part in honest.parts.items():
        for bit in range(8 * len(part)):
            altered = bytearray(part)
            altered[bit // 8] ^= 1 << bit % 8
            with pytest.raises(EvidenceError):
                check(evolve(honest, parts={**honest.parts, name: bytes(altered)}))


@given(st.dictionaries(st.sampled_from(["claims", "signature", "statement", "log"]), st.binary(max_size=64)))
def test_any_bytes_are_refused_by_name(parts: dict[str, bytes]) -> None:
    with pytest.raises(EvidenceError):
        check(
            Evidence("local", {**evidence().parts, **parts}) if len(parts) == 4 else Evidence("local", parts)
        )


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_nonce_of_another_size_is_the_callers_mistake(size: int) -> None:
    with pytest.raises(UsageError):
        check(evidence(), nonce=bytes(size))


def test_inspecting_shows_every_field_unverified() -> None:
    shown = describe(replaced(signature=b"bad"))
    assert shown["signature"] == b"bad"
    assert shown["statement.app"] == APP
    assert shown["log.3"] == (3, "bid", b"1")


def test_the_config_event_is_as_specified() -> None:
    preimage = cbor2.dumps(
        {
            "svn": 1,
            "name": "app",
            "limits": {"reply": 65536, "stack": 65536, "memory": 1048576, "request": 65536},
            "authority": b"",
        },
        canonical=True,
    )
    assert config_digest(BUNDLE) == hashlib.sha384(preimage).digest()


def test_measuring_a_bundle_foretells_the_claims() -> None:
    tee = tee_named("local")
    assert tee.measure is not None
    assert dict(check(evidence()).details) == dict(tee.measure(BUNDLE))
