# SPDX-License-Identifier: Apache-2.0
"""A moment has one form, so that a verdict's `at` is read the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec.rfc3339 import moment
from ttee.errors import UsageError


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_come_back(at: datetime) -> None:
    assert moment(at.isoformat()) == at
    assert moment(at.isoformat().replace("+00:00", "Z")) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-21",
        "2026-11-21T12:00:00",
        "2026-11-21 12:00:00Z",
        "20261121T120000Z",
        "2026-W47-6T12:00:00Z",
        "2026-11-21T12:00:00,5Z",
        "2026-11-21T12:00:00+00:00:30",
        "2026-02-31T12:00:00Z",
        "2026-11-21T12:00:60Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-11-21T12:00:00Z\n",
        "٢٠٢٦-11-21T12:00:00Z",
    ],
)
def test_what_iso_8601_or_python_would_take_as_well_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a moment"):
        moment(text)
