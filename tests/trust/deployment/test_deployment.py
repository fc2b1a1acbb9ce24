# SPDX-License-Identifier: Apache-2.0
"""Deployments are read strictly: what is wrong is said with its line, and with what was probably meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.known import deployment, knowledge
from ttee.errors import DeploymentError
from ttee.trust.deployment.channel import Binding
from ttee.trust.deployment.file import parse_deployment
from ttee.trust.deployment.parts import Channel, KOf, Once, Poc, Split, children
from ttee.trust.deployment.tree import Tee
from ttee.trust.knowledge.terms import Holders

TEES = '[part.a]\ntee = "tdx"\noperator = "google"\n[part.b]\ntee = "snp"\n[part.c]\ntee = "cca"\n'


def refused(parts: str, **top: str) -> DeploymentError:
    with pytest.raises(DeploymentError) as caught:
        deployment(parts, **top)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_deployment_names_parts_and_how_they_are_combined() -> None:
    made = deployment(
        TEES
        + """
[part.vault]
split = { k = 2, of = ["a", "b", "c"] }
[part.placed]
poc = { of = "vault", by = { k = 2, of = ["google", "ovh", "a"] } }
[part.front]
channel = { to = "placed", binding = "exporter", pin = true }
""",
    )
    assert made.root == "front"
    assert made.parts["a"] == Tee("tdx", "a", "google")
    assert made.parts["vault"] == Split(2, ("a", "b", "c"))
    assert made.parts["placed"] == Poc("vault", Holders(2, ("google", "ovh", "a")))
    assert made.parts["front"] == Channel("placed", Binding.EXPORTER, pin=True)
    assert made.below("front") == ("a", "b", "c", "vault", "placed", "front")
    assert children(made.parts["placed"], made.parts) == ("vault", "a")


def test_all_and_any_are_the_ends_of_k_of_n() -> None:
    made = deployment(TEES + '[part.x]\nall = ["a", "b"]\n[part.y]\nany = ["x", "c"]\n')
    assert made.parts["x"] == KOf(2, ("a", "b"))
    assert made.parts["y"] == KOf(1, ("x", "c"))


def test_counters_must_be_a_majority() -> None:
    parts = TEES + '[part.x]\nonce = {{ of = "a", k = {k}, counters = ["a", "b", "c"] }}\n'
    assert deployment(parts.format(k=2), root="x").parts["x"] == Once("a", Holders(2, ("a", "b", "c")))
    assert "must be more than 1" in refused(parts.format(k=1), root="x").message


@pytest.mark.parametrize(
    ("parts", "line", "says"),
    [
        ('[part.a]\ntee = "tdy"\n', 5, "'tdy' is not known as a TEE; did you mean 'tdx'?"),
        (
            '[part.a]\ntee = "tdx"\noperator = "gogle"\n',
            6,
            "'gogle' is not known as a party; did you mean 'google'?",
        ),
        (
            '[part.a]\ntee = "tdx"\noperater = "google"\n',
            6,
            "'operater' is not a key here; did you mean 'operator'?",
        ),
        ('[part.a]\nal = ["b"]\n', 5, "'al' is not a key here; did you mean 'all'?"),
        (
            '[part.a]\ntee = "tdx"\n[part.x]\nany = ["a", "aa"]\n',
            7,
            "'aa' is not known as a part; did you mean 'a'?",
        ),
        (TEES + '[part.x]\nk_of = { k = 4, of = ["a", "b", "c"] }\n', 12, "k is 4, and of has only 3"),
        (TEES + '[part.x]\nk_of = { k = 0, of = ["a", "b"] }\n', 12, "k is an integer from 1"),
        (TEES + '[part.x]\nany = ["a", "a"]\n', 12, "any names something twice"),
        (TEES + "[part.x]\nany = []\n", 12, "any names at least one part"),
        (TEES + '[part.x]\nchannel = { to = "a", binding = "tlskey" }\n', 12, "did you mean 'tls-key'?"),
        ('[part.a]\nall = ["b"]\n[part.b]\nany = ["a"]\n', 6, "a circle: a → b → a"),
        ('[part.a]\nall = ["a"]\n', 4, "a circle: a → a"),
        ('[part.google]\ntee = "tdx"\n', 4, "'google' is the name of a party as well"),
        ('[part.a]\ntee = "tdx"\nall = ["b"]\n', 6, "'all' is not a key here"),
        ('[part.a]\nall = ["a"]\nany = ["a"]\n', 6, "exactly one of"),
        ('[part.a]\ntee = "tdx"\nfacts = { spl = 1.5 }\n', 6, "a fact is text, an integer, true or false"),
        (
            '[part.a]\ntee = "snp"\nfacts = { prodcut = "milan" }\n',
            6,
            "'prodcut' is not known as a fact; did you mean 'product'",
        ),
        (
            '[part.a]\ntee = "snp"\nfacts = { product = "Milan" }\n',
            6,
            "product is 'Milan': did you mean 'milan'",
        ),
        ('at = "2025-10-28junk"\n[part.a]\ntee = "tdx"\n', 4, "'2025-10-28junk' is not a day"),
        ("[part.A]\n", 4, "'A' is not a name"),
        ("", None, "at least one [part.NAME]"),
        ('[party.google]\nname = "x"\njurisdiction = "us"\n' + TEES, 4, "known already"),
    ],
)
def test_each_mistake_has_its_line_and_the_nearest_name(parts: str, line: int | None, says: str) -> None:
    problem = refused(parts)
    assert says in problem.message
    assert problem.where == (f"d.toml:{line}" if line else "d.toml")


def test_the_root_is_asked_for_where_it_is_not_clear() -> None:
    assert "root = one of a, b, c" in refused(TEES).message
    assert "did you mean 'a'" in refused(TEES, root="aa").message
    assert deployment(TEES, root="b").root == "b"


def test_the_schema_comes_first() -> None:
    with pytest.raises(DeploymentError, match=r"ttee\.deployment/1"):
        parse_deployment(b'schema = "ttee.deployment/2"', knowledge(), name="d.toml")


def test_parts_nested_too_deeply_are_refused() -> None:
    chain = "".join(f'[part.p{i}]\nall = ["p{i + 1}"]\n' for i in range(60)) + '[part.p60]\ntee = "tdx"\n'
    assert "deep" in refused(chain).message


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_end_in_a_deployment_or_a_named_error(data: bytes) -> None:
    for start in (b"", b'schema = "ttee.deployment/1"\nname = "x"\n[part.a]\n'):
        with pytest.raises(DeploymentError):
            parse_deployment(start + data, knowledge(), name="d.toml")


_VALUES = st.recursive(
    st.booleans() | st.integers(-1, 5) | st.sampled_from(["a", "b", "google", "tdx", "exporter", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["k", "of", "to", "by", "binding", "outer", "inner", "keys"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
_KEYS = [
    "tee",
    "all",
    "any",
    "k_of",
    "nest",
    "split",
    "channel",
    "poc",
    "log",
    "release",
    "fhe_in",
    "once",
    "facts",
]


@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=2))
def test_values_of_any_kind_end_in_a_deployment_or_a_named_error(part: dict[str, object]) -> None:
    lines = "".join(f"{key} = {toml(value)}\n" for key, value in part.items())
    text = f'schema = "ttee.deployment/1"\nname = "x"\nroot = "b"\n[part.b]\ntee = "tdx"\n[part.a]\n{lines}'
    try:
        parse_deployment(text.encode(), knowledge(), name="d.toml")
    except DeploymentError as problem:
        assert problem.where is not None  # noqa: PT017 (either is fine)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
