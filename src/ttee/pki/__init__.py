# SPDX-License-Identifier: Apache-2.0
"""Certificates as TEE makers use them: paths of a fixed shape to a pinned root, CRLs, and raw signatures.

    chain = load_pem_chain(pem, what="PCK chain", size=3)
    window = verify_path(chain, root, at=at, algorithms={"ecdsa-p256-sha256"}, what="PCK chain")
    check_crl(crl, issuer=chain[1], at=at, what="PCK CRL", get="https://…")
    check_not_revoked(chain[0], crl, what="PCK certificate")

1. A root is pinned by digest. A certificate that came with the evidence is never an anchor.
2. The path is given, whole and in order, leaf first. None is searched for, nothing is fetched.
3. Every link: signature by an algorithm of the caller's list, issuer = subject, validity at `at`, and what
   basicConstraints, pathLen and keyUsage allow. A critical extension that nobody here knows is refused.
4. Nothing is optional by being absent: a CRL that is asked for and missing, stale or somebody else's is an error.
5. Only what held is remembered, for as long as all that it rests on holds.
"""
