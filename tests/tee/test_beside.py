# SPDX-License-Identifier: Apache-2.0
"""What is no evidence, and lies beside it, is called by its name; the error says what to do with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from ttee.errors import MalformedEvidenceError, TteeError
from ttee.eventlog import survey
from ttee.tee import beside, tee_named
from ttee.tee.recognise import recognise

FILES = [
    ("tpm/ekcert/ca/tpm_ek_root_1.cer", "a certificate"),
    ("snp/ca/ask_ark_milan.pem", "a certificate"),
    ("intel-dcap/pcs/pckcrl", "a revocation list"),
    ("psa/public.pem", "a public key"),
    ("cca/trustee_example.cpak.json", "a public key (JWK)"),
    ("intel-dcap/collateral/tdx_b0c06f000000_2025-07-07_2a182f3c.json", "collateral of Intel's"),
    ("sgx/intel-qvl-sample/tcbInfo.json", "collateral of Intel's"),
    ("nvidia/rim/NV_GPU_DRIVER_GH100_550.144.03.xml", "reference values of NVIDIA's"),
    ("corim/corim-sevsnp-valid.cbor", "a CoRIM"),
    ("corim/signed-good-corim.cbor", "a CoRIM"),
    ("corim/comid-1.cbor", "a CoMID"),
    ("tpm/keylime/quote.out", "a TPM's attestation"),
    ("tpm/keylime/ak.pub", "a TPM's public key"),
    ("tpm/keylime/quotesig.out", "a TPM's signature"),
    ("tpm/keylime/quotepcr.out", "PCR values"),
    ("tpm/platformcert/lenovo.cer", "a TPM's platform certificate"),
    ("tpm/platformcert/Intel_nuc1.cer", "a TPM's platform certificate"),
    ("tpm/platformcert/plat_cert1.cer", "a TPM's platform certificate"),
    ("cca/platform-claims.cbor", "claims of a token"),
    ("azure-vtpm/hcl-report-snp.bin", "an Azure VM's HCL report"),
    ("nvidia/hopper_sdk.spdm.bin", "an NVIDIA device's report"),
    ("eventlog/debian-10.bin", "an event log"),
    ("eventlog/CCEL_unpadded.data.bin", "an event log"),
]


@pytest.mark.parametrize(("name", "kind"), FILES)
def test_a_file_beside_evidence_is_named_with_the_next_step(name: str, kind: str) -> None:
    with pytest.raises(
        MalformedEvidenceError, match=f"this is {kind}".replace("(", r"\(").replace(")", r"\)")
    ) as caught:
        recognise(vectors.read(name))
    assert caught.value.hint
    assert caught.value.where


def test_what_nobody_knows_has_no_name() -> None:
    assert beside.known(b"hello") is None
    assert beside.known(b"") is None


def test_each_file_of_the_vectors_is_shown_or_refused_by_name() -> None:
    """As `ttee inspect` does: a log, evidence with its fields, or an error with a place."""
    for path in sorted(vectors.root().rglob("*")):
        if path.is_file():
            assert outcome(path), path


def outcome(path: Path) -> object:
    data = path.read_bytes()
    try:
        if (log := survey.recognise(data)) is not None:
            return survey.survey(log)
        evidence = recognise(data)
        describe = tee_named(evidence.tee).describe
        return describe is None or describe(evidence)
    except TteeError as error:
        return error.where


@given(
    st.binary(max_size=200)
    | st.sampled_from([b"{", b"\xd2\x84", b"HCLA", b"["]).flatmap(
        lambda begin: st.binary(max_size=200).map(lambda more: begin + more)
    )
)
def test_any_bytes_have_a_name_or_none(data: bytes) -> None:
    found = beside.known(data)
    assert found is None or all(found)
