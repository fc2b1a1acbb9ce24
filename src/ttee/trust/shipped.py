# SPDX-License-Identifier: Apache-2.0
"""The knowledge that this package comes with, and the deployments that files or names of TEEs stand for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import ttee
from ttee.trust.build import alone
from ttee.trust.deployment import Deployment, parse_deployment
from ttee.trust.reading import read_knowledge
from ttee.trust.terms import Knowledge


@cache
def shipped() -> Knowledge:
    """All of it: `trust/knowledge`, and the `model.toml` in each TEE's folder. Raises KnowledgeError."""
    package = Path(ttee.__file__).parent
    return read_knowledge(package / "trust" / "knowledge", (package / "tee").glob("**/model.toml"))


def deployment_of(data: bytes | None, name: str, knowledge: Knowledge) -> Deployment:
    """What a file says; without one (None), one part of the TEE of that name. Raises DeploymentError, QuestionError."""
    return alone(name, knowledge) if data is None else parse_deployment(data, knowledge, name=name)
