# SPDX-License-Identifier: Apache-2.0
"""Arm: tokens of the Confidential Compute Architecture (`cca`) and of the Platform Security Architecture (`psa`).

Both are EAT claims under COSE_Sign1, with the same lifecycle, software components and kind of device key.
"""
