# SPDX-License-Identifier: Apache-2.0
"""Secure channels that evidence vouches for. Today: sealed messages (docs/spec/channel.md)."""
