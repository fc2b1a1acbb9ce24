# SPDX-License-Identifier: Apache-2.0
"""`ttee policy new --from`, on evidence that was gathered in public: what comes out accepts it, or says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import vectors
from ttee.cli import run

TDX = ("tdx/gcp_cos113.quote.bin", ["intel-dcap/collateral/tdx_00806f050000_2025-07-07_c903314d.json"])
LATER = (TDX[0], ["intel-dcap/collateral/tdx_00806f050000_2026-01-27_8a462db0.json"])
NITRO = ("nitro/dstack_prod.cose.bin", list[str]())
MILAN = ("snp/virtee_milan.report.bin", ["snp/virtee_milan.vek.der", "snp/ca/ask_ark_milan.pem"])


@pytest.fixture(autouse=True)
def _nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TTEE_STATE_DIR", "TTEE_CACHE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))


def arguments(case: tuple[str, list[str]], at: str) -> list[str]:
    file, endorsements = case
    given = [each for name in endorsements for each in ("--endorsements", str(vectors.root() / name))]
    return [str(vectors.root() / file), *given, "--offline", "--at", at]


def made(case: tuple[str, list[str]], at: str, folder: Path, *more: str) -> Path:
    policy = folder / "new.toml"
    assert run(["policy", "new", "--from", *arguments(case, at), *more, "-o", str(policy)]) == 0
    return policy


def verified(case: tuple[str, list[str]], at: str, policy: Path) -> int:
    return run(["verify", *arguments(case, at), "-p", str(policy)])


@pytest.mark.parametrize(
    ("case", "at"),
    [(TDX, "2025-07-22T09:13:34Z"), (NITRO, "2025-12-25T16:04:19Z"), (MILAN, "2024-01-01T00:00:00Z")],
)
def test_what_comes_out_accepts_what_it_was_made_of(
    case: tuple[str, list[str]], at: str, tmp_path: Path
) -> None:
    policy = made(case, at, tmp_path)
    assert verified(case, at, policy) == 0
    assert run(["policy", "check", str(policy)]) == 0


@pytest.mark.parametrize(
    ("file", "name"), [(".hidden", "aws-nitro"), ("n" * 100, "n" * 64), ("a\nb\x7f.bin", "ab"), ('"', '\\"')]
)
def test_a_file_of_any_name_gives_its_policy_one(file: str, name: str, tmp_path: Path) -> None:
    (tmp_path / file).write_bytes((vectors.root() / NITRO[0]).read_bytes())
    policy = tmp_path / "new.toml"
    made_of = ["--from", str(tmp_path / file), "--offline", "--at", "2025-12-25T16:04:19Z"]
    assert run(["policy", "new", *made_of, "-o", str(policy)]) == 0
    assert f'name = "{name}"\n' in policy.read_text()


def test_what_has_fallen_out_of_date_since_is_refused_with_exit_code_7(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    then, now = "2025-07-22T09:13:34Z", "2026-02-11T09:25:52Z"
    assert verified(LATER, now, made(TDX, then, tmp_path)) == 7
    (tmp_path / "new.toml").unlink()
    policy = made(LATER, now, tmp_path)
    assert verified(LATER, now, policy) == 7
    assert "policy.current" in capsys.readouterr().out
    policy.write_text(policy.read_text().replace("# tcb-status", "tcb-status"))
    assert verified(LATER, now, policy) == 0


def test_a_generation_that_software_can_forge_is_refused_and_authenticity_alone_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = "2026-11-21T12:00:00Z"
    policy = made(MILAN, now, tmp_path)
    assert verified(MILAN, now, policy) == 5
    assert "✗ policy.distrust.milan-root-seed" in capsys.readouterr().out
    policy.write_text(policy.read_text().replace("accept = [", 'accept = ["milan-root-seed", '))
    assert verified(MILAN, now, policy) == 0
    assert run(["verify", *arguments(MILAN, now), "--policy-name", "signature-only"]) == 0
    assert "\N{EN DASH} policy.distrust.milan-root-seed" in capsys.readouterr().out
    assert run(["explain", "policy.distrust.milan-root-seed"]) == 0
    assert "arxiv.org" in capsys.readouterr().out


def test_show_says_what_is_accepted_though_broken_and_what_is_bent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "a.toml"
    policy.write_text(
        'schema = "ttee.policy/1"\nname = "a"\n[distrust]\naccept = ["ddr5-interposer"]\nrefuse = ["badram"]\n'
        '[tee.intel-tdx]\nexceptions = ["azure-tdx-tcb-component"]\nmin-tcb-date = "2024-03-13"\n'
    )
    assert run(["policy", "show", str(policy)]) == 0
    shown = capsys.readouterr().out
    for line in ("ddr5-interposer", "badram", "the exception azure-tdx-tcb-component", "at least 2024-03-13"):
        assert line in shown
    assert run(["policy", "show", str(policy), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["distrust"] == {"accept": ["ddr5-interposer"], "refuse": ["badram"]}
    assert told["tees"]["intel-tdx"]["exceptions"] == ["azure-tdx-tcb-component"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["hello", "--at", "2026-01-01T00:00:00Z"], "--part and --at go with --from"),
        (["hello", "--from", "x"], "give one of the two"),
        (["--from", "nowhere"], "cannot read evidence"),
        (["--from", "KEY", "--anchor", "xyz"], "the anchor"),
    ],
)
def test_mistakes_are_named(
    more: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [str(vectors.root() / NITRO[0]) if each == "KEY" else each for each in more]
    assert run(["policy", "new", *more]) == 2
    assert why in capsys.readouterr().err
    assert not list(tmp_path.glob("*.toml"))
