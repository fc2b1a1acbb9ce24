# SPDX-License-Identifier: Apache-2.0
"""Which endorsements reports of NVIDIA devices can use, and how its services are asked for them. No I/O.

rim.driver    reference values of the driver that the reports name: a RIM, as XML
rim.vbios     those of the VBIOS
ocsp, ocsp.…  answers about certificates, in DER: each is asked for with a nonce (`ocsp_questions.py`)

The RIM service answers with JSON: {"id", "rim": base64, …}. All of these are optional: what was not checked without
them, a verification names.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import pairwise

from attrs import frozen

from ttee.codec import json
from ttee.errors import EndorsementError, TteeError
from ttee.model import Evidence
from ttee.pki.certificate import Certificate, load_pem_chain
from ttee.pki.path import Root
from ttee.pki.window import rfc3339
from ttee.tee.nvidia import ocsp
from ttee.tee.nvidia.chain import MAX_CERTIFICATES
from ttee.tee.nvidia.evidence import CHIP_SKU, PROJECT, PROJECT_SKU, Report, devices, parse, text
from ttee.tee.nvidia.ocsp_questions import REQUEST, name_of, nonce_for, question
from ttee.tee.nvidia.rim import SERVICE, Manifest, check_rim, open_rim, rim_maker
from ttee.tee.own import Split, split_off
from ttee.tee.sources import Answer, File, Source

DRIVER, VBIOS = "rim.driver", "rim.vbios"
CPU_REPORT_DATA = "cpu-report-data"
DOCUMENTS = (DRIVER, VBIOS, *ocsp.DOCUMENTS, CPU_REPORT_DATA)
MAX_ANSWER = 4 * 1024 * 1024
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DRIVERS = {"GH100": "NV_GPU_DRIVER_GH100_", "GB100": "NV_GPU_CC_DRIVER_GB100_"}
"""By the chip that a device's certificate names; NVIDIA/attestation-sdk, gpu/evidence.cpp, get_driver_rim_id."""
_SWITCH_BOARD = "5612_0002_890"
"""The one board of LS10 switches, whose reports do not name it; NVIDIA/attestation-sdk, switch/evidence.cpp."""


@frozen(slots=True)
class _Asked:
    """A device, as its evidence reads."""

    report: Report
    path: tuple[Certificate, ...]

    @property
    def driver_id(self) -> str | None:
        """What the RIM service calls the reference values of its driver."""
        chip = self.path[0].common_name.split(" ")[0]
        version = self.report.driver
        return f"{_DRIVERS[chip]}{version}" if chip in _DRIVERS and version else None

    @property
    def vbios_id(self) -> str | None:
        """What the RIM service calls those of its VBIOS."""
        opaque, version = self.report.opaque, (self.report.vbios or "").replace(".", "").upper()
        if self.report.is_switch:
            return f"NV_SWITCH_BIOS_{_SWITCH_BOARD}_{version}" if version else None
        board = [text(opaque.get(field)) for field in (PROJECT, PROJECT_SKU, CHIP_SKU)]
        return f"NV_GPU_VBIOS_{'_'.join(map(str, board))}_{version}" if version and all(board) else None


def sources(
    evidence: Evidence,
    documents: Mapping[str, bytes],
    at: datetime,
) -> tuple[Source, ...]:
    """Questions for reference values that are not at hand, and about certificates. Raises MalformedEvidenceError.

    An answer to another question than ours may be as old as its window: it does not keep us from asking.
    """
    asked = _read(evidence)
    found: list[Source] = []
    for name, ids in _rim_ids(asked).items():
        rim_id = next(iter(ids)) if len(ids) == 1 else None
        if name not in documents and rim_id is not None and _ID.fullmatch(rim_id):
            found.append(
                Source(
                    f"{SERVICE}{rim_id}",
                    (name,),
                    f"reference values {rim_id}",
                    needed=False,
                    read=partial(_take_rim, name=name, rim_id=rim_id, at=at),
                )
            )
    answers = ocsp.readable(documents)
    for certificate, issuer in _questions(asked, documents):
        wanted = nonce_for(asked[0].report.nonce, certificate)
        if not any(each.nonce == wanted and ocsp.is_about(each, certificate, issuer) for each in answers):
            found.append(
                Source(
                    ocsp.SERVICE,
                    (name_of(certificate),),
                    f"whether {certificate.common_name or 'a certificate'} is revoked",
                    needed=False,
                    read=partial(_take_answer, name=name_of(certificate), at=at),
                    until=ocsp.until,
                    post=question(certificate, issuer, asked[0].report.nonce),
                    content_type=REQUEST,
                )
            )
    return tuple(found)


