"""Projects that the platform pulls by itself: where from, how they stand, suspended or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from caseway.model.access import Permission
from caseway.operations.fields import About, Cursor, Limit
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import pulling
from caseway.platform.pulling import ProjectView, Remote, Secrets

ProjectName = Annotated[str, About("The project's name.", example="acme", longest=200)]
Secret = Annotated[str, About('Kept encrypted; "" keeps what there is.', longest=20_000, is_secret=True)]


@dataclass(frozen=True, slots=True)
class ListProjects:
    """All of the organization."""

    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class OneProject:
    """Which project."""

    project: ProjectName


@dataclass(frozen=True, slots=True)
class AddProject:
    """Where a project is pulled from, how often, and with which secrets. `heals`: drift is repaired;
    `prunes`: what is no longer declared goes."""

    project: ProjectName
    url: Annotated[
        str, About("The repository.", example="https://git.example.com/acme/automations.git", longest=2000)
    ]
    seconds: float = 60.0
    heals: bool = False
    prunes: bool = False
    token: Secret = ""
    key: Secret = ""
    hook_secret: Secret = ""


@dataclass(frozen=True, slots=True)
class RemovedProject:
    """The project that is pulled no longer."""

    project: str


def _listed(operating: Operating, asked: ListProjects) -> Page:
    found = pulling.statuses(operating.platform, operating.organization)
    return page_of(found, lambda view: (view.project,), asked.cursor, asked.limit)


def _one(operating: Operating, asked: OneProject) -> ProjectView:
    return pulling.status(operating.platform, operating.organization, asked.project)


def _add(operating: Operating, asked: AddProject) -> ProjectView:
    remote = Remote(
        operating.organization, asked.project, asked.url, asked.seconds, asked.heals, asked.prunes
    )
    secrets = Secrets(asked.token, asked.key, asked.hook_secret)
    return pulling.register(operating.platform, remote, secrets, actor=operating.actor)


def _remove(operating: Operating, asked: OneProject) -> RemovedProject:
    pulling.unregister(operating.platform, operating.organization, asked.project, actor=operating.actor)
    return RemovedProject(asked.project)


def _steering(act: Callable[..., ProjectView]) -> Callable[[Operating, OneProject], ProjectView]:
    def steer(operating: Operating, asked: OneProject) -> ProjectView:
        return act(operating.platform, operating.organization, asked.project, actor=operating.actor)

    return steer


def _pull(operating: Operating, asked: OneProject) -> ProjectView:
    return pulling.ask(operating.platform, operating.organization, asked.project)


_ALL = PREFIX + "/projects"
_ONE = PREFIX + "/projects/{project}"

OPERATIONS = (
    Operation(
        name="projects.list",
        method="GET",
        path=_ALL,
        permission=Permission.DEPLOY,
        summary="List the projects that are pulled, and how they stand",
        request=ListProjects,
        response=ProjectView,
        run=_listed,
        answer=Answer.LIST,
    ),
    Operation(
        name="projects.get",
        method="GET",
        path=_ONE,
        permission=Permission.DEPLOY,
        summary="Show what was seen and applied of a pulled project",
        request=OneProject,
        response=ProjectView,
        run=_one,
        about="project",
        by="project",
    ),
    Operation(
        name="projects.add",
        method="PUT",
        path=_ONE,
        permission=Permission.ADMINISTER,
        summary="Pull a project from a git repository, or change how",
        request=AddProject,
        response=ProjectView,
        run=_add,
    ),
    Operation(
        name="projects.remove",
        method="DELETE",
        path=_ONE,
        permission=Permission.ADMINISTER,
        summary="Pull a project no longer; what it brought stays",
        request=OneProject,
        response=RemovedProject,
        run=_remove,
    ),
    *(
        Operation(
            name=f"projects.{verb}",
            method="POST",
            path=f"{_ONE}/{verb}",
            permission=Permission.DEPLOY,
            summary=summary,
            request=OneProject,
            response=ProjectView,
            run=run,
            about="project",
            by="project",
        )
        for verb, summary, run in (
            ("suspend", "Leave a project as it is, whatever is pushed", _steering(pulling.suspend)),
            ("resume", "Pull a project again", _steering(pulling.resume)),
            ("pull", "Look at a project now", _pull),
        )
    ),
)
