# SPDX-License-Identifier: Apache-2.0
"""A CoRIM: tags of statements in an envelope that may be signed (draft-ietf-rats-corim, section 4).

    18 [protected {1 algorithm, 3 content type, 4 key id, 8 meta}, {}, payload, signature]     COSE_Sign1
    501 {0 id, 1 [506 CoMID, 505 CoSWID, 508 CoTL], 2 linked CoRIMs, 3 profile, 4 validity, 5 entities}
    meta  {0 {0 signer, 1 URI}, 1 validity {0 from, 1 until}}

A tag of 500 or 502 may stand before either, as drafts had it; a CoMID alone is read as a CoRIM that is not signed.
"""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.codec import cose
from ttee.codec.cbor_tags import Tagged, TaggedValue, loads
from ttee.errors import EndorsementError, SignatureError, UsageError
from ttee.formats.corim import comid
from ttee.formats.corim.comid import Comid
from ttee.formats.corim.fields import SOURCE, Fields, identifier, listed, malformed, moment

MAX_SIZE = 4 << 20
MAX_TAGS = 1024
CORIM, COSWID, COMID = 501, 505, 506
_WRAPPERS = (b"\xd9\x01\xf4", b"\xd9\x01\xf6")
_SIGN1 = (cose.TAG, b"\x84")
_CONTENT_TYPES = ("application/rim+cbor", "application/corim-unsigned+cbor")
_CONTENT_TYPE, _META = 3, 8
_WHAT = "CoRIM"


@frozen(slots=True)
class Corim:
    """What a file says; nothing in it is verified before `check`."""

    id: str
    profile: str | None
    comids: tuple[Comid, ...]
    entities: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    signature: cose.Sign1 | None = None
    signer: str | None = None
    """Who signed, by their own account."""
    unread: tuple[str, ...] = field(default=())
    """What stands there and is not used."""

    def check(self, at: datetime, *, signer: ec.EllipticCurvePublicKey | None) -> str:
        """Who vouches for it, in words, at that moment. Without `signer` nobody does, even if it is signed.

        Raises SignatureError (another key, or none), EndorsementError (not valid at that moment), UsageError.
        """
        if at.tzinfo is None:
            raise UsageError("a moment needs its time zone", where="at")
        if signer is not None:
            if self.signature is None:
                raise SignatureError(
                    "a signer's key was given, and the CoRIM is not signed",
                    where=_WHAT,
                    hint="get the signed one",
                )
            cose.verify(self.signature, signer)
        for begin, late in ((self.valid_from, False), (self.valid_until, True)):
            if begin is not None and (at > begin if late else at < begin):
                raise EndorsementError(
                    f"the CoRIM is valid {'until' if late else 'from'} {begin.isoformat()}, not at {at.isoformat()}",
                    where=f"{_WHAT}, validity",
                    hint="get the present one from its maker, or give the moment that you mean, with --at",
                    source=SOURCE,
                )
        if self.signature is None:
            return "NOT SIGNED: anybody may have written this"
        name = f" ({self.signer}, by its own account)" if self.signer else ""
        if signer is None:
            return f"SIGNATURE NOT VERIFIED{name}: no key was given"
        return f"signed by the key that was given{name}"


def looks_like_one(data: bytes) -> bool:
    """Whether `data` begins as a CoRIM, signed or not, or as a CoMID."""
    body = _unwrapped(data)
    return body.startswith((b"\xd9\x01\xf5", b"\xd9\x01\xfa", *_SIGN1)) or (bool(body) and body[0] >> 5 == 5)


def parse(data: bytes) -> Corim:
    """The CoRIM in `data`. Raises MalformedEvidenceError with the place."""
    body = _unwrapped(data)
    if not body.startswith(_SIGN1):
        return _content(loads(body, what=_WHAT, max_size=MAX_SIZE), None)
    signature = cose.parse(body, what=_WHAT, max_size=MAX_SIZE)
    if signature.headers.get(_CONTENT_TYPE) not in _CONTENT_TYPES:
        raise malformed(f"its content type is none of {', '.join(_CONTENT_TYPES)}", "protected header")
    return _content(
        loads(_unwrapped(signature.payload), what=f"{_WHAT}, payload", max_size=MAX_SIZE), signature
    )


