# SPDX-License-Identifier: Apache-2.0
"""What the verifier of TPM quotes checks, and what each check is for (behind `ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec

_PART1, _PART2 = "TPM 2.0 Library, part 1", "TPM 2.0 Library, part 2"
_EK = "TCG EK Credential Profile 2.5"
_FIRMWARE = "TCG PC Client Platform Firmware Profile 1.06"

FORM = CheckSpec(
    id="tpm.quote.form",
    title="Each part is exactly one structure of the TPM, with nothing behind it",
    guards="Truncated or padded structures, whose fields a reader would take from somewhere else.",
    remedy="Copy the parts again, in binary, from where the TPM made them.",
    source=f"{_PART2}, sections 10 to 12",
)
MAGIC = CheckSpec(
    id="tpm.quote.magic",
    title="What is signed begins with the number that a TPM puts before its own words alone",
    guards="A restricted key signs other data, too, but never data that begin so: without it, anybody's data pass.",
    remedy="Refuse the quote: no TPM made it (CVE-2024-29038 was this check, missing).",
    source=f"{_PART2}, section 10.12.12 (TPM_GENERATED_VALUE)",
)
TYPE = CheckSpec(
    id="tpm.quote.type",
    title="It is a quote of PCRs",
    guards="Another attestation (of a key, a clock, a counter) read as if it were a quote.",
    remedy="Ask the TPM for a quote: TPM2_Quote.",
    source=f"{_PART2}, section 6.9 (TPM_ST_ATTEST_QUOTE)",
)
ATTRIBUTES = CheckSpec(
    id="tpm.ak.attributes",
    title="The attestation key was made in a TPM, cannot leave it, and signs what TPMs say alone",
    guards="A key that software holds a copy of, or that signs whatever it is given, quotes any PCRs one likes.",
    remedy="Make the key with fixedTPM, fixedParent, sensitiveDataOrigin, restricted and sign; not decrypt.",
    source=f"{_PART1}, section 31 (Restricted keys); {_PART2}, section 8.3",
)
TRUST = CheckSpec(
    id="tpm.ak.trust",
    title="Somebody who is pinned vouches for the attestation key",
    guards="Anybody can make a key, and sign quotes of a TPM that does not exist.",
    remedy="Give the certificates of the key, or certificate and activation of its endorsement key, or pin it.",
    source=f"{_EK}, section 3; TCG TPM 2.0 Keys for Device Identity and Attestation, section 5",
)
EK_CERTIFICATE = CheckSpec(
    id="tpm.ek.certificate",
    title="The endorsement key's certificate is of a TPM, and says of which",
    guards="A certificate that the same authority issued for something else.",
    remedy="Give the certificate that the TPM's maker wrote into it.",
    source=f"{_EK}, section 3.2 (EKU 2.23.133.8.1, subject alternative name)",
)
ACTIVATION = CheckSpec(
    id="tpm.ak.activation",
    title="The TPM of that endorsement key opened a secret that was sealed for this attestation key",
    guards="A key of software's own making, shown next to the certificate of a genuine TPM.",
    remedy="Make a credential for this key (ttee.tee.tpm.activation) and have the TPM activate it.",
    source=f"{_PART1}, section 24 (Credential protection)",
)
CERTIFICATION = CheckSpec(
    id="tpm.ak.certification",
    title="The device's own attestation key certified this one",
    guards="A key that lives outside of the TPM whose identity is shown.",
    remedy="Have the TPM certify the key with its IAK: TPM2_Certify.",
    source="TCG TPM 2.0 Keys for Device Identity and Attestation, section 5.3",
)
REVOCATION = CheckSpec(
    id="tpm.chain.revocation",
    title="No revocation list that was given names a certificate of the path",
    guards="Certificates that their makers took back, as Infineon did for weak keys (ROCA).",
    remedy="Give the lists that the certificates name, as documents `crl`, `crl.2` and so on.",
    source="RFC 5280, section 6.3",
)
PLATFORM = CheckSpec(
    id="tpm.platform.certificate",
    title="The maker of the machine put this very TPM into it",
    guards="A genuine TPM that was taken out of one machine and attests for another.",
    remedy="Give the platform certificate of this TPM, and its issuer's as document `platform_issuer`.",
    source="TCG Platform Attribute Credential Profile 1.0, section 3",
)
SIGNATURE = CheckSpec(
    id="tpm.quote.signature",
    title="The attestation key signed the quote, in its own scheme, not with SHA-1",
    guards="Quotes that no TPM made.",
    remedy="Refuse the quote: it was altered, or made with another key.",
    source=f"{_PART2}, section 11.3 (TPMT_SIGNATURE)",
)
NONCE = CheckSpec(
    id="tpm.quote.nonce",
    title="The quote carries the nonce that was asked for",
    guards="Replay: an old quote, from before the machine was changed.",
    remedy="Ask for a quote over a fresh random nonce, and verify with the same nonce.",
    source=f"RFC 9334, section 10.2; {_PART2}, section 10.12.12 (extraData)",
)
SELECTION = CheckSpec(
    id="tpm.quote.selection",
    title="The values are of the very PCRs that the quote selects, and it selects some",
    guards="Values of harmless PCRs under the names of others: their digest is right all the same.",
    remedy="Give the values of the PCRs that were quoted (CVE-2024-29039, CVE-2022-0317 were this check, missing).",
    source=f"{_PART2}, section 10.12.1 (TPMS_QUOTE_INFO)",
)
DIGEST = CheckSpec(
    id="tpm.quote.digest",
    title="The hash of the values, in the order of the selection, is the one that is signed",
    guards="PCR values that the TPM never had.",
    remedy="Give values that were read together with the quote; PCRs may have changed in between.",
    source="TPM 2.0 Library, part 3, section 18.4 (TPM2_Quote)",
)
BANK = CheckSpec(
    id="tpm.quote.bank",
    title="The PCRs are of a bank whose hash nobody makes collide",
    guards="Two boots with one value: with SHA-1 somebody with money makes them.",
    remedy="Quote the SHA-256 bank, or pin the `sha1_pcr…` claims and know what they are worth.",
    source="TCG PC Client Platform TPM Profile 1.05, section 4.6 (PCR banks)",
)
CLOCK = CheckSpec(
    id="tpm.quote.clock",
    title="Clock and counters have not gone back since this key's last quote",
    guards="An older quote, or the state of a copied virtual TPM, after a newer one was seen.",
    remedy="Keep the claims of each quote (document `last_seen`), and ask why the clock went back.",
    source=f"{_PART1}, section 36 (Clock, resetCount, restartCount)",
)
REPLAY = CheckSpec(
    id="tpm.log.replay",
    title="Replaying the event log gives each quoted PCR that it speaks of",
    guards="A log that tells another story than what was measured.",
    remedy="Give quote and log of one boot; the message names the first event that diverges, as far as it shows.",
    source=f"{_FIRMWARE}, section 10",
)
SEPARATORS = CheckSpec(
    id="tpm.log.separators",
    title="The firmware drew its line, once in each of its PCRs, and met no error",
    guards="Events of an operating system that pass for the firmware's, or firmware that broke off.",
    remedy="Give the whole log of one boot.",
    source=f"{_FIRMWARE}, section 10.4.1 (EV_SEPARATOR)",
)
EVENT_DATA = CheckSpec(
    id="tpm.log.data",
    title="Events whose data was hashed have the data that was hashed",
    guards="A true digest with a false story beside it.",
    remedy="Refuse the log: somebody edited it. The message names the event.",
    source=f"{_FIRMWARE}, section 10.4.1",
)
SECURE_BOOT = CheckSpec(
    id="tpm.log.secure-boot",
    title="What the log says of secure boot is whole, was hashed, and was kept to",
    guards="Keys slipped in after the fact, and headers of key lists taken for keys (GHSA-9r4w-jg96-92mv).",
    remedy="Quote PCR 7 with its log; the message names the event that does not fit.",
    source=f"{_FIRMWARE}, section 3.3.4.8",
)
IMA = CheckSpec(
    id="tpm.log.ima",
    title="Replaying IMA's log gives the quoted PCR",
    guards="A list of measured files that leaves some out.",
    remedy="Quote PCR 10 with the log of the same moment.",
    source="Linux, Documentation/security/IMA-templates.rst",
)
CANONICAL = CheckSpec(
    id="tpm.log.canonical",
    title="Replaying the canonical log of the operating system gives each quoted PCR that it speaks of",
    guards="A log that tells of another container or image than what was measured.",
    remedy="Give quote and log of one moment, and quote the PCRs that the log speaks of.",
    source="TCG Canonical Event Log Format 1.0, section 4.2",
)

QUOTE_CHECKS = (FORM, MAGIC, TYPE, SIGNATURE, NONCE, SELECTION, DIGEST, BANK)
"""The checks of a quote itself, whoever vouches for its key."""
LOG_CHECKS = (REPLAY, SEPARATORS, EVENT_DATA, SECURE_BOOT, IMA)
CHECKS = (
    FORM,
    MAGIC,
    TYPE,
    ATTRIBUTES,
    TRUST,
    EK_CERTIFICATE,
    ACTIVATION,
    CERTIFICATION,
    REVOCATION,
    PLATFORM,
    SIGNATURE,
    NONCE,
    SELECTION,
    DIGEST,
    BANK,
    CLOCK,
    *LOG_CHECKS,
    CANONICAL,
)
