# SPDX-License-Identifier: Apache-2.0
"""What the verifier of Keystone reports checks, and what each check is for (behind `ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec

_LAYOUT = "keystone:sdk/include/verifier/Report.hpp"
_SCHEME = "keystone:sm/src/ed25519; RFC 8032, section 5.1.7"

SIZE = CheckSpec(
    id="keystone.report.size",
    title="The report has exactly 1352 bytes",
    guards="Truncated or padded reports, whose fields a reader would take from somewhere else.",
    remedy="Copy the report again, in binary, from where it was made.",
    source=_LAYOUT,
)
DATA_LENGTH = CheckSpec(
    id="keystone.report.data-length",
    title="The length of the signed data is within its field",
    guards="A length above 1024 makes a careless verifier read, and sign for, memory behind the report.",
    remedy="Refuse the report: no genuine monitor writes such a length.",
    source="keystone:sm/src/attest.c (ATTEST_DATA_MAXLEN)",
)
PINNED = CheckSpec(
    id="keystone.device-key.pinned",
    title="The device key is one that the policy pins",
    guards="Anybody can put a device key of their own into a report; a pinned one says which device it is.",
    remedy="If you trust that device, add its key to `anchors` in the policy. `ttee inspect FILE` shows it.",
    source="keystone issue 387; RFC 9334, section 7.4 (trust anchors)",
)
STRENGTH = CheckSpec(
    id="keystone.device-key.strength",
    title="The device key is nobody else's: not published, not guessable, not degenerate",
    guards="With a published test key or an all-zero secret, anybody signs for that device.",
    remedy="Provision the device with its own key. For a test, say `insecure-development` in the policy.",
    source="keystone:sdk/include/verifier/test_dev_key.h; keystone issue 361",
)
MONITOR_SIGNATURE = CheckSpec(
    id="keystone.monitor.signature",
    title="The device signed this monitor's measurement and key",
    guards="A monitor key that some other software made, or a monitor other than the measured one.",
    remedy="Refuse the report: its monitor section was altered, or made by another device.",
    source=_SCHEME,
)
ENCLAVE_SIGNATURE = CheckSpec(
    id="keystone.enclave.signature",
    title="That monitor signed the enclave's measurement and data",
    guards="Enclave measurements, data or lengths that the monitor never vouched for.",
    remedy="Refuse the report: its enclave section was altered, or made by another monitor.",
    source=_SCHEME,
)
NONCE = CheckSpec(
    id="keystone.data.nonce",
    title="The signed data is the nonce that was asked for",
    guards="Replay: an old report, made for somebody else, shown as the present state.",
    remedy="Ask for a report with a fresh random nonce, and verify that one with the same nonce.",
    source="RFC 9334, section 10.2; keystone:sdk/src/verifier (prints a mismatch and goes on)",
)

REPORT_CHECKS = (SIZE, DATA_LENGTH, PINNED, STRENGTH, MONITOR_SIGNATURE, ENCLAVE_SIGNATURE)
"""The checks of a report itself, whatever its data mean."""

CHECKS = (*REPORT_CHECKS, NONCE)
