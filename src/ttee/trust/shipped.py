# SPDX-License-Identifier: Apache-2.0
"""The knowledge that this package comes with, and the deployments that files or names of TEEs stand for."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import ttee
from ttee.errors import DeploymentError, QuestionError
from ttee.trust.build import alone
from ttee.trust.deployment import Deployment
from ttee.trust.deployment_file import parse_deployment
from ttee.trust.reading import read_knowledge
from ttee.trust.terms import Knowledge

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@cache
def shipped(about: frozenset[str] = frozenset()) -> Knowledge:
    """All of it: `trust/knowledge`, and the `model.toml` in each TEE's folder; or what concerns these designs, which is
    several times quicker. Raises KnowledgeError."""
    package = Path(ttee.__file__).parent
    models = [*(package / "tee").glob("*/model.toml"), *(package / "tee").glob("*/*/model.toml")]
    return read_knowledge(package / "trust" / "knowledge", models, about=about)


def deployment_from(data: bytes | None, name: str) -> tuple[Deployment, Knowledge]:
    """As `deployment_of`, with the knowledge that concerns it. Raises DeploymentError, QuestionError."""
    words = [name] if data is None else _WORD.findall(data.decode(errors="replace"))
    knowledge = shipped(frozenset(words))
    try:
        return deployment_of(data, name, knowledge), knowledge
    except (DeploymentError, QuestionError):  # all of it, for the name that was meant
        return deployment_of(data, name, shipped()), shipped()


def deployment_of(data: bytes | None, name: str, knowledge: Knowledge) -> Deployment:
    """What a file says; without one (None), one part of the TEE of that name. Raises DeploymentError, QuestionError."""
    return alone(name, knowledge) if data is None else parse_deployment(data, knowledge, name=name)
