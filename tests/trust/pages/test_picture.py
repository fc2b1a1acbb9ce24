# SPDX-License-Identifier: Apache-2.0
"""The picture: well-formed, the same each time, every part in its place, nothing that an attacker wrote as markup."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.trust.known import model
from ttee.trust.answers.words import ASKED
from ttee.trust.knowledge.terms import Property
from ttee.trust.model.build import Model
from ttee.trust.pages.picture import draw

ROOT = Path(__file__).parents[3]
TWO = (
    '[part.a]\ntee = "tdx"\noperator = "google"\n[part.b]\ntee = "snp"\noperator = "ovh"\n'
    '[part.x]\nsplit = { k = 2, of = ["a", "b"] }\n[part.front]\nchannel = { to = "x", binding = "exporter" }\n'
)
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    return ["".join(each.itertext()) for each in ET.fromstring(picture).iter(f"{SVG}text")]  # noqa: S314


def boxes(picture: str) -> list[tuple[float, float, float, float]]:
    root = ET.fromstring(picture)  # noqa: S314 (our own)
    return [
        (float(each.attrib["x"]), float(each.attrib["y"]), float(each.attrib["width"]), float(each.attrib["height"]))
        for each in root.iter(f"{SVG}rect")
        if each.attrib["class"] in ("box", "box tee", "list")
    ]  # fmt: skip


@pytest.mark.parametrize("property_", ASKED)
def test_it_is_well_formed_and_shows_every_part(property_: Property) -> None:
    picture = draw(model(TWO), property_)
    said = texts(picture)
    assert {"front", "x", "a", "b"} <= set(said)
    assert any(str(property_) in each for each in said)


def many(number: int) -> Model:
    parts = "".join(f'[part.p{each}]\ntee = "{"tdx" if each % 2 else "snp"}"\n' for each in range(number))
    names = ", ".join(f'"p{each}"' for each in range(number))
    return model(f"{parts}[part.all]\nk_of = {{ k = 2, of = [{names}] }}\n", root="all")


@pytest.mark.parametrize("made", [model(TWO), many(1 + 1), many(7)], ids=["two", "pair", "seven"])
def test_nothing_lies_over_anything_else_or_beyond_the_edge(made: Model) -> None:
    picture = draw(made, Property.CONFIDENTIALITY)
    size = re.search(r'viewBox="0 0 (\d+) (\d+)"', picture)
    assert size is not None
    found = boxes(picture)
    for index, (x, y, width, height) in enumerate(found):
        assert x >= 0
        assert x + width <= int(size[1])
        assert y + height <= int(size[2])
        for other_x, other_y, other_width, other_height in found[:index]:
            apart = (
                x + width <= other_x
                or other_x + other_width <= x
                or y + height <= other_y
                or other_y + other_height <= y
            )
            assert apart


def test_what_breaks_several_stands_once() -> None:
    said = texts(draw(model(TWO), Property.CONFIDENTIALITY))
    assert "a and b have this in common" in said
    assert sum(each.startswith("whoever wrote the program 'app'") for each in said) == 1


def test_names_are_text_and_never_markup() -> None:
    made = model('[party.evil]\nname = "</text><script>alert(1)</script>"\njurisdiction = "us"\n'
                 '[part.a]\ntee = "tdx"\noperator = "evil"\n')  # fmt: skip
    picture = draw(made, Property.AVAILABILITY)
    assert "<script" not in picture
    assert any("script" in each for each in texts(picture))


def test_the_same_deployment_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    program = (
        "from tests.trust.pages.test_picture import TWO, draw, model; from ttee.trust.knowledge.terms import Property\n"
        "print(draw(model(TWO), Property.CONFIDENTIALITY))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1
