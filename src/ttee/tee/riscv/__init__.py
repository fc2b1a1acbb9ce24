# SPDX-License-Identifier: Apache-2.0
"""The RISC-V TEE (docs/spec/riscv.md)."""
