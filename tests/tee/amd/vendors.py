# SPDX-License-Identifier: Apache-2.0
"""One vendor in software for each product line, made when it is first asked for: RSA keys take their time."""

from __future__ import annotations

from functools import cache

from ttee.model import Evidence
from ttee.tee.amd.evidence import NAME
from ttee.tee.amd.products import MILAN, Product
from ttee.testing.amd import Vendor


@cache
def vendor(product: Product = MILAN) -> Vendor:
    return Vendor.random(product)


def wrapped(report: bytes, **parts: bytes) -> Evidence:
    return Evidence(NAME, {"report": report, **parts})
