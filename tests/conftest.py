# SPDX-License-Identifier: Apache-2.0
"""What all tests share: properties are checked without a clock."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
