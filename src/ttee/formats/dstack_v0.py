# SPDX-License-Identifier: Apache-2.0
"""dstack attestations of the first version, in SCALE.

00 ‖ variant u8 ‖ quote (below) ‖ runtime events [name, payload] ‖ report data 64 ‖ configuration, text

0 TDX            quote ‖ log [register u32, type u32, digest, name, payload]
1 TDX at Google  the same ‖ vTPM: message, signature, [index u32, algorithm, value], certificate, platform u8,
                 [PCR u32, digest]
2 Nitro          document
3 SEV-SNP        report ‖ [certificate] ‖ mr_config, text
4 NitroTPM       document, which nobody here verifies
"""

from __future__ import annotations

from ttee.codec import json
from ttee.codec.scale import Reader
from ttee.errors import MalformedEvidenceError
from ttee.formats.dstack_statement import SOURCE, Attestation, LoggedEvent, Statement, tdx_parts

TDX, GCP_TDX, NITRO, SEV_SNP, NITRO_TPM = VARIANTS = (
    "tdx",
    "gcp-tdx",
    "nitro-enclave",
    "sev-snp",
    "aws-nitro-tpm",
)
MAX_EVENTS = 1 << 14
_PLATFORMS = ("dstack", "gcp", "nitro-enclave", "aws-ec2")


def parse(data: bytes, max_size: int) -> Attestation:
    """The attestation in `data`. Raises MalformedEvidenceError."""
    if len(data) > max_size:
        raise MalformedEvidenceError(
            f"a dstack attestation has at most {max_size} bytes, this one {len(data)}",
            where=f"byte {max_size}",
            source=SOURCE,
        )
    reader = Reader(data, what="dstack attestation")
    reader.choice(("V0",))
    variant = reader.choice(VARIANTS)
    if variant == NITRO_TPM:
        raise unknown_tee(variant)
    endorsements: dict[str, bytes] = {}
    events: tuple[LoggedEvent, ...] = ()
    tpm_quote: dict[str, json.Encodable] = {}
    mr_config = ""
    quote = reader.octets()
    if variant in (TDX, GCP_TDX):
        events = tuple(_logged(reader) for _ in range(reader.count(MAX_EVENTS)))
        tpm_quote = _tpm_quote(reader) if variant == GCP_TDX else {}
    elif variant == SEV_SNP:
        endorsements = certificates([reader.octets() for _ in range(reader.count(32))])
        mr_config = reader.text()
    runtime = tuple((reader.text(), reader.octets()) for _ in range(reader.count(MAX_EVENTS)))
    report_data, config = reader.take(64), reader.text()
    reader.end()
    return compose(
        variant,
        quote,
        events=events,
        runtime=runtime,
        statement=Statement(report_data, config, mr_config=mr_config, tpm_quote=tpm_quote),
        endorsements=endorsements,
    )


def compose(
    variant: str,
    quote: bytes,
    *,
    events: tuple[LoggedEvent, ...],
    runtime: tuple[tuple[str, bytes], ...],
    statement: Statement,
    endorsements: dict[str, bytes],
) -> Attestation:
    """The same of any version. Raises MalformedEvidenceError."""
    if variant in (TDX, GCP_TDX):
        return Attestation("intel-tdx", tdx_parts(quote, events, runtime), statement)
    said = Statement(
        statement.report_data, statement.config, statement.payload, statement.mr_config, events=runtime
    )
    if variant == NITRO:
        return Attestation("aws-nitro", {"document": quote}, said)
    return Attestation("amd-sev-snp", {"report": quote}, said, endorsements)


def certificates(blobs: list[bytes]) -> dict[str, bytes]:
    """What a host handed out with a report: certificates, by no name that says which is which."""
    return {f"dstack_certificate.{number}": blob for number, blob in enumerate(blobs, 1)}


def unknown_tee(variant: str) -> MalformedEvidenceError:
    """For evidence that no TEE here verifies."""
    return MalformedEvidenceError(
        f"the dstack attestation is of {variant[:32]}, which no TEE here verifies",
        where="dstack attestation, byte 1",
        source=SOURCE,
    )


def _logged(reader: Reader) -> LoggedEvent:
    return LoggedEvent(reader.number(4), reader.number(4), reader.octets(), reader.text(), reader.octets())


def _tpm_quote(reader: Reader) -> dict[str, json.Encodable]:
    return {
        "message": reader.octets().hex(),
        "signature": reader.octets().hex(),
        "pcr_values": [
            {"index": reader.number(4), "algorithm": reader.text(), "value": reader.octets().hex()}
            for _ in range(reader.count(256))
        ],
        "ak_cert": reader.octets().hex(),
        "platform": reader.choice(_PLATFORMS),
        "event_log": [
            {"pcr_index": reader.number(4), "digest": reader.octets().hex()}
            for _ in range(reader.count(MAX_EVENTS))
        ],
    }
