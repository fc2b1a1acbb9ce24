# SPDX-License-Identifier: Apache-2.0
"""What an app sees inside a TEE (docs/spec/app-abi.md), for TEEs whose runtime is Python.

`registers` and `statement` are pure, and verifiers read evidence with them.
"""
