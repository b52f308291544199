"""Preview stages: brought up for a change, looked at, taken away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from caseway.model.access import Permission
from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.operations.desired_state import of_json
from caseway.operations.fields import About, Cursor, Limit
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import previews
from caseway.platform.previews import Preview, PreviewOrder

ProjectName = Annotated[str, About("The project's name.", example="acme", longest=200)]
PreviewId = Annotated[str, About("The preview's id.", example="pr-42", longest=40)]


@dataclass(frozen=True, slots=True)
class OnePreview:
    """Which preview."""

    project: ProjectName
    id: PreviewId


@dataclass(frozen=True, slots=True)
class ListPreviews:
    """Those of one project, or all."""

    project: str = ""
    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class PreviewUp:
    """What to bring up: the project at the change, and the use cases that it touches (null: whatever differs
    from what the platform has). A lower `sequence` than that of the last call is late and changes nothing."""

    project: ProjectName
    id: PreviewId
    desired: Annotated[JsonObject, About("The desired state of the project at the change.")]
    use_cases: tuple[str, ...] | None = None
    ref: str = ""
    link: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class StalePreview:
    """Which preview is behind, and why."""

    project: ProjectName
    id: PreviewId
    error: Annotated[str, About("What is wrong with the newer commit.", longest=10_000)]


@dataclass(frozen=True, slots=True)
class CollectPreviews:
    """`keep` names the previews of `project` that are still wanted; null: all that are not overdue."""

    project: str = ""
    keep: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CollectedPreviews:
    """`<project>/<id>` of each preview that was destroyed."""

    destroyed: tuple[str, ...]


def _listed(operating: Operating, asked: ListPreviews) -> Page:
    found = previews.listed(operating.platform, operating.organization, asked.project)
    return page_of(found, lambda view: (view.project, view.id), asked.cursor, asked.limit)


def _one(operating: Operating, asked: OnePreview) -> Preview:
    return previews.get(operating.platform, operating.organization, asked.project, asked.id)


def _up(operating: Operating, asked: PreviewUp) -> Preview:
    head = replace(of_json(asked.desired), organization=operating.organization)
    if head.project != asked.project:
        raise CasewayError(
            f"the desired state is of project {head.project!r}", code="bad-request", place=asked.project
        )
    order = PreviewOrder(
        asked.id, head, asked.use_cases, ref=asked.ref, link=asked.link, sequence=asked.sequence
    )
    return previews.up(operating.platform, order, actor=operating.actor)


def _stale(operating: Operating, asked: StalePreview) -> Preview:
    found = previews.stale(
        operating.platform, operating.organization, asked.project, asked.id, error=asked.error
    )
    return found if found is not None else _one(operating, OnePreview(asked.project, asked.id))


def _down(operating: Operating, asked: OnePreview) -> Preview:
    return previews.down(
        operating.platform, operating.organization, asked.project, asked.id, actor=operating.actor
    )


def _collect(operating: Operating, asked: CollectPreviews) -> CollectedPreviews:
    gone = previews.collect(
        operating.platform,
        operating.organization,
        project=asked.project,
        keep=asked.keep,
        actor=operating.actor,
    )
    return CollectedPreviews(tuple(gone))


_ALL = PREFIX + "/previews"
_ONE = PREFIX + "/projects/{project}/previews/{id}"

OPERATIONS = (
    Operation(
        name="previews.list",
        method="GET",
        path=_ALL,
        permission=Permission.DEPLOY,
        summary="List preview stages",
        request=ListPreviews,
        response=Preview,
        run=_listed,
        answer=Answer.LIST,
    ),
    Operation(
        name="previews.get",
        method="GET",
        path=_ONE,
        permission=Permission.DEPLOY,
        summary="Show one preview stage, and how to trigger what is in it",
        request=OnePreview,
        response=Preview,
        run=_one,
        about="project",
        by="project",
    ),
    Operation(
        name="previews.up",
        method="PUT",
        path=_ONE,
        permission=Permission.DEPLOY,
        summary="Bring a preview stage to a change of the project",
        request=PreviewUp,
        response=Preview,
        run=_up,
        about="project",
        by="project",
    ),
    Operation(
        name="previews.stale",
        method="POST",
        path=_ONE + "/stale",
        permission=Permission.DEPLOY,
        summary="Say that a newer commit could not be brought up",
        request=StalePreview,
        response=Preview,
        run=_stale,
        about="project",
        by="project",
    ),
    Operation(
        name="previews.down",
        method="DELETE",
        path=_ONE,
        permission=Permission.DEPLOY,
        summary="Take a preview stage away; nothing of it stays",
        request=OnePreview,
        response=Preview,
        run=_down,
        about="project",
        by="project",
    ),
    Operation(
        name="previews.collect",
        method="POST",
        path=_ALL + "/collect",
        permission=Permission.DEPLOY,
        summary="Destroy the preview stages that are overdue or that nobody wants any more",
        request=CollectPreviews,
        response=CollectedPreviews,
        run=_collect,
    ),
)
