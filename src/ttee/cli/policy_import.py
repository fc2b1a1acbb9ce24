# SPDX-License-Identifier: Apache-2.0
"""Policies out of what others wrote down: CoRIM reference values, Flashbots' measurement files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.cli.options import command, read_input, write_output
from ttee.cli.output import Output, table
from ttee.codec.rfc3339 import moment
from ttee.connect import now
from ttee.errors import UsageError
from ttee.formats import corim, measurements
from ttee.formats.corim import Corim
from ttee.formats.policy_text import Draft, comment
from ttee.model import Assurance
from ttee.pki import loose
from ttee.pki.signature import load_public_key

MAX_SIZE = 4 << 20
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")

_Files = Sequence[tuple[str, bytes]]


@command(
    examples="""
    ttee policy import platform.cbor realm.cbor --signer maker.pem -o cca.policy.toml
    ttee policy import corim.cbor --tee arm-psa --assurance silicon
    ttee policy import corim.cbor --show
    ttee policy import measurements.json --only buildernet-v1.5.0 -o builder.policy.toml
    ttee policy import measurements.json --tee intel-tdx -o policies/
    """
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--tee", metavar="TEE", envvar="TTEE_TEE", help="The TEE, where the file does not say it.")
@click.option("--signer", metavar="KEY", help="A file with the key that must have signed a CoRIM.")
@click.option(
    "--at", metavar="TIME", help="The moment that a CoRIM must be valid at, RFC 3339; by default now."
)
@click.option("--assurance", type=click.Choice(["silicon", "emulated"]), default="emulated", show_default=True,
              help="How real the devices are whose keys a CoRIM has.")  # fmt: skip
@click.option("--type", "kind", metavar="TYPE", default="",
              help="The attestation type of an X-Flashbots-Measurement header's value.")  # fmt: skip
@click.option("--only", metavar="NAME", help="Of several records or designs, the one that is called so.")
@click.option("--show", is_flag=True, help="Print what the files say, unverified, and write nothing.")
@click.option("-o", "--output", "target", default="-", metavar="FILE",
              help="Where to write it; a folder, with / at its end, for several. Stdout by default.")  # fmt: skip
@click.pass_obj
def import_policy(
    output: Output,
    *,
    files: tuple[str, ...],
    tee: str | None,
    signer: str | None,
    at: str | None,
    assurance: str,
    kind: str,
    only: str | None,
    show: bool,
    target: str,
) -> None:
    """Make a policy of CoRIM reference values, or of a Flashbots measurement file.

    They are somebody's word: give the key that must have signed a CoRIM, and read what comes out.
    """
    contents = [(name, read_input(name, "reference values", MAX_SIZE)) for name in files]
    if all(measurements.looks_like_one(data) for _, data in contents):
        if signer or at:
            raise UsageError(
                "measurement files are not signed, and do not expire", hint="leave out --signer and --at"
            )
        drafts, words = _from_measurements(contents, tee, kind), None
    else:
        read = [(name, corim.parse(data)) for name, data in contents]
        words = [_shown(name, each) for name, each in read] if show else None
        drafts = [] if show else _from_corims(read, tee, Assurance(assurance), _origin(read, signer, at))
    if show:
        words = words or [draft.text() for draft in _chosen(drafts, only)]
        output.result({"schema": "ttee.reference-values/1", "files": words}, "\n".join(words))
        return
    chosen = _chosen(drafts, only)
    for line in dict.fromkeys(line for draft in chosen for line in draft.origin):
        output.say(comment(line))
    _write(chosen, target, output)


def _from_measurements(contents: _Files, tee: str | None, kind: str) -> list[Draft]:
    records = [
        (name, record)
        for name, data in contents
        for record in measurements.parse(data, type_of_header=kind)
        if tee in (None, record.tee)
    ]
    if not records:
        tees = sorted(set(measurements.TEES.values()))
        raise UsageError(f"no record is about {tee}", hint=f"there are {', '.join(tees)}")
    if (together := measurements.merged([record for _, record in records])) is not None:
        records = [(", ".join(dict.fromkeys(name for name, _ in records)), together)]
    return [
        record.draft((f"{name}: not signed, so it is worth what its origin is",)) for name, record in records
    ]


def _from_corims(
    read: Sequence[tuple[str, Corim]], tee: str | None, assurance: Assurance, origin: tuple[str, ...]
) -> list[Draft]:
    corims = [each for _, each in read]
    found = corim.convert(corims, tee or corim.tee_of(corims[0]), assurance=assurance)
    return [evolve(draft, origin=(*origin, *draft.origin)) for draft in found]


def _origin(read: Sequence[tuple[str, Corim]], signer: str | None, at: str | None) -> tuple[str, ...]:
    """Who vouches for these, and what of them is not used. Raises SignatureError, EndorsementError."""
    key = _key(signer) if signer else None
    lines = []
    for name, each in read:
        lines.append(
            f"{name}: CoRIM {comment(each.id)}, {comment(each.check(moment(at or now()), signer=key))}"
        )
        lines += [f"{name}: not used: {what}" for what in each.unread]
    return tuple(lines)


def _key(path: str) -> ec.EllipticCurvePublicKey:
    spki = loose.key_of(read_input(path, "the signer's key", 1 << 20))
    key = load_public_key(spki, what=path, error=UsageError)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise UsageError("CoRIMs are signed with ECDSA; this key is RSA", where=path)
    return key


def _chosen(drafts: Sequence[Draft], only: str | None) -> Sequence[Draft]:
    if only is None:
        return drafts
    found = [draft for draft in drafts if draft.name == only] or [d for d in drafts if only in d.name]
    if len(found) != 1:
        raise UsageError(f"{len(found)} of them are called {only!r}", hint=_names(drafts))
    return found


def _names(drafts: Sequence[Draft]) -> str:
    names = ", ".join(comment(draft.name)[:80] for draft in drafts[:8])
    return f"there are {names}{f', and {len(drafts) - 8} more' if len(drafts) > 8 else ''}"


def _write(drafts: Sequence[Draft], target: str, output: Output) -> None:
    if target != "-" and (target.endswith("/") or Path(target).is_dir()):
        _write_folder(drafts, Path(target), output)
        return
    if len(drafts) > 1:
        raise UsageError(
            f"these are {len(drafts)} policies, each of which accepts something else, and one file is an AND",
            hint=f"choose one with --only, or write all with -o FOLDER/; {_names(drafts)}",
        )
    text = drafts[0].text()
    if target != "-":
        _not_there(Path(target))
        write_output(target, text.encode(), output=output)
    if output.as_json:
        output.result({"schema": "ttee.policy-file/1", "toml": text}, "")
    elif target == "-":
        output.text(text)


def _write_folder(drafts: Sequence[Draft], folder: Path, output: Output) -> None:
    files = {folder / _file_name(draft.name): draft for draft in drafts}
    if len(files) != len(drafts):
        raise UsageError("two of the policies would have one file name", hint="choose some with --only")
    for file in files:
        _not_there(file)
    texts = {file: draft.text() for file, draft in files.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"cannot make the folder: {problem.strerror}", where=str(folder)) from None
    for file, text in texts.items():
        write_output(str(file), text.encode(), output=output)
    rows = [(str(file), draft.tee) for file, draft in files.items()]
    output.result({"schema": "ttee.policy-files/1", "files": [file for file, _ in rows]}, table(rows))


def _not_there(file: Path) -> None:
    if file.exists():
        raise UsageError(
            "this file exists, and policies are not overwritten", where=str(file), hint="choose another name"
        )


def _file_name(name: str) -> str:
    return f"{_FOREIGN.sub('-', name)[:80].strip('.-') or 'policy'}.policy.toml"


def _shown(name: str, each: Corim) -> str:
    return "\n".join(_lines(name, each)) + "\n"


def _lines(name: str, each: Corim) -> Iterator[str]:
    """What one CoRIM says."""
    signed = "signed" if each.signature else "not signed"
    yield f"{name}: CoRIM {comment(each.id)}, {signed}. UNVERIFIED: nothing was checked."
    if each.profile:
        yield f"  profile {comment(each.profile)}"
    if each.signer:
        yield f"  signer {comment(each.signer)}, by its own account"
    if each.valid_until:
        yield f"  valid until {each.valid_until.isoformat()}"
    for tag in each.comids:
        yield f"  CoMID {comment(tag.id)}"
        for what, triples in (("reference values", tag.reference), ("endorsed values", tag.endorsed)):
            for values in triples:
                yield f"    {what} of {comment(str(values.environment))}"
                yield from (f"      {comment(str(measurement))}" for measurement in values.measurements)
        for what, keys in (("identity keys", tag.identity), ("attestation keys", tag.attestation)):
            for triple in keys:
                yield f"    {what} of {comment(str(triple.environment))}"
                yield from (f"      {key}" for key in triple.keys)
    for what in each.unread:
        yield f"  not used: {comment(what)}"
