"""Runtimes: which there are, the images they stand for, and how their builds went. Building is done where the
container engine is, by a worker or by `caseway runtime build`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from caseway.model.access import Permission
from caseway.operations.fields import NAME, About, Cursor, Limit
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform.runtimes import BuildView, RuntimeView, list_builds, list_runtimes, the_runtime

RuntimeName = Annotated[str, About("The runtime's name.", example="default", longest=200, pattern=NAME)]


@dataclass(frozen=True, slots=True)
class ListRuntimes:
    """All of the organization, or of the project that the token is for."""

    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class OneRuntime:
    """Which runtime."""

    name: RuntimeName


@dataclass(frozen=True, slots=True)
class ListBuilds:
    """Of which runtime, newest first."""

    name: RuntimeName
    limit: Limit = 50
    cursor: Cursor = ""


def _listed(operating: Operating, asked: ListRuntimes) -> Page:
    only = operating.caller.project
    found = list_runtimes(operating.platform, operating.organization)
    shown = [view for view in found if not only or view.project == only]
    return page_of(shown, lambda view: (view.name,), asked.cursor, asked.limit)


def _one(operating: Operating, asked: OneRuntime) -> RuntimeView:
    return the_runtime(operating.platform, operating.organization, asked.name)


def _builds(operating: Operating, asked: ListBuilds) -> Page:
    the_runtime(operating.platform, operating.organization, asked.name)
    found = list_builds(operating.platform, operating.organization, asked.name)
    return page_of(found, _newest_first, asked.cursor, asked.limit)


def _newest_first(build: BuildView) -> tuple[str]:
    """Cursors rise: what is older comes later."""
    return (f"{10**12 - build.version:013d}",)


OPERATIONS = (
    Operation(
        "runtimes.list",
        "GET",
        PREFIX + "/runtimes",
        Permission.VIEW,
        "List runtimes and the images they stand for",
        ListRuntimes,
        RuntimeView,
        _listed,
        answer=Answer.LIST,
    ),
    Operation(
        "runtimes.get",
        "GET",
        PREFIX + "/runtimes/{name}",
        Permission.DEPLOY,
        "Show a runtime and the image it stands for",
        OneRuntime,
        RuntimeView,
        _one,
        about="runtime",
    ),
    Operation(
        "runtimes.builds",
        "GET",
        PREFIX + "/runtimes/{name}/builds",
        Permission.DEPLOY,
        "List the builds of a runtime's image with the last lines of their logs, newest first",
        ListBuilds,
        BuildView,
        _builds,
        answer=Answer.LIST,
        about="runtime",
    ),
)
