# SPDX-License-Identifier: Apache-2.0
"""Answers as pictures and pages."""
