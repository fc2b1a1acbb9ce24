# SPDX-License-Identifier: Apache-2.0
"""The knowledge that this package comes with, and the deployments that files or names of TEEs stand for."""

from __future__ import annotations

import os
from functools import cache

import ttee
from ttee.trust.deployment.tree import Deployment
from ttee.trust.knowledge.compiled import compiled
from ttee.trust.knowledge.terms import Knowledge
from ttee.trust.model.build import alone


@cache
def shipped() -> Knowledge:
    """All of it: `trust/knowledge`, and the `model.toml` in each TEE's folder. Raises KnowledgeError."""
    (package,) = ttee.__path__
    trust = f"{package}/trust"
    knowledge = f"{trust}/knowledge"
    models = [
        f"{folder}/model.toml" for folder, _, names in os.walk(f"{package}/tee") if "model.toml" in names
    ]

    def read() -> Knowledge:
        from pathlib import Path  # noqa: PLC0415 (slow, and only where nothing is kept)

        from ttee.trust.knowledge.reading import read_knowledge  # noqa: PLC0415

        return read_knowledge(Path(knowledge), map(Path, models))

    here = __file__.rpartition(os.sep)[0]  # the modules that read
    folders = {
        knowledge,
        f"{knowledge}/designs",
        f"{knowledge}/attacks",
        f"{here}/knowledge",
        f"{here}/calculus",
    }
    files = (file.path for folder in folders for file in os.scandir(folder) if file.is_file())
    return compiled((*files, *models), f"{trust}/__pycache__/knowledge", read)


def deployment_of(data: bytes | None, name: str, knowledge: Knowledge) -> Deployment:
    """What a file says; without one (None), one part of the TEE of that name. Raises DeploymentError, QuestionError."""
    if data is None:
        return alone(name, knowledge)
    from ttee.trust.deployment.file import parse_deployment  # noqa: PLC0415 (only for files)

    return parse_deployment(data, knowledge, name=name)
