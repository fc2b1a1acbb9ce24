# SPDX-License-Identifier: Apache-2.0
"""What a policy for TDX begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "mr-td": "What it runs on: the virtual firmware.",
        "rtmr0": "",
        "rtmr1": "What runs: boot loader and kernel.",
        "rtmr2": "What runs: command line, initial file system, and what they measure.",
        "rtmr3": "",
        "mr-config-id": "What the host named as the guest's configuration when it started it.",
        "mr-owner": "The same, of its owner.",
        "mr-owner-config": "The same, of its owner's configuration.",
        "mr-service-td": "A TD that may move this one to another machine, keys and all; zeros for none.",
        "min-tee-tcb-svn": "Refuse older TDX modules and microcode, component by component.",
        "sept-ve-disable": "Whether the host can make the guest take page faults for its own.",
        "migratable": "Whether it can be moved to another machine.",
        "perfmon": "Whether performance counters are on, which tell others much.",
        "reserved-td-attributes": "Whether there are attributes that nobody knew when this was written.",
        "reserved-xfam": "The same, of processor features.",
        "min-tcb-evaluation": "Refuse endorsements of an earlier round of Intel's: old ones hide what was found since.",
    }
)
