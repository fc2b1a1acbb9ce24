# SPDX-License-Identifier: Apache-2.0
"""Policy files (docs/spec/policy.md): TOML in, strictly; each error says which line, and what was probably meant."""

from __future__ import annotations

import difflib
import re
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import frozen

from ttee.appraise.distrust import switches
from ttee.appraise.exceptions import EXCEPTIONS
from ttee.appraise.policy import SCHEMA, Goal, Insecure, Policy, Section
from ttee.appraise.rules import KEY, Comparison, Rule, Scalar, split_key, unfit
from ttee.codec import hex as hex_codec
from ttee.codec.toml import deep_line
from ttee.errors import PolicyFileError
from ttee.model import Anchor, Assurance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike

MAX_SIZE = 256 * 1024
MEASUREMENT = 48
SOURCE = "docs/spec/policy.md"

_TEE = re.compile(r"[a-z][a-z0-9-]{0,63}")
ANCHORS, GRANTS = "anchors", "exceptions"
"""Keys of a TEE's section that are no rules."""
_SINGLE = (Comparison.AT_LEAST, Comparison.AT_MOST, Comparison.MAX_AGE, Comparison.BITS)
# One way to match each: a line of nothing but spaces must not be tried in all ways there are to part it.
_HEADER = re.compile(r"\s*\[+([^\[\]]+)\]")
_ASSIGNMENT = re.compile(r"\s*([\w.\"'-][\w.\"' -]*)=")


