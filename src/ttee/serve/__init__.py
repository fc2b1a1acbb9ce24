# SPDX-License-Identifier: Apache-2.0
"""Keeping instances running on this machine, and their HTTP front. All of it is the untrusted host's side."""
