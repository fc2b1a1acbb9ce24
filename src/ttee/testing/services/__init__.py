# SPDX-License-Identifier: Apache-2.0
"""Makers' services in software, on this machine: they answer as the makers' own do, and fail as they are told to.

vendor = ttee.testing.intel.Vendor.random()
machine = vendor.machine(TDX)
with serve(Provisioning(vendor, (machine,))) as services:
    web = Web([parse_mirror(each) for each in services.mirrors])      # or: ttee verify --mirror …, TTEE_MIRRORS
    gather(evidence, fetcher=web, at=NOW)
    services.faults["pckcrl"] = Fault.BUSY                            # for addresses with this in them
    services.asked                                                    # the addresses, in order

What they hand out is signed by a software maker: it is worthless unless a policy pins that maker's root. One file for
each maker; to add one is to write an `answer` (see `server.Maker`). For tests only.
"""

from __future__ import annotations

from ttee.testing.services.amd import KeyDistribution
from ttee.testing.services.intel import Provisioning
from ttee.testing.services.nitro import RevocationLists
from ttee.testing.services.nvidia import ReferenceValues, Revocation
from ttee.testing.services.server import Fault, Maker, Question, Reply, Services, serve
from ttee.testing.services.tpm import Authorities

__all__ = [
    "Authorities",
    "Fault",
    "KeyDistribution",
    "Maker",
    "Provisioning",
    "Question",
    "ReferenceValues",
    "Reply",
    "Revocation",
    "RevocationLists",
    "Services",
    "serve",
]
