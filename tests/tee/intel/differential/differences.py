# SPDX-License-Identifier: Apache-2.0
"""Every way in which we and dcap-qvl 0.7.0 differ: the table of docs/differences-dcap-qvl.md, as predicates."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from tests.tee.intel.differential.oracle import Answer

Predicate = Callable[[Answer, Answer], bool]


def we_refuse(check: str, *words: str) -> Predicate:
    """We refuse at that check, with one of these words; they do not."""

    def holds(ours: Answer, theirs: Answer) -> bool:
        said = not words or any(word in ours.refusal for word in words)
        return ours.status is None and ours.check == check and said and theirs.status is not None

    return holds


def they_refuse(words: str) -> Predicate:
    """They refuse with these words; we do not."""
    return lambda ours, theirs: ours.status is not None and theirs.status is None and words in theirs.refusal


def other_status(ours: Answer, theirs: Answer) -> bool:
    """Both accept, and say something else of the TCB."""
    return ours.status is not None and theirs.status is not None


@frozen
class Difference:
    """One row of the table. It explains a disagreement if one of its traits was there, and it ended as it says."""

    id: str
    traits: set[str]
    ends: tuple[Predicate, ...]

    def explains(self, traits: frozenset[str], ours: Answer, theirs: Answer) -> bool:
        return bool(self.traits & traits) and any(holds(ours, theirs) for holds in self.ends)


CERTIFICATES = ("intel.pck.chain", "intel.tcb-signer.chain")


def at_certificates(*words: str) -> tuple[Predicate, ...]:
    return tuple(we_refuse(check, *words) for check in CERTIFICATES)


DIFFERENCES = (
    # Policy, which they have in the verification.
    Difference("debug", {"debug", "td-attributes"}, (they_refuse("Debug mode is enabled"),)),
    Difference(
        "td-attributes",
        {"td-attributes"},
        (they_refuse("Reserved bits in TD attributes"), they_refuse("SEPT_VE_DISABLE")),
    ),
    Difference("service-td", {"service-td"}, (they_refuse("Invalid MR service TD"),)),
    # What they do not read.
    Difference(
        "sgx-version", {"sgx-of-a-later-version"}, (they_refuse("SGX TEE quote must have version 3"),)
    ),
    Difference(
        "authentication-data",
        {"authentication-data-of-another-size"},
        (they_refuse("Invalid QE auth data length"),),
    ),
    Difference("tcb-info-2", {"tcb-info-version-2"}, (they_refuse("Failed to decode TcbInfo"),)),
    Difference("leaf-alone", {"leaf-alone-in-the-quote"}, (they_refuse("Unsupported DCAP PCK cert format"),)),
    Difference(
        "which-chain",
        {"another-chain-beside-the-quotes"},
        (they_refuse("Failed to verify certificate chain"),),
    ),
    # What they let through.
    Difference("bytes-behind", {"bytes-behind"}, (we_refuse("intel.quote.form", "behind its end"),)),
    Difference(
        "report-data-tail", {"second-half-of-the-report-data"}, (we_refuse("intel.qe.binding", "not about"),)
    ),
    Difference(
        "identity-mask", {"identity-beside-its-mask"}, (we_refuse("intel.qe.identity", "attributes"),)
    ),
    Difference("pce-id", {"another-pce"}, (we_refuse("intel.tcb-info.platform", "PCE-ID"),)),
    Difference("ppid", {"plain-ppid"}, (we_refuse("intel.pck.chain", "another PPID"),)),
    Difference("names", {"certificate-by-another-name"}, at_certificates("belongs")),
    Difference("key-usage", {"keys-for-another-use"}, at_certificates("keyUsage")),
    Difference("root-validity", {"root-out-of-time"}, at_certificates("is valid from")),
    Difference(
        "chain-shape",
        {"chain-of-another-shape"},
        at_certificates("3 certificates", "not pinned"),
    ),
    Difference("chain-bytes", {"a-bit-of-the-chain"}, (we_refuse("intel.pck.chain"),)),
    Difference(
        "future-lists",
        {"list-of-the-future"},
        (
            we_refuse("intel.root-crl.current", "not current"),
            we_refuse("intel.pck-crl.current", "not current"),
        ),
    ),
    # Documents.
    Difference(
        "levels-twice", {"a-level-twice", "more-levels"}, (we_refuse("intel.collateral.form", "twice"),)
    ),
    Difference(
        "qe-statuses",
        {"qe-status", "more-levels"},
        (we_refuse("intel.collateral.form", "qe_identity.tcbLevels"),),
    ),
    Difference(
        "times", {"document-with-offsets-in-times"}, (we_refuse("intel.collateral.form", "not a moment"),)
    ),
    Difference("tcb-type", {"another-tcb-type"}, (we_refuse("intel.collateral.form", "tcbType"),)),
    Difference(
        "document-version",
        {"document-of-another-version"},
        (we_refuse("intel.collateral.form", "version", "sgxtcbcomp01svn"),),
    ),
    Difference("sgx-modules", {"modules-in-sgx-info"}, (we_refuse("intel.collateral.form", "tdxModule"),)),
    Difference(
        "components", {"components-of-another-number"}, (we_refuse("intel.collateral.form", "instead of 16"),)
    ),
    Difference("duplicate-keys", {"a-key-twice"}, (we_refuse("intel.collateral.form", "twice"),)),
    # Statuses.
    Difference(
        "cpu-svn",
        {"components-unlike-cpu-svn"},
        (other_status, they_refuse("No matching TCB level"), we_refuse("intel.tcb.level")),
    ),
    Difference(
        "svn-order",
        {"svn-levels-in-another-order"},
        (
            other_status,
            they_refuse("below minimum"),
            they_refuse("Revoked"),
            we_refuse("intel.tcb.level", "revoked"),
        ),
    ),
    Difference("qe-configuration", {"qe-configuration", "qe-status", "more-levels"}, (other_status,)),
    Difference("runs-now", {"running-module", "older-module-that-runs-now"}, (other_status,)),
)
