# SPDX-License-Identifier: Apache-2.0
"""Test doubles that ship with the package: makers of evidence, with any fault one likes.

What they make is genuine in shape and worthless as evidence: the keys are made from seeds that the caller
has. No verifier trusts them unless a policy pins them; nothing outside tests may import this package.
"""
