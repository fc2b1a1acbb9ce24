# SPDX-License-Identifier: Apache-2.0
"""Hold the knowledge to its schema: every name known, every design and attack with a source, every fact with an origin.

The loader refuses unknown keys, dangling names and missing sources, with file and line. Beyond that, a guard may only
read a fact that some verifier says (`facts.toml` of a TEE) or that docs/spec/trust.md, section 3.7, lists: one that is
misspelt would never refute its attack.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ttee.errors import TteeError
from ttee.tee import TEES
from ttee.trust.knowledge.facts import Condition
from ttee.trust.knowledge.terms import Attack, Knowledge
from ttee.trust.shipped import shipped
from ttee.trust.verdicts.claimed import DEBUG, sheet_of

SPEC = Path(__file__).resolve().parent.parent / "docs/spec/trust.md"
_SECTION = re.compile(r"^### 3\.7 .*?(?=^#)", re.DOTALL | re.MULTILINE)
_ROW = re.compile(r"^\| (`[^|]*) \|", re.MULTILINE)


def main() -> int:
    """0 when all is well; complaints go to stderr."""
    try:
        knowledge = shipped()
        complaints = [*unknown_facts(knowledge), *thin(knowledge)]
    except TteeError as problem:
        complaints = [str(problem)]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if not complaints:
        unchecked = sum(not attack.checked for attack in knowledge.attacks.values())
        print(
            f"{len(knowledge.designs)} designs, {len(knowledge.attacks)} attacks ({unchecked} not confirmed yet)"
        )
    return 1 if complaints else 0


def said_by_people() -> frozenset[str]:
    """The facts that section 3.7 lists."""
    section = _SECTION.search(SPEC.read_text("utf-8"))
    rows = _ROW.findall(section[0]) if section else []
    return frozenset(name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row))


def said_by_verifiers() -> frozenset[str]:
    """The facts that claims of some TEE say."""
    found = {DEBUG}
    for sheet in map(sheet_of, TEES):
        found |= {name for name, _ in sheet.reads} | {derived.fact for derived in sheet.derived}
    return frozenset(found)


def unknown_facts(knowledge: Knowledge) -> Iterator[str]:
    """Guards over facts of which nobody speaks."""
    known = said_by_people() | said_by_verifiers()
    for attack in knowledge.attacks.values():
        for condition in guards(attack):
            if condition.fact not in known:
                yield f"attacks/{attack.id}.toml: {condition.fact!r} is a fact of no verifier, nor of {SPEC.name}, 3.7"


def guards(attack: Attack) -> Iterator[Condition]:
    """All conditions of an attack."""
    for target in attack.targets:
        yield from target.when
        for together in target.unless:
            yield from together


def thin(knowledge: Knowledge) -> Iterator[str]:
    """Designs that count fewer studies than attacks that name them."""
    for design in knowledge.designs.values():
        aimed = sum(
            any(target.tee == design.id for target in attack.targets)
            for attack in knowledge.attacks.values()
            if attack.compiled and attack.status == "demonstrated"
        )
        if design.id not in ("local", "riscv") and design.studies < aimed:
            yield f"{design.id}: {design.studies} studies, but {aimed} demonstrated attacks name it"


if __name__ == "__main__":
    sys.exit(main())
