# SPDX-License-Identifier: Apache-2.0
"""How endorsements reach a verification (docs/spec/endorsements.md): asked for, kept, carried. This room does I/O.

What it brings is not trusted for where it came from: `verify` checks every signature.
"""
