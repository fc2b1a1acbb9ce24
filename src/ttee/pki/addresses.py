# SPDX-License-Identifier: Apache-2.0
"""Where a certificate says that its issuer's certificate and revocation list are, if it does. Nothing is asked here.

What a certificate says is worth nothing before its path holds, and whoever asks anywhere it says asks wherever a
stranger wants. So only addresses on hosts that the caller names are given out, and those as https.
"""

from __future__ import annotations

import re

from ttee.codec import der
from ttee.pki.certificate import Certificate

CRL_POINTS, AUTHORITY_INFO = "2.5.29.31", "1.3.6.1.5.5.7.1.1"
_ISSUERS, _OCSP = "1.3.6.1.5.5.7.48.2", "1.3.6.1.5.5.7.48.1"
_URI = der.context(6, constructed=False)
_FORM = re.compile(r"https?://([a-z0-9.-]{1,253})(/[A-Za-z0-9._~/%-]{1,512})", re.ASCII)


def crl_addresses(certificate: Certificate, hosts: re.Pattern[str]) -> tuple[str, ...]:
    """Where the list is on which `certificate` would stand (RFC 5280, section 4.2.1.13); https, on these hosts."""
    extension = certificate.extensions.get(CRL_POINTS)
    found: list[bytes] = []
    try:
        for point in der.sequence(extension.value) if extension else []:
            for part in der.elements(der.expect(point, der.SEQUENCE), at_most=3):
                if part[0] != der.context(0):  # not its name, but reasons or another issuer
                    continue
                for name in der.elements(part[2], at_most=1):
                    found += [
                        each[2] for each in der.elements(name[2]) if (name[0], each[0]) == (part[0], _URI)
                    ]
    except der.DerError:
        return ()
    return _on(hosts, found)


def issuer_addresses(certificate: Certificate, hosts: re.Pattern[str]) -> tuple[str, ...]:
    """Where the issuer's certificate is (RFC 5280, section 4.2.2.1, caIssuers); https, on these hosts."""
    extension = certificate.extensions.get(AUTHORITY_INFO)
    found: list[bytes] = []
    try:
        for each in der.sequence(extension.value) if extension else []:
            parts = der.elements(der.expect(each, der.SEQUENCE), at_most=2)
            if len(parts) == 2 and parts[1][0] == _URI and der.oid(der.expect(parts[0], der.OID)) == _ISSUERS:
                found.append(parts[1][2])
    except der.DerError:
        return ()
    return _on(hosts, found)


def can_be_revoked(certificate: Certificate) -> bool:
    """Whether it says where its issuer would take it back: a list (RFC 5280, section 4.2.1.13) or OCSP (4.2.2.1)."""
    extension = certificate.extensions.get(AUTHORITY_INFO)
    try:
        named = [
            der.oid(der.expect(der.elements(der.expect(each, der.SEQUENCE), at_most=2)[0], der.OID))
            for each in (der.sequence(extension.value) if extension else [])
        ]
    except (der.DerError, IndexError):
        return True  # it says something, whatever that is
    return CRL_POINTS in certificate.extensions or _OCSP in named


def _on(hosts: re.Pattern[str], found: list[bytes]) -> tuple[str, ...]:
    forms = [_FORM.fullmatch(each.decode("ascii", "replace")) for each in found[:8]]
    return tuple(
        dict.fromkeys(f"https://{form[1]}{form[2]}" for form in forms if form and hosts.fullmatch(form[1]))
    )
