# SPDX-License-Identifier: Apache-2.0
"""XML as NVIDIA signs it: one enveloped signature over the whole document (XML-DSig), in Canonical XML 1.1.

Of XML, only what RIMs have: elements, attributes, text. No document type (so no entities), no comments, no
processing instructions, no `xml:` attributes. Of XML-DSig, one shape: SHA-384, ECDSA on P-384, one reference to
the whole document without its signature. What is read afterwards is the very tree that was signed.

Sources: XML Signature Syntax and Processing 1.1, sections 4 and 6; Canonical XML 1.1, section 2.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from hashlib import sha384
from typing import NoReturn
from xml.parsers import expat

from attrs import define, field, frozen

from ttee.errors import EndorsementError, SignatureError

DS = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/2006/12/xml-c14n11"
MAX_SIZE = 4 * 1024 * 1024
MAX_DEPTH = 16
MAX_ELEMENTS = 20_000
MAX_NAMESPACES = 32
SOURCE = "XML Signature Syntax and Processing 1.1, section 4"
_SIGNATURE = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
_DIGEST = "http://www.w3.org/2001/04/xmldsig-more#sha384"
_TRANSFORMS = [f"{DS}enveloped-signature", C14N]


@define(slots=True, eq=False)
class Element:
    """An element as it stands: `name` and `attributes` with prefixes, `namespaces` all that are in scope."""

    name: str
    attributes: Mapping[str, str]
    namespaces: Mapping[str, str]
    children: list[Element | str] = field(factory=list)

    def resolve(self, name: str, *, attribute: bool = False) -> tuple[str, str]:
        """Namespace and local name of a name with a prefix."""
        prefix, _, local = name.rpartition(":")
        if attribute and not prefix:
            return "", local
        if prefix and prefix not in self.namespaces:
            raise ValueError(f"the prefix {prefix[:32]!r} is not declared")
        return self.namespaces.get(prefix, ""), local

    @property
    def expanded(self) -> tuple[str, str]:
        """Namespace and local name."""
        return self.resolve(self.name)

    def elements(self) -> list[Element]:
        """The elements inside, in order."""
        return [child for child in self.children if isinstance(child, Element)]

    def text(self) -> str:
        """The text of an element that has nothing else."""
        if self.elements():
            raise ValueError(f"{self.name[:32]} has more than text")
        return "".join(child for child in self.children if isinstance(child, str))


@frozen(slots=True)
class Signed:
    """A document whose digest holds, and what is left to verify: who signed."""

    root: Element
    """Without its signature."""
    signed: bytes
    signature: bytes
    certificates: tuple[bytes, ...]
    """In DER, leaf first. Nobody vouches for them yet."""


def load(data: bytes, what: str) -> Signed:
    """The document in `data`. Raises EndorsementError (malformed), SignatureError (its digest differs)."""
    if len(data) > MAX_SIZE:
        raise EndorsementError(f"{what} has more than {MAX_SIZE} bytes", where=what)
    try:
        root = _parse(data)
        signature = _detach(root)
        info, value, key_info = _children(signature, "SignedInfo", "SignatureValue", "KeyInfo")
        digest = _digest_value(info)
        certificates = tuple(_base64(each) for each in _certificates(key_info))
        found = Signed(root, b"".join(_canonical(info, {})), _base64(value), certificates)
    except (ValueError, expat.ExpatError) as problem:
        raise EndorsementError(
            f"{what} is not XML signed as NVIDIA signs it: {problem}"[:300], where=what, source=SOURCE
        ) from None
    if sha384(b"".join(_canonical(root, {}))).digest() != digest:
        raise SignatureError(f"{what} was altered: its digest is another", where=what, source=SOURCE)
    return found


class _Builder:
    """Builds the tree from what expat sees; refuses what has no place in it."""

    def __init__(self) -> None:
        self._document = Element("", {}, {})
        self._open = [self._document]
        self._count = 0

    @property
    def root(self) -> Element:
        """The one element that expat lets a document have."""
        return self._document.elements()[0]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise ValueError("too many elements, or nested too deeply")
        scope = self._open[-1].namespaces
        plain: dict[str, str] = {}
        for key, value in attributes.items():
            if key == "xmlns" or key.startswith("xmlns:"):
                scope = {**scope, key[6:]: value}
                if len(scope) > MAX_NAMESPACES:
                    raise ValueError("too many namespaces")
            elif key.startswith("xml:"):
                raise ValueError("an xml: attribute")
            else:
                plain[key] = value
        element = Element(name, plain, scope)
        _ = element.expanded
        if len({element.resolve(key, attribute=True) for key in plain}) != len(plain):
            raise ValueError("an attribute that is there twice")
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        self._open[-1].children.append(text)


def _parse(data: bytes) -> Element:
    def refuse(*_: object) -> NoReturn:
        raise ValueError("a document type, comment, processing instruction or marked section")

    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = refuse
    parser.CommentHandler = refuse
    parser.ProcessingInstructionHandler = refuse
    parser.StartCdataSectionHandler = refuse
    parser.Parse(data, True)
    return builder.root


def _detach(root: Element) -> Element:
    """Take the signature out of the document: its only one, a child of the root."""
    found = [child for child in root.elements() if child.expanded == (DS, "Signature")]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} signatures instead of one, below its root")
    root.children = [child for child in root.children if child is not found[0]]
    return found[0]


def _children(element: Element, *names: str) -> list[Element]:
    """The children of `element`, which are exactly these of XML-DSig."""
    found = element.elements()
    if [child.expanded for child in found] != [(DS, name) for name in names]:
        raise ValueError(f"{element.name[:32]} does not consist of {', '.join(names)}")
    return found


def _algorithm(element: Element, expected: str) -> None:
    if dict(element.attributes) != {"Algorithm": expected} or element.elements():
        raise ValueError(f"{element.name[:32]} is not {expected}")


def _digest_value(info: Element) -> bytes:
    """The digest that SignedInfo has for the whole document, after exactly the transforms that we do."""
    canonicalization, method, reference = _children(
        info, "CanonicalizationMethod", "SignatureMethod", "Reference"
    )
    _algorithm(canonicalization, C14N)
    _algorithm(method, _SIGNATURE)
    if dict(reference.attributes) != {"URI": ""}:
        raise ValueError("its reference is not to the whole document")
    transforms, digest_method, value = _children(reference, "Transforms", "DigestMethod", "DigestValue")
    for transform, expected in zip(_children(transforms, "Transform", "Transform"), _TRANSFORMS, strict=True):
        _algorithm(transform, expected)
    _algorithm(digest_method, _DIGEST)
    return _base64(value)


def _certificates(key_info: Element) -> list[Element]:
    (data,) = _children(key_info, "X509Data")
    found = data.elements()
    if not 1 <= len(found) <= 8 or any(each.expanded != (DS, "X509Certificate") for each in found):
        raise ValueError("it does not have 1 to 8 certificates")
    return found


def _base64(element: Element) -> bytes:
    text = "".join(element.text().split())
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{element.name[:32]} is not base64") from None


def _canonical(element: Element, shown: Mapping[str, str]) -> Iterator[bytes]:
    """Canonical XML 1.1 of an element; `shown`: the namespaces that those around it have shown."""
    yield f"<{element.name}".encode()
    for prefix, uri in sorted(element.namespaces.items()):
        if shown.get(prefix, "") != uri:
            yield f' {"xmlns:" + prefix if prefix else "xmlns"}="{_escaped(uri, attribute=True)}"'.encode()
    for key in sorted(element.attributes, key=lambda key: element.resolve(key, attribute=True)):
        yield f' {key}="{_escaped(element.attributes[key], attribute=True)}"'.encode()
    yield b">"
    for child in element.children:
        if isinstance(child, str):
            yield _escaped(child, attribute=False).encode()
        else:
            yield from _canonical(child, element.namespaces)
    yield f"</{element.name}>".encode()


def _escaped(text: str, *, attribute: bool) -> str:
    """Canonical XML 1.1, section 2.3."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#xD;")
    if attribute:
        return text.replace('"', "&quot;").replace("\t", "&#x9;").replace("\n", "&#xA;")
    return text.replace(">", "&gt;")
