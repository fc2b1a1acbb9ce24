# SPDX-License-Identifier: Apache-2.0
"""Policy files are read strictly, and each error says which line, and what was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.appraise.claims import GOOD, TEE, claims_of, policy_of
from ttee.appraise import Comparison, Insecure, Rule, appraise, load_policy, parse_policy, starting_policy
from ttee.errors import PolicyFileError
from ttee.model import Anchor, Assurance, Tier
from ttee.tee.riscv.advice import ADVICE

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'schema = "ttee.policy/1"\nname = "a"\n'


def refused(text: str | bytes) -> PolicyFileError:
    with pytest.raises(PolicyFileError) as caught:
        parse_policy(text if isinstance(text, bytes) else text.encode(), where="a.policy.toml")
    assert (caught.value.where or "").startswith("a.policy.toml")
    return caught.value


def test_the_example_of_the_specification_is_read() -> None:
    policy = policy_of(
        f"""
        schema = "ttee.policy/1"
        name = "hello"
        insecure-emulated = true
        insecure-debug = false

        [freshness]
        nonce = "optional"

        [app]
        measurements = ["{"5f" * 48}"]

        [tee.riscv]
        anchors = [{{ key = "{"9a" * 32}", assurance = "emulated", note = "my laptop" }}, {{ key = "aa" }}]
        monitor-hash = ["07be"]
        platform = "qemu-virt"
        min-monitor-svn = 1

        [tee.local]
        """
    )
    assert policy.name == "hello"
    assert policy.loosened == {Insecure.EMULATED}
    assert not policy.nonce_required
    assert policy.measurements == (b"\x5f" * 48,)
    assert list(policy.tees) == ["riscv", "local"]
    section = policy.tees["riscv"]
    assert section.anchors == (
        Anchor("riscv", b"\x9a" * 32, Assurance.EMULATED, "my laptop"),
        Anchor("riscv", b"\xaa", Assurance.EMULATED),
    )
    assert section.rules == (
        Rule("monitor_hash", Comparison.ONE_OF, ("07be",)),
        Rule("platform", Comparison.ONE_OF, ("qemu-virt",)),
        Rule("monitor_svn", Comparison.AT_LEAST, (1,)),
    )


def test_names_notes_and_files_may_be_as_long_as_the_specification_says() -> None:
    assert policy_of(HEAD.replace('"a"', f'"{"n" * 64}"')).name == "n" * 64
    policy = policy_of(
        HEAD + f"[tee.riscv]\nanchors = [{{key = 'aa', note = '{'n' * 200}'}}, {{key = 'bb'}}]"
    )
    assert [anchor.note for anchor in policy.tees["riscv"].anchors] == ["n" * 200, ""]
    assert policy_of(HEAD + "#" * (256 * 1024 - len(HEAD))).name == "a"


def test_what_is_missing_stands_on_no_line() -> None:
    assert refused('name = "a"').where == "a.policy.toml"


def test_freshness_is_required_when_nothing_is_said() -> None:
    assert policy_of(HEAD).nonce_required


def test_the_digest_is_that_of_the_file() -> None:
    assert policy_of(HEAD).digest != policy_of(HEAD + "# a remark\n").digest


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("", "", "schema must be"),
        ('schema = "ttee.policy/2"\nname = "a"', ":1", "schema must be"),
        ('schema = "ttee.policy/1"', "", "needs a name"),
        ('schema = "ttee.policy/1"\nname = ""', ":2", "needs a name"),
        ('schema = "ttee.policy/1"\nname = "a\\u001b[2J"', ":2", "needs a name"),
        (HEAD + "nonce = 1", ":3", "'nonce' is not a key"),
        (HEAD + "insecure-emulatd = true", ":3", "did you mean 'insecure-emulated'"),
        (HEAD + "insecure-debug = 1", ":3", "true or false"),
        (HEAD + "[freshnes]\nnonce = 'required'", ":3", "did you mean 'freshness'"),
        (HEAD + "[freshness]\n\nnonce = 'maybe'", ":5", '"required" or "optional"'),
        (HEAD + "[freshness]\nnonces = 'required'", ":4", "did you mean 'nonce'"),
        (HEAD + "freshness = 1", ":3", "is a table: [freshness]"),
        (HEAD + "[app]\nmeasurement = []", ":4", "did you mean 'measurements'"),
        (HEAD + "[app]\nmeasurements = []", ":4", "at least one"),
        (HEAD + "[app]\nmeasurements = 'aa'", ":4", "at least one"),
        (HEAD + "[app]\nmeasurements = ['aa']", ":4", "1 bytes; 48 are needed"),
        (HEAD + f"[app]\nmeasurements = ['{'AA' * 48}']", ":4", "lowercase hex"),
        (HEAD + "[app]\nmeasurements = [5]", ":4", "hex in quotes"),
        (HEAD + "[riscv]\nanchors = []", ":3", "'riscv' is not a key"),
        (HEAD + "[tee]\nriscv = 1", ":4", "is a table: [tee.riscv]"),
        (HEAD + "[tee.RISCV]", ":3", "not the name of a TEE"),
        (HEAD + "tee = []", ":3", "is a table"),
        (HEAD + "[tee.riscv]\nanchors = 'aa'", ":4", "anchors are a list"),
        (HEAD + "[tee.riscv]\nanchors = ['aa']", ":4", "an anchor is"),
        (HEAD + "[tee.riscv]\nanchors = [{}]", ":4", "an anchor is"),
        (HEAD + "[tee.riscv]\nanchors = [{key = ''}]", ":4", "hex in quotes"),
        (HEAD + "[tee.riscv]\nanchors = [{key = 'xx'}]", ":4", "lowercase hex"),
        (
            HEAD + "[tee.riscv]\nanchors = [{key = 'aa', asurance = 'silicon'}]",
            ":4",
            "did you mean 'assurance'",
        ),
        (
            HEAD + "[tee.riscv]\nanchors = [{key = 'aa', assurance = 'gold'}]",
            ":4",
            "silicon, emulated, simulated",
        ),
        (HEAD + "[tee.riscv]\nanchors = [{key = 'aa', assurance = ['silicon']}]", ":4", "silicon, emulated"),
        (HEAD + "[tee.riscv]\nanchors = [{key = 'aa', note = 5}]", ":4", "note is text"),
        (HEAD + "[[tee.riscv.anchors]]\nnote = 'x'", ":3", "an anchor is"),
        (HEAD + "[[tee.riscv.anchors]]\nnote = 'x'\n[[tee.riscv.anchors]]\nnote = 'y'", ":3", "an anchor is"),
        (HEAD + "[tee.riscv]\nmonitor_hash = 'aa'\n[tee]", ":4", "kebab-case"),
        (HEAD + f"[tee.riscv]\nanchors = [{{key = 'aa', note = '{'n' * 201}'}}]", ":4", "note is text"),
        (HEAD + '[tee.riscv]\nanchors = [{key = "aa", note = "a\\u001b"}]', ":4", "note is text"),
        (HEAD.replace('"a"', f'"{"n" * 65}"'), ":2", "needs a name"),
        (HEAD + "[tee.riscv]\nanchor = []", ":4", "accepts nothing"),
        (HEAD + "[tee.riscv]\nmonitor_hash = 'aa'", ":4", "kebab-case"),
        (HEAD + "[tee.riscv]\nAnchors = []", ":4", "did you mean 'anchors'"),
        (HEAD + "[tee.riscv]\nmonitor-hash = []", ":4", "accepts nothing"),
        (HEAD + "[tee.riscv]\nmonitor-hash = 1.5", ":4", "text, an integer"),
        (HEAD + "[tee.riscv]\nmonitor-hash = [['aa']]", ":4", "text, an integer"),
        (HEAD + "[tee.riscv]\nmonitor-hash = {}", ":4", "text, an integer"),
        (HEAD + '[tee.riscv]\nplatform = "a\\u001b[8mb"', ":4", "cannot be printed"),
        (HEAD + "[tee.riscv]\nmin-monitor-svn = '1'", ":4", "is an integer"),
        (HEAD + "[tee.riscv]\nmin-monitor-svn = true", ":4", "is an integer"),
        (HEAD + "[tee.riscv]\n'' = 1", ":4", "kebab-case"),
        (HEAD + "x = ", ":3", "not TOML"),
        (HEAD + "[app]\nx = ?", ":4:5", "not TOML"),
        (HEAD + "name = 'b'", ":3", "not TOML"),
        (HEAD + "x = " + "[" * 100_000, "", "nested too deeply"),
        (HEAD + "x." * 100_000 + "x = 1", ":3", "too many parts"),
        (" " * 200_000, "", "the schema must be"),
        (HEAD + "x = " + "1" * 10_000, "", "not TOML"),
        (HEAD.encode() + b"\xff", ", byte 36", "not UTF-8"),
        (HEAD + "#" * 300_000, "", "more than 262144 bytes"),
    ],
)
def test_a_policy_that_cannot_be_read_says_where_and_why(text: str | bytes, where: str, why: str) -> None:
    error = refused(text)
    assert why in error.message
    assert (error.where or "").startswith(f"a.policy.toml{where}")


@given(
    st.text(max_size=200) | st.text(st.sampled_from('[]{}=."\n tee riscv anchors key insecure'), max_size=80)
)
def test_any_text_is_a_policy_or_a_named_error(text: str) -> None:
    for start in ("", HEAD, HEAD + "[tee.riscv]\n"):
        try:
            parse_policy((start + text).encode("utf-8", "surrogatepass"), where="it")
        except PolicyFileError:
            continue


_VALUES = st.recursive(
    st.sampled_from(
        ["true", "0", "-1", "0b101", "1e9", "nan", "2024-03-13", '"2024-03-13"', '"00"', '"badram"', '""']
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(
            lambda each: "{" + ", ".join(f"{key} = {value}" for key, value in each.items()) + "}"
        )
    ),
    max_leaves=5,
)


@given(
    st.sampled_from(["tee.intel-tdx", "distrust", "distrust.accept", "tee", "freshness", "app"]),
    st.dictionaries(
        st.sampled_from(
            [
                "accept",
                "refuse",
                "anchors",
                "exceptions",
                "min-a",
                "max-a",
                "max-age-a",
                "prefix-a",
                "bits-a",
                "a",
            ]
        ),
        _VALUES,
        max_size=4,
    ),
)
def test_any_value_in_any_place_is_a_policy_or_a_named_error(table: str, keys: dict[str, str]) -> None:
    text = f"{HEAD}[{table}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
    try:
        policy = parse_policy(text.encode(), where="it")
    except PolicyFileError:
        pass
    else:
        assert appraise(claims_of(), [policy], at="2026-11-21T12:00:00Z").status is Tier.CONTRAINDICATED


def test_files_are_read_and_missing_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "good.policy.toml"
    path.write_text(GOOD)
    assert load_policy(path) == policy_of(GOOD)
    with pytest.raises(PolicyFileError, match="cannot read the policy") as caught:
        load_policy(tmp_path / "missing.toml")
    assert caught.value.where == str(tmp_path / "missing.toml")
    assert "policy new" in (caught.value.hint or "")
    with pytest.raises(PolicyFileError, match="cannot read the policy"):
        load_policy(tmp_path)


# --- a policy to start from -----------------------------------------------------------------------


@pytest.mark.parametrize("assurance", list(Assurance))
def test_the_policy_to_start_from_accepts_what_it_was_made_of(assurance: Assurance) -> None:
    claims = claims_of(anchored=assurance)
    text = starting_policy(
        "hello",
        claims.tee,
        claims.details,
        advice=ADVICE,
        app=claims.app,
        anchors=[TEE.anchor(assurance)],
        assurance=assurance,
    )
    policy = policy_of(text)
    assert appraise(claims, [policy], at="2026-11-21T12:00:00Z").status is Tier.AFFIRMING
    names = {rule.claim for rule in policy.tees["riscv"].rules}
    assert names == {"enclave_hash", "monitor_hash", "monitor_svn", "app_svn", "platform"}


def test_the_policy_to_start_from_can_be_made_of_measurements_alone() -> None:
    values = {"enclave_hash": TEE.enclave_hash, "monitor_hash": TEE.monitor_hash}
    policy = policy_of(starting_policy("hello", "riscv", values, app=TEE.app, nonce_required=True))
    assert policy.nonce_required
    assert policy.tees["riscv"].anchors == ()
    assert policy.loosened == {Insecure.EMULATED}


def test_every_line_of_it_that_does_something_says_why() -> None:
    claims = claims_of()
    text = starting_policy(
        "hello", "riscv", claims.details, advice=ADVICE, app=claims.app, anchors=[TEE.anchor()]
    )
    lines = text.splitlines()
    for key in ("measurements", "anchors", "monitor-hash", "enclave-hash", "min-monitor-svn"):
        at = next(n for n, line in enumerate(lines) if line.startswith(key))
        assert lines[at - 1].startswith("# ")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=64).filter(str.isprintable))
def test_any_printable_name_can_be_quoted(name: str) -> None:
    anchors = [Anchor("riscv", b"\x01", Assurance.SILICON, name)]
    policy = policy_of(starting_policy(name, "riscv", {}, anchors=anchors))
    assert policy.name == name
    assert policy.tees["riscv"].anchors[0].note == name
