# SPDX-License-Identifier: Apache-2.0
"""Event logs: what extended the measurement registers of a TPM (PCRs) or a trust domain (RTMRs), and in which order.

    log = tcg.parse(data)                             # also cel, ima, dstack: one file each, all give a `Log`
    replay(log, "sha256")                             # what the registers must be, if the log is the whole truth
    check_replay(log, "sha256", quoted)               # or BindingError, with the first diverging event by name
    secure_boot.read(log)                             # what the firmware said about secure boot, and how it kept to it

1. A log proves nothing by itself. It counts for a register only as far as its replay gives the signed value.
2. An event's data counts only if the digest that was extended is theirs; else it is a label that anybody wrote.
3. One engine for all: registers are numbered as the log numbers them (PCRs, or UEFI's measurement registers, where
   0 is MRTD and 1 to 4 are RTMR 0 to 3).
"""
