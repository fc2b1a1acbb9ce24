# SPDX-License-Identifier: Apache-2.0
"""Proofs, for all inputs, about the machine code of the RISC-V monitor: docs/decisions/0008."""
