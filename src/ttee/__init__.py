# SPDX-License-Identifier: Apache-2.0
"""T-TEE: run an app in any TEE, let anyone check what runs there, and say whom one still has to trust.

    evidence = ttee.load_evidence("hello.evidence.json")
    policy   = ttee.load_policy("hello.policy.toml")
    endorsements = ttee.collect(evidence, policy)               # anchors; certificates and lists, kept or fetched
    claims   = ttee.verify(evidence, endorsements, at=now)      # authentic, or an EvidenceError
    verdict  = ttee.appraise(claims, policy)                    # acceptable? every check listed

Everything below is imported when it is first used. All errors are `TteeError`s, in `ttee.errors`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ttee.app.build import build, load_bundle
    from ttee.app.bundle import Bundle
    from ttee.appraise import Policy, load_policy
    from ttee.connect import (
        RemoteInstance,
        Session,
        appraise,
        collect,
        connect,
        launch,
        remember,
        verify,
    )
    from ttee.errors import TteeError
    from ttee.many import Item, Outcome, verify_many
    from ttee.model import (
        Anchor,
        Assurance,
        Check,
        Claims,
        Endorsements,
        Evidence,
        Reliance,
        Residual,
        Status,
        Tier,
        Verdict,
    )
    from ttee.tee.base import Instance
    from ttee.tee.recognise import dump_evidence, load_evidence, recognise

__all__ = [
    "Anchor",
    "Assurance",
    "Bundle",
    "Check",
    "Claims",
    "Endorsements",
    "Evidence",
    "Instance",
    "Item",
    "Outcome",
    "Policy",
    "Reliance",
    "RemoteInstance",
    "Residual",
    "Session",
    "Status",
    "Tier",
    "TteeError",
    "Verdict",
    "appraise",
    "build",
    "collect",
    "connect",
    "dump_evidence",
    "launch",
    "load_bundle",
    "load_evidence",
    "load_policy",
    "recognise",
    "remember",
    "verify",
    "verify_many",
]

_HOMES = {
    "ttee.app.build": ("build", "load_bundle"),
    "ttee.app.bundle": ("Bundle",),
    "ttee.appraise": ("Policy", "load_policy"),
    "ttee.connect": (
        "RemoteInstance",
        "Session",
        "appraise",
        "collect",
        "connect",
        "launch",
        "remember",
        "verify",
    ),
    "ttee.errors": ("TteeError",),
    "ttee.many": ("Item", "Outcome", "verify_many"),
    "ttee.tee.base": ("Instance",),
    "ttee.tee.recognise": ("dump_evidence", "load_evidence", "recognise"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ttee' has no attribute {name!r}")
    return getattr(import_module(_HOME.get(name, "ttee.model")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Room(ModuleType):
    """A module that shares its name with a function of the public face, and can be called as that."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return getattr(import_module("ttee.connect"), self.__name__.removeprefix("ttee."))(
            *arguments, **options
        )


class _Face(ModuleType):
    """This module. The import system binds each submodule here, and so over `appraise` and `connect`.

    Python's reference, section 3.3.2.2 ("Customizing module attribute access").
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("appraise", "connect") and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
