# SPDX-License-Identifier: Apache-2.0
"""From evidence to a conversation: a session opens on an affirming verdict, and on nothing else."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from attrs import evolve

import ttee
from tests.app.wat import ECHO, module
from tests.serve.double import served
from ttee.app.bundle import Bundle, Limits
from ttee.appraise import Policy, parse_policy, signature_only, starting_policy
from ttee.channel.keeper import ChannelKeeper
from ttee.channel.sealed import ReplyStatus
from ttee.codec.rfc3339 import moment
from ttee.connect import Session, Target, connect, launch
from ttee.errors import (
    BindingError,
    ChannelError,
    FreshnessError,
    KeysUsedUpError,
    PolicyFileError,
    RefusedError,
    RequestRefusedError,
    RequestTooLargeError,
    TeeUnavailableError,
    UnreachableError,
    UsageError,
)
from ttee.model import Assurance, Evidence, Tier
from ttee.testing.riscv import SoftwareTee

BUNDLE = Bundle("echo", "1", 1, b"", Limits(), module(ECHO))


class Double:
    """A RISC-V TEE in software with a channel of its own; `lie` alters what it says."""

    tee = "riscv"
    bundle = BUNDLE

    def __init__(self, *, capacity: int = 4096, status: ReplyStatus = ReplyStatus.OK) -> None:
        self.software = SoftwareTee(app=BUNDLE.measurement)
        self.keeper = ChannelKeeper(BUNDLE.measurement, capacity=capacity)
        self.status = status
        self.asked = 0
        self.lie: Callable[[SoftwareTee], SoftwareTee] = lambda honest: honest
        self.trouble: Exception | None = None

    def evidence(self, nonce: bytes) -> Evidence:
        self.asked += 1
        honest = evolve(self.software, nonce=nonce, channel_key=self.keeper.public_key)
        return self.lie(honest).evidence()

    def call(self, sealed: bytes) -> bytes:
        if self.trouble is not None:
            raise self.trouble
        request = self.keeper.open(sealed)
        return request.seal_reply(self.status, request.payload)

    def log(self) -> list[str]:
        return []

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to close."""

    def policy(self) -> Policy:
        """A policy that pins what this is."""
        tee = self.software
        text = starting_policy(
            "mine",
            "riscv",
            {"enclave_hash": tee.enclave_hash, "monitor_hash": tee.monitor_hash},
            app=tee.app,
            anchors=[tee.anchor()],
            nonce_required=True,
        )
        return parse_policy(text.encode(), where="mine")


@pytest.fixture
def double() -> Double:
    return Double()


def test_a_session_opens_on_an_affirming_verdict_and_talks(double: Double) -> None:
    with connect(double, double.policy()) as session:
        assert session.verdict.status is Tier.AFFIRMING
        assert session.verdict.claims.fresh
        assert session.call(b"hello") == b"hello"
    assert double.asked == 1


def test_no_policy_opens_nothing(double: Double) -> None:
    with pytest.raises(PolicyFileError):
        connect(double, [])
    assert double.asked == 0


def test_a_warning_is_not_enough(double: Double) -> None:
    with pytest.raises(RefusedError) as caught:
        connect(double, signature_only([double.software.anchor()]))
    assert caught.value.verdict.status is Tier.WARNING
    assert caught.value.check == "policy.signature-only"


def test_a_refusal_carries_the_verdict_and_names_the_check(double: Double) -> None:
    policy = double.policy()
    double.software = evolve(double.software, app=bytes(48))
    with pytest.raises(RefusedError) as caught:
        connect(double, policy)
    assert caught.value.verdict.status is Tier.CONTRAINDICATED
    assert caught.value.check == "policy.app.measurement"


def test_of_two_policies_both_must_accept(double: Double) -> None:
    other = evolve(double.policy(), measurements=(bytes(48),))
    with pytest.raises(RefusedError):
        connect(double, [double.policy(), other])


def test_old_evidence_opens_nothing(double: Double) -> None:
    """A host that replays what it once saw."""
    double.lie = lambda honest: evolve(honest, nonce=bytes(32))
    with pytest.raises(FreshnessError):
        connect(double, double.policy())


def test_evidence_without_a_channel_sends_nothing(monkeypatch: pytest.MonkeyPatch, double: Double) -> None:
    from ttee.connect import verify

    monkeypatch.setattr("ttee.connect.verify", lambda *a, **k: evolve(verify(*a, **k), channel_key=None))
    with pytest.raises(BindingError):
        connect(double, double.policy())


def test_when_the_keys_are_used_up_evidence_is_asked_for_again() -> None:
    double = Double(capacity=2)
    session = connect(double, double.policy())
    assert [session.call(b"%d" % n) for n in range(7)] == [b"%d" % n for n in range(7)]
    assert double.asked == 4