def _unwrapped(data: bytes) -> bytes:
    return data[3:] if data.startswith(_WRAPPERS) else data


def _content(value: TaggedValue, signature: cose.Sign1 | None) -> Corim:
    unread: list[str] = []
    if signature is None and (alone := _comid_alone(value)) is not None:
        only = comid.parse(alone, "CoMID", unread)
        return Corim(only.id, None, (only,), unread=tuple(unread))
    fields = Fields(_map_of_corim(value), "corim", unread)
    name = identifier(fields.take(0, "id"), "corim, id")
    tags = listed(fields.take(1, "tags"), "corim, tags")
    if len(tags) > MAX_TAGS:
        raise malformed(f"it has {len(tags)} tags; at most {MAX_TAGS} are read", "corim, tags")
    comids = tuple(
        found for index, tag in enumerate(tags) if (found := _tag(tag, f"tag {index}", unread)) is not None
    )
    if 2 in fields:
        fields.get(2)
        unread.append("corim: linked CoRIMs, which are not fetched")
    profile = fields.get(3)
    if isinstance(profile, list):  # as drafts had it
        profile = listed(profile, "corim, profile", size=1)[0]
    begin, end = _validity(fields.get(4), "corim, validity", unread)
    entities = comid.entities(fields, 5, "corim, entities", unread)
    fields.done()
    signer = None
    if signature is not None:
        signer, signed_begin, signed_end = _meta(signature, unread)
        begin = max(filter(None, (begin, signed_begin)), default=None)
        end = min(filter(None, (end, signed_end)), default=None)
    return Corim(
        name,
        identifier(profile, "corim, profile") if profile is not None else None,
        comids,
        entities,
        begin,
        end,
        signature,
        signer,
        tuple(dict.fromkeys(unread)),
    )


def _map_of_corim(value: TaggedValue) -> TaggedValue:
    """Without its tag, which early drafts did not have."""
    if isinstance(value, Tagged):
        if value.tag != CORIM:
            raise malformed(f"its tag is {value.tag}, not {CORIM}", "byte 0")
        return value.value
    return value


def _comid_alone(value: TaggedValue) -> TaggedValue:
    """A CoMID's map, with its tag or without: it has triples where a CoRIM has its validity."""
    if isinstance(value, Tagged) and value.tag == COMID:
        inner = value.value
        return loads(inner, what="CoMID", max_size=MAX_SIZE) if isinstance(inner, bytes) else inner
    if isinstance(value, dict) and isinstance(value.get(1), dict) and 4 in value:
        return value
    return None


def _tag(tag: TaggedValue, where: str, unread: list[str]) -> Comid | None:
    """A tag of statements; other kinds are listed."""
    if isinstance(tag, bytes):  # early drafts: bytes of a tagged item, without a tag of their own
        tag = loads(tag, what=where, max_size=MAX_SIZE)
    if not isinstance(tag, Tagged):
        raise malformed("it has no tag that says what it is", where)
    if tag.tag != COMID:
        kind = "a CoSWID" if tag.tag == COSWID else f"of the kind {tag.tag}"
        unread.append(f"{where}: {kind}")
        return None
    inner = loads(tag.value, what=where, max_size=MAX_SIZE) if isinstance(tag.value, bytes) else tag.value
    return comid.parse(inner, where, unread)


def _validity(value: TaggedValue, where: str, unread: list[str]) -> tuple[datetime | None, datetime | None]:
    if value is None:
        return None, None
    fields = Fields(value, where, unread)
    begin = moment(fields.get(0), where) if 0 in fields else None
    end = moment(fields.take(1, "not after"), where)
    fields.done()
    return begin, end


def _meta(signature: cose.Sign1, unread: list[str]) -> tuple[str | None, datetime | None, datetime | None]:
    """Signer and validity out of the protected header."""
    data = signature.headers.get(_META)
    if data is None:
        return None, None, None
    if not isinstance(data, bytes):
        raise malformed("meta is not bytes", "protected header")
    fields = Fields(loads(data, what=f"{_WHAT}, meta", max_size=MAX_SIZE), "meta", unread)
    who = Fields(fields.take(0, "signer"), "meta, signer", unread)
    name = who.text(0, "name")
    who.get(1)
    who.done()
    begin, end = _validity(fields.get(1), "meta, validity", unread)
    fields.done()
    return name, begin, end
