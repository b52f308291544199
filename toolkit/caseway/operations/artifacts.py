"""Artifacts: the large values of executions, kept by their content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from caseway.model.access import Permission
from caseway.operations.fields import About, Cursor, ExecutionId, Limit
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import artifacts
from caseway.platform.artifacts import ArtifactView

Digest = Annotated[
    str,
    About(
        "The artifact's digest.",
        example="sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        longest=80,
        pattern=r"^sha256:[0-9a-f]{64}$",
    ),
]


@dataclass(frozen=True, slots=True)
class ListArtifacts:
    """The artifacts of one execution."""

    execution: ExecutionId
    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class OneArtifact:
    """Which artifact of which execution."""

    execution: ExecutionId
    digest: Digest


@dataclass(frozen=True, slots=True)
class Artifact:
    """A value that was set aside."""

    digest: str
    value: Any


def _listed(operating: Operating, asked: ListArtifacts) -> Page:
    found = artifacts.list_artifacts(operating.platform, asked.execution, organization=operating.organization)
    by_digest = sorted(found, key=lambda view: view.digest)
    return page_of(by_digest, lambda view: (view.digest,), asked.cursor, asked.limit)


def _one(operating: Operating, asked: OneArtifact) -> Artifact:
    value = artifacts.artifact_of(
        operating.platform, asked.execution, asked.digest, organization=operating.organization
    )
    return Artifact(asked.digest, value)


_ALL = PREFIX + "/executions/{execution}/artifacts"

OPERATIONS = (
    Operation(
        name="artifacts.list",
        method="GET",
        path=_ALL,
        permission=Permission.VIEW,
        summary="List the large values of an execution",
        request=ListArtifacts,
        response=ArtifactView,
        run=_listed,
        answer=Answer.LIST,
        about="execution",
        by="execution",
    ),
    Operation(
        name="artifacts.get",
        method="GET",
        path=_ALL + "/{digest}",
        permission=Permission.VIEW,
        summary="A large value of an execution",
        request=OneArtifact,
        response=Artifact,
        run=_one,
        about="execution",
        by="execution",
    ),
)