def test_when_others_have_used_the_keys_up_it_is_the_same() -> None:
    """The TEE has forgotten our key, so it cannot even tell that our request was sealed to it."""
    double = Double(capacity=2)
    mine, other = connect(double, double.policy()), connect(double, double.policy())
    for _ in range(3):
        other.call(b"x")
    assert mine.call(b"mine") == b"mine"


@pytest.mark.parametrize("lie", [KeysUsedUpError("used up"), ChannelError("cannot be opened")])
def test_a_host_that_only_says_so_does_not_make_us_send_twice(double: Double, lie: Exception) -> None:
    session = connect(double, double.policy())
    double.trouble = lie
    with pytest.raises(type(lie)):
        session.call(b"pay 5")
    assert double.asked == 2


def test_a_tee_that_turned_bad_in_between_gets_nothing_more() -> None:
    double = Double(capacity=1)
    session = connect(double, double.policy())
    session.call(b"first")
    double.lie = lambda honest: evolve(honest, debug=True)
    with pytest.raises(RefusedError) as caught:
        session.call(b"second")
    assert caught.value.check == "policy.debug"


def test_a_refusal_of_the_app_is_told_from_a_failure() -> None:
    double = Double(status=ReplyStatus.REFUSED)
    with pytest.raises(RequestRefusedError, match=r"no\?\[2Jway"):
        connect(double, double.policy()).call(b"no\x1b[2Jway")


def test_what_is_too_large_is_not_even_sealed(double: Double) -> None:
    with pytest.raises(RequestTooLargeError):
        connect(double, double.policy()).call(bytes(256 * 1024 + 1))


def test_a_served_instance_is_reached_by_its_address(double: Double) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for path in (None, Path(folder) / "s"):
            with served(double, path) as address:  # type: ignore[arg-type]  # served takes any instance
                assert connect(address, double.policy()).call(b"over HTTP") == b"over HTTP"


def test_nobody_there_is_a_named_error(double: Double) -> None:
    with pytest.raises(UnreachableError):
        connect("unix:/nowhere", double.policy())


def test_the_moment_is_a_parameter(double: Double) -> None:
    session = connect(double, double.policy(), at="2026-11-21T12:00:00Z")
    assert session.verdict.at == "2026-11-21T12:00:00Z"
    for wrong in ("now", "2026-11-21", "2026-11-21T12:00:00", ""):
        with pytest.raises(UsageError):
            moment(wrong)


# --- with a TEE that runs ---------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session with the echo app in the local TEE."""
    text = starting_policy("here", "local", {}, app=BUNDLE.measurement, assurance=Assurance.SIMULATED)
    with launch(BUNDLE, "local", state=tmp_path) as instance:
        target: Target = instance
        yield connect(target, parse_policy(text.encode(), where="here"))


def test_launch_connect_call(session: Session) -> None:
    assert session.verdict.claims.assurance is Assurance.SIMULATED
    assert session.call(b"hello") == b"hello"


def test_only_what_can_run_apps_is_launched(tmp_path: Path) -> None:
    with pytest.raises(TeeUnavailableError):
        launch(BUNDLE, "keystone", state=tmp_path)
    with pytest.raises(UsageError):
        launch(BUNDLE, "nonesuch", state=tmp_path)


# --- the public face ----------------------------------------------------------------------------------


def test_the_public_face_is_sorted_complete_and_lazy() -> None:
    assert ttee.__all__ == sorted(ttee.__all__)
    assert all(getattr(ttee, name) is not None for name in ttee.__all__)
    assert set(ttee.__all__) <= set(dir(ttee))
    with pytest.raises(AttributeError):
        _ = ttee.nonesuch


def test_rooms_that_share_their_name_with_a_function_are_both(double: Double) -> None:
    """`ttee.appraise` is a package, and `ttee.appraise(…)` works, whatever was imported first."""
    assert ttee.connect.Session is Session  # type: ignore[attr-defined]
    assert ttee.connect(double, double.policy()).verdict.status is Tier.AFFIRMING
    script = (
        "import ttee, ttee.appraise, ttee.connect; print(callable(ttee.appraise), callable(ttee.connect))"
    )
    for code in (script, "import ttee; print(callable(ttee.appraise), callable(ttee.connect))"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "True True\n"


def test_the_readme_example_holds(double: Double, tmp_path: Path) -> None:
    path = tmp_path / "x.evidence.json"
    path.write_bytes(ttee.dump_evidence(double.evidence(bytes(32))))
    policy = double.policy()
    claims = ttee.verify(ttee.load_evidence(path), policy.endorsements())
    assert ttee.appraise(claims, policy).status is Tier.CONTRAINDICATED  # the policy requires a nonce
