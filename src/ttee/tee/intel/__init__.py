# SPDX-License-Identifier: Apache-2.0
"""Intel's two TEEs, which share their quotes, their collateral and their root: enclaves (SGX) and trust domains (TDX).

Each has its entry and its threat model in a folder of its own, `sgx` and `tdx`.
"""