def adopt(evidence: Evidence, files: Sequence[File], at: datetime) -> Mapping[str, bytes]:
    """The reference values of this driver and VBIOS, and the answers about these certificates, that count at `at`."""
    try:
        asked = _read(evidence)
    except TteeError:
        return {}
    found: dict[str, bytes] = {}
    manifests = [each for each in map(_manifest, files) if each is not None]
    for name, versions in _versions(asked).items():
        fitting = {_worth(each, at): each for each in manifests if {each.version.lower()} == versions}
        if best := max(fitting, default=0):
            found[name] = fitting[best].data
    answers = [(file.data, each) for file in files for each in ocsp.readable({ocsp.DOCUMENT: file.data})]
    for certificate, issuer in _questions(asked, found):
        wanted = nonce_for(asked[0].report.nonce, certificate)
        fits = [
            (answer.nonce == wanted, answer.begin, data)
            for data, answer in answers
            if ocsp.counts(answer, certificate, issuer, at)
        ]
        if fits:  # the one to our question if it is there, else the newest
            found[name_of(certificate)] = max(fits)[2]
    return found


def split(evidence: Evidence) -> Split:
    """The reports with the reference values that came along, and the answers about certificates that did."""
    return split_off(evidence, ocsp.DOCUMENTS)


def _read(evidence: Evidence) -> list[_Asked]:
    return [
        _Asked(parse(report), load_pem_chain(chain, what="chain", size=range(1, MAX_CERTIFICATES + 1)))
        for report, chain in devices(evidence.parts)
    ]


def _rim_ids(asked: Sequence[_Asked]) -> dict[str, set[str | None]]:
    """Ids of what is compared with; more than one where devices differ, whose reference values are not for all."""
    return {
        DRIVER: {each.driver_id for each in asked if not each.report.is_switch},
        VBIOS: {each.vbios_id for each in asked},
    }


def _versions(asked: Sequence[_Asked]) -> dict[str, set[str]]:
    return {
        DRIVER: {(each.report.driver or "").lower() for each in asked if not each.report.is_switch},
        VBIOS: {(each.report.vbios or "").lower() for each in asked},
    }


def _questions(
    asked: Sequence[_Asked], documents: Mapping[str, bytes]
) -> tuple[tuple[Certificate, Certificate], ...]:
    """Whom NVIDIA knows: the certificates between a device's own and the root, and those of reference values.

    A device's own certificate is made by the device, so no service knows it.
    """
    manifests = [_manifest(File(name, documents[name])) for name in (DRIVER, VBIOS) if name in documents]
    paths = [each.path[1:] for each in asked] + [each.path for each in manifests if each is not None]
    pairs = {
        (below.digest, above.digest): (below, above) for path in paths for below, above in pairwise(path)
    }
    return tuple(pairs.values())


def _manifest(file: File) -> Manifest | None:
    """The reference values in a file: XML, or the service's whole answer."""
    data = file.data
    if data[:64].lstrip()[:1] == b"{":
        try:
            data = _unpack(data, file.name, None)
        except TteeError:
            return None
    if data[:64].lstrip()[:1] != b"<":
        return None
    try:
        return open_rim(data, file.name)
    except TteeError:
        return None


def _worth(manifest: Manifest, at: datetime) -> int:
    """2 if NVIDIA signed it, 1 if somebody did whom a policy may have pinned; 0 if its signature does not hold."""
    own = Root("its own", digest=manifest.path[-1].digest) if manifest.path else None
    for worth, roots in ((2, rim_maker().roots), (1, (own,) if own else ())):
        with suppress(TteeError):
            check_rim(manifest, "rim", roots, at)
            return worth
    return 0


def _take_rim(answer: Answer, *, name: str, rim_id: str, at: datetime) -> Mapping[str, bytes]:
    """The reference values in an answer. Raises EndorsementError: none, or their signature does not hold at `at`."""
    data = _unpack(answer.body, name, rim_id)
    manifest = _manifest(File(name, data))
    if manifest is None or not _worth(manifest, at):
        raise EndorsementError(f"the signature of {rim_id} does not hold at {rfc3339(at)}", where=name)
    return {name: data}


def _take_answer(answer: Answer, *, name: str, at: datetime) -> Mapping[str, bytes]:
    """An answer about a certificate. Raises EndorsementError: none, or of another time than `at`: the service answers
    as of now, and that says nothing about an earlier moment."""
    found = ocsp.load_answers({ocsp.DOCUMENT: answer.body})
    if not all(each.begin <= at <= each.end for each in found):
        raise EndorsementError(f"the service's answer is not about {rfc3339(at)}", where=name)
    return {name: answer.body}


def _unpack(data: bytes, what: str, rim_id: str | None) -> bytes:
    """The XML in the service's answer. Raises EndorsementError."""
    value = json.loads(data, what=what, max_size=MAX_ANSWER, max_depth=4, error=EndorsementError)
    content = value.get("rim") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(content, str):
        raise EndorsementError(f"{what} is no answer of the RIM service: it has no `rim`", where=what)
    if rim_id is not None and value.get("id") != rim_id:
        raise EndorsementError(f"{what} is another RIM than {rim_id}", where=what)
    try:
        return b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise EndorsementError(f"{what}: `rim` is not base64", where=what) from None