def load_policy(path: str | PathLike[str]) -> Policy:
    """The policy in a file. Raises PolicyFileError, also when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as problem:
        raise PolicyFileError(
            f"cannot read the policy: {problem.strerror}",
            where=str(path),
            hint="`ttee policy new` makes one, of an app or of evidence",
        ) from None
    return parse_policy(data, where=str(path))


def parse_policy(data: bytes, *, where: str) -> Policy:
    """The policy in these bytes; `where` names them in errors. Raises PolicyFileError."""
    if len(data) > MAX_SIZE:
        raise PolicyFileError(f"the policy has more than {MAX_SIZE} bytes", where=where, source=SOURCE)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise PolicyFileError("the policy is not UTF-8", where=f"{where}, byte {problem.start}") from None
    if deep := deep_line(text):
        raise PolicyFileError("a key has too many parts", where=f"{where}:{deep}", source=SOURCE)
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise _not_toml(problem, text, where) from None
    return _Reader(text, where).policy(value, sha256(data).digest())


@frozen(slots=True)
class _Reader:
    """Turns the TOML value into a policy; `text` is kept to find lines for errors."""

    text: str
    file: str

    def policy(self, top: Mapping[str, Any], digest: bytes) -> Policy:
        self.known(top, (), ("schema", "name", "freshness", "app", "distrust", "trust", "tee", *Insecure))
        if top.get("schema") != SCHEMA:
            self.fail(f"the schema must be {SCHEMA!r}", ("schema",))
        name = top.get("name")
        if not isinstance(name, str) or not 1 <= len(name) <= 64 or not name.isprintable():
            self.fail("the policy needs a name of 1 to 64 printable characters", ("name",))
        tees = self.table(top, (), "tee")
        accepted, refused = self.distrust(self.table(top, (), "distrust"))
        return Policy(
            name=name,
            digest=digest,
            tees={tee: self.section(tees, tee) for tee in tees},
            measurements=self.measurements(self.table(top, (), "app")),
            nonce_required=self.nonce_required(self.table(top, (), "freshness")),
            loosened=frozenset(way for way in Insecure if self.flag(top, way)),
            accepts_broken=accepted,
            refuses_broken=refused,
            goals=self.goals(self.table(top, (), "trust")) if "trust" in top else (),
            facts=self.facts(self.table(top, (), "trust")),
        )

    def goals(self, table: Mapping[str, Any]) -> tuple[Goal, ...]:
        from ttee.trust.shipped import shipped  # noqa: PLC0415
        from ttee.trust.verdicts.goals import AXES, GOAL_PROPERTIES  # noqa: PLC0415 (brings the knowledge base along)

        self.known(table, ("trust",), (*GOAL_PROPERTIES, "facts"))
        goals = []
        for name in (name for name in table if name != "facts"):
            path = ("trust", name)
            goal = self.table(table, ("trust",), name)
            self.known(goal, path, ("not_by", "no_single"))
            adversaries = goal.get("not_by", [])
            bare = [self.adversary(each, (*path, "not_by")) for each in _listed(adversaries)]
            self.names(
                {"not_by": bare or adversaries}, (*path, "not_by"), shipped().adversaries, "n adversary"
            )
            kinds = self.names(goal, (*path, "no_single"), AXES, " kind of thing that can break it alone")
            if not adversaries and not kinds:
                self.fail('say what must not break it: { not_by = ["operator:1000"] }', path)
            goals.append(Goal(name, tuple(dict.fromkeys(adversaries)), kinds))
        return tuple(goals)

    def facts(self, trust: Mapping[str, Any]) -> tuple[tuple[str, bool | int | str], ...]:
        """Facts by the names that published attacks ask for."""
        table = self.table(trust, ("trust",), "facts")
        if not table:
            return ()
        from ttee.trust.shipped import shipped  # noqa: PLC0415
        from ttee.trust.verdicts.claimed import asked_for  # noqa: PLC0415 (brings the knowledge base along)

        names = sorted(asked_for(shipped(), list(shipped().designs)))
        for name, value in table.items():
            path = ("trust", "facts", name)
            if name not in names:
                self.fail(f"{name[:64]!r} is no fact that an attack depends on{_meant(name, names)}", path)
            self.scalar(value, path)
        return tuple(table.items())

    def adversary(self, value: object, path: tuple[str, ...]) -> object:
        """The name in `operator:1000`, whose budget is looked at."""
        if not isinstance(value, str):
            return value
        name, colon, budget = value.partition(":")
        if colon and not (budget.isascii() and budget.isdigit() and len(budget) <= 12):
            self.fail(f"{budget[:64]!r} is not a budget in USD; write {name[:64]}:1000", path)
        return name

    def distrust(self, table: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
        self.known(table, ("distrust",), ("accept", "refuse"))
        accepted, refused = (
            frozenset(self.names(table, ("distrust", key), switches(), " distrust switch"))
            for key in ("accept", "refuse")
        )
        if both := accepted & refused:
            self.fail(f"{min(both)} is both accepted and refused", ("distrust", "refuse"))
        return accepted, refused

    def names(
        self, table: Mapping[str, Any], path: tuple[str, ...], valid: Iterable[str], what: str
    ) -> tuple[str, ...]:
        """A list of names, each of them one of those that there are."""
        values, valid = table.get(path[-1], []), list(valid)
        if not isinstance(values, list):
            self.fail(f"{path[-1]} is a list of names", path)
        for value in values:
            if value not in valid:
                said = value[:64] if isinstance(value, str) else value.__class__.__name__
                meant = _meant(said, valid) or f"; there is {', '.join(valid)}"
                self.fail(f"{said!r} is not the name of a{what}{meant}", path)
        return tuple(dict.fromkeys(values))

    def nonce_required(self, table: Mapping[str, Any]) -> bool:
        self.known(table, ("freshness",), ("nonce",))
        value = table.get("nonce", "required")
        if value not in ("required", "optional"):
            self.fail('the nonce is "required" or "optional"', ("freshness", "nonce"))
        return bool(value == "required")

    def measurements(self, table: Mapping[str, Any]) -> tuple[bytes, ...]:
        self.known(table, ("app",), ("measurements",))
        if "measurements" not in table:
            return ()
        path = ("app", "measurements")
        values = table["measurements"]
        if not isinstance(values, list) or not values:
            self.fail("measurements are a list of at least one", path)
        return tuple(self.hex(value, path, MEASUREMENT) for value in values)

    def section(self, tees: Mapping[str, Any], tee: str) -> Section:
        if not _TEE.fullmatch(tee):
            self.fail(f"{tee[:64]!r} is not the name of a TEE", ("tee", tee))
        table = self.table(tees, ("tee",), tee)
        anchors = table.get(ANCHORS, [])
        if not isinstance(anchors, list):
            self.fail("anchors are a list", ("tee", tee, ANCHORS))
        return Section(
            anchors=tuple(self.anchor(tee, anchor) for anchor in anchors),
            rules=tuple(
                self.rule(tee, key, value) for key, value in table.items() if key not in (ANCHORS, GRANTS)
            ),
            exceptions=self.names(table, ("tee", tee, GRANTS), EXCEPTIONS, " exception"),
        )

    def anchor(self, tee: str, table: object) -> Anchor:
        path = ("tee", tee, ANCHORS)
        if not isinstance(table, dict) or "key" not in table:
            self.fail('an anchor is { key = "<hex>" }, with assurance and note if you like', path)
        self.known(table, path, ("key", "assurance", "note"))
        assurance, note = table.get("assurance", Assurance.EMULATED), table.get("note", "")
        if assurance not in list(Assurance):
            self.fail(f"an anchor's assurance is one of {', '.join(Assurance)}", path)
        if not isinstance(note, str) or len(note) > 200 or not note.isprintable():
            self.fail("an anchor's note is text of up to 200 printable characters", path)
        return Anchor(tee, self.hex(table["key"], path), Assurance(assurance), note)

    def rule(self, tee: str, key: str, value: object) -> Rule:
        path = ("tee", tee, key)
        if not KEY.fullmatch(key):
            self.fail(
                f"{key[:64]!r} is not the name of a claim in kebab-case{_meant(key, (ANCHORS, GRANTS))}", path
            )
        comparison, claim = split_key(key)
        if comparison in _SINGLE and isinstance(value, list):
            self.fail(f"{key} is one value, not a list", path)
        values = value if isinstance(value, list) else [value]
        if not values:
            self.fail(f"{key} = [] accepts nothing; leave it out to accept anything", path)
        scalars = tuple(self.scalar(each, path) for each in values)
        for scalar in scalars:
            if wrong := unfit(comparison, scalar):
                self.fail(f"{key} is {wrong}", path)
        return Rule(claim, comparison, scalars)

    def scalar(self, value: object, path: tuple[str, ...]) -> Scalar:
        if not isinstance(value, bool | int | str):
            self.fail(f"{path[-1]} is text, an integer, true, false, or a list of these", path)
        if isinstance(value, str) and not value.isprintable():
            self.fail(f"{path[-1]} has characters that cannot be printed", path)
        return value

    def flag(self, top: Mapping[str, Any], way: Insecure) -> bool:
        value = top.get(way, False)
        if not isinstance(value, bool):
            self.fail(f"{way} is true or false", (way,))
        return value

    def hex(self, value: object, path: tuple[str, ...], size: int | None = None) -> bytes:
        if not isinstance(value, str) or not value:
            self.fail(f"{path[-1]}: bytes are written as hex in quotes", path)
        try:
            return hex_codec.decode(value, what=path[-1], size=size, error=PolicyFileError)
        except PolicyFileError as problem:
            self.fail(problem.message, path)

    def table(self, parent: Mapping[str, Any], path: tuple[str, ...], key: str) -> Mapping[str, Any]:
        value = parent.get(key, {})
        if not isinstance(value, dict):
            self.fail(f"{key} is a table: [{'.'.join((*path, key))}]", (*path, key))
        return value

    def known(self, table: Mapping[str, Any], path: tuple[str, ...], keys: Iterable[str]) -> None:
        keys = list(map(str, keys))
        for key in table:
            if key not in keys:
                self.fail(
                    f"{'.'.join((*path, key))[:80]!r} is not a key of a policy{_meant(key, keys)}",
                    (*path, key),
                )

    def fail(self, message: str, path: tuple[str, ...]) -> NoReturn:
        line = _line(self.text, path)
        raise PolicyFileError(message, where=f"{self.file}:{line}" if line else self.file, source=SOURCE)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _not_toml(problem: Exception, text: str, where: str) -> PolicyFileError:
    if isinstance(problem, RecursionError):
        return PolicyFileError("the policy is nested too deeply", where=where, source="TOML 1.0")
    found = re.search(r"\(at line (\d+), column (\d+)\)", str(problem))
    reason = str(problem).split(" (at ")[0][:200]
    place = f"{where}:{found[1]}:{found[2]}" if found else where
    if "at end of document" in str(problem):
        place = f"{where}:{len(text.splitlines())}"
    return PolicyFileError(f"the policy is not TOML: {reason}", where=place, source="TOML 1.0")


def _meant(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _line(text: str, path: tuple[str, ...]) -> int | None:
    """The line on which the key of `path` stands, or else the table that it is in: good enough to point at."""
    table: tuple[str, ...] = ()
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _names(header[1])
            full = table
        elif assignment := _ASSIGNMENT.match(line):
            full = table + _names(assignment[1])
        else:
            continue
        shared = len(full) if path[: len(full)] == full else 0
        if shared and (best is None or shared > best[0]):
            best = (shared, number)
    return best[1] if best else None


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
