# SPDX-License-Identifier: Apache-2.0
"""The report: complete in itself, well-formed, and no name in it is markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tests.trust.known import model
from ttee.trust.pages.page import page

TWO = (
    '[part.a]\ntee = "tdx"\noperator = "google"\n[part.b]\ntee = "snp"\noperator = "ovh"\n'
    'facts = { product = "milan" }\n'
    '[part.x]\nsplit = { k = 2, of = ["a", "b"] }\n'
)
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Balanced(HTMLParser):
    """Every tag that opens is closed, in order; what is fetched, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "srcset", "data", "action")]
        assert tag not in ("script", "link", "iframe", "object", "embed", "img")
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: str) -> Balanced:
    found = Balanced()
    found.feed(html)
    assert found.open == []
    assert found.fetched == []
    return found


def test_it_is_complete_in_itself() -> None:
    html = page(model(TWO))
    text = " ".join(read(html).text)
    assert "Whom you still have to trust: made for a test" in text
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import", html)
    assert "prefers-color-scheme:dark" in html
    assert "@media print" in html


def test_it_names_attacks_with_sources_what_costs_how_much_and_how_little_is_known() -> None:
    text = " ".join(read(page(model(TWO))).text)
    for said in (
        "bus-tap",
        "a paper",
        "What it costs whom",
        "1 000",
        "independent studies",
        "product = milan",
    ):
        assert said in text.replace("\N{NO-BREAK SPACE}", " ")
    assert " is secure" not in text


def test_names_from_a_deployment_are_text_and_never_markup() -> None:
    hostile = TWO.replace("google", "evil") + (
        '[party.evil]\nname = "<script>alert(1)</script><b onclick=x>\\"&"\njurisdiction = "us"\n'
    )
    html = page(model(hostile))
    assert "<script" not in html
    assert "alert(1)" in " ".join(read(html).text)


def test_a_property_that_no_published_attack_breaks_is_said_to_be_that() -> None:
    html = page(model('[part.c]\ntee = "cca"\npin = true\n', at="2019-01-01"))
    assert "That is not to say that none exists" in " ".join(read(html).text)


def test_the_same_deployment_gives_the_same_page() -> None:
    assert page(model(TWO)) == page(model(TWO))
