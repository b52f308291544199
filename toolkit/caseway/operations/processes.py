"""Processes and their templates: looking at them, publishing, promoting, copying, deleting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from caseway.model.access import Permission
from caseway.operations.fields import About, Cursor, Limit, ProcessName
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import keeping, processes
from caseway.platform.views import (
    InstanceView,
    ProcessView,
    TemplateView,
    get_process,
    get_template,
    list_processes,
)

Version = Annotated[str, About("A version.", example="1.2.0", longest=100)]
Owner = Annotated[str, About("Whose it is.", example="ann", longest=200)]


@dataclass(frozen=True, slots=True)
class ListProcesses:
    """Which processes; `search` is looked for in name, title and tags."""

    search: str = ""
    archived: bool = False
    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class OneProcess:
    """Which process."""

    name: ProcessName


@dataclass(frozen=True, slots=True)
class OneTemplate:
    """Which version of which process."""

    process: ProcessName
    version: Version


@dataclass(frozen=True, slots=True)
class Promote:
    """Which version ("" the newest) of a process goes to which stage, for whom."""

    name: ProcessName
    stage: Annotated[str, About("The stage.", example="prod", longest=100)]
    version: Version = ""
    owner: Owner = ""


@dataclass(frozen=True, slots=True)
class Clone:
    """The copy's name, and whose it is ("" the caller's)."""

    name: ProcessName
    new_name: Annotated[str, About("The copy's name.", example="billing-copy", longest=200)]
    owner: Owner = ""


@dataclass(frozen=True, slots=True)
class Collect:
    """How many of the newest versions of each process stay in any case."""

    keep: Annotated[int, About("How many stay in any case.", example=20, minimum=1, maximum=100_000)] = 20


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing has to be said."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is gone."""

    name: str


@dataclass(frozen=True, slots=True)
class Collected:
    """The versions (`process@version`) that are forgotten."""

    forgotten: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """How many templates were checked, and which are not what their digests say."""

    templates: int
    damaged: tuple[str, ...]


def _list(operating: Operating, asked: ListProcesses) -> Page:
    found = list_processes(
        operating.platform,
        operating.organization,
        archived=asked.archived,
        search=asked.search,
        caller=operating.caller,
    )
    return page_of(found, lambda view: (view.name,), asked.cursor, asked.limit)


def _starters(operating: Operating, asked: ListProcesses) -> Page:
    platform, organization = operating.platform, operating.organization
    fitting = {view.name for view in list_processes(platform, organization, search=asked.search)}
    found = processes.starters(platform, organization, caller=operating.caller)
    found = [view for view in found if view.name in fitting]
    return page_of(found, lambda view: (view.name,), asked.cursor, asked.limit)


def _get(operating: Operating, asked: OneProcess) -> ProcessView:
    return get_process(operating.platform, operating.organization, asked.name)


def _template(operating: Operating, asked: OneTemplate) -> TemplateView:
    return get_template(operating.platform, operating.organization, asked.process, asked.version)


def _ledger(act: Callable[..., TemplateView]) -> Callable[[Operating, OneTemplate], ProcessView]:
    def write(operating: Operating, asked: OneTemplate) -> ProcessView:
        act(operating.platform, operating.organization, asked.process, asked.version, actor=operating.actor)
        return get_process(operating.platform, operating.organization, asked.process)

    return write


def _promote(operating: Operating, asked: Promote) -> InstanceView:
    return processes.promote(
        operating.platform,
        operating.organization,
        asked.name,
        asked.stage,
        asked.version,
        owner=asked.owner,
        actor=operating.actor,
    )


def _copying(act: Callable[..., ProcessView]) -> Callable[[Operating, Clone], ProcessView]:
    def copy(operating: Operating, asked: Clone) -> ProcessView:
        return act(
            operating.platform,
            operating.organization,
            asked.name,
            asked.new_name,
            owner=asked.owner or operating.actor,
            actor=operating.actor,
        )

    return copy


def _delete(operating: Operating, asked: OneProcess) -> Deleted:
    processes.delete(operating.platform, operating.organization, asked.name, actor=operating.actor)
    return Deleted(asked.name)


def _collect(operating: Operating, asked: Collect) -> Collected:
    gone = keeping.collect(operating.platform, operating.organization, keep=asked.keep, actor=operating.actor)
    return Collected(tuple(gone))


def _verify(operating: Operating, _asked: Nothing) -> Verified:
    known = list_processes(operating.platform, operating.organization, archived=True)
    damaged = keeping.damaged(operating.platform, operating.organization)
    return Verified(sum(len(process.templates) for process in known), tuple(damaged))


_ALL = PREFIX + "/processes"
_ONE = _ALL + "/{name}"
_TEMPLATE = _ALL + "/{process}/versions/{version}"

OPERATIONS = (
    Operation(
        "processes.list",
        "GET",
        _ALL,
        Permission.BROWSE,
        "List processes by name, with their versions",
        ListProcesses,
        ProcessView,
        _list,
        answer=Answer.LIST,
    ),
    Operation(
        "processes.starters",
        "GET",
        PREFIX + "/starters",
        Permission.BROWSE,
        "List the processes that are meant to be copied",
        ListProcesses,
        ProcessView,
        _starters,
        answer=Answer.LIST,
    ),
    Operation(
        "processes.get",
        "GET",
        _ONE,
        Permission.BROWSE,
        "Show one process with its versions",
        OneProcess,
        ProcessView,
        _get,
        about="process",
        has_etag=True,
    ),
    Operation(
        "processes.promote",
        "POST",
        _ONE + "/promote",
        Permission.PUBLISH,
        "Publish a version and bring a stage to it",
        Promote,
        InstanceView,
        _promote,
        about="process",
    ),
    Operation(
        "processes.clone",
        "POST",
        _ONE + "/clone",
        Permission.EDIT,
        "Copy a process under a new name",
        Clone,
        ProcessView,
        _copying(processes.clone),
        about="process",
        status=201,
    ),
    Operation(
        "processes.create",
        "POST",
        PREFIX + "/starters/{name}/create",
        Permission.EDIT,
        "Make a new process from a starter",
        Clone,
        ProcessView,
        _copying(processes.create_from),
        about="process",
        status=201,
    ),
    Operation(
        "processes.delete",
        "DELETE",
        _ONE,
        Permission.PUBLISH,
        "Delete a process that has no instances",
        OneProcess,
        Deleted,
        _delete,
        about="process",
    ),
    Operation(
        "templates.get",
        "GET",
        _TEMPLATE,
        Permission.BROWSE,
        "Show one version with its frozen template",
        OneTemplate,
        TemplateView,
        _template,
        about="process",
        by="process",
        has_etag=True,
    ),
    Operation(
        "templates.publish",
        "POST",
        _TEMPLATE + "/publish",
        Permission.PUBLISH,
        "Make a version the published one; the one before is deprecated",
        OneTemplate,
        ProcessView,
        _ledger(processes.publish),
        about="process",
        by="process",
    ),
    Operation(
        "templates.deprecate",
        "POST",
        _TEMPLATE + "/deprecate",
        Permission.PUBLISH,
        "Withdraw a published version; instances that run it go on",
        OneTemplate,
        ProcessView,
        _ledger(processes.deprecate),
        about="process",
        by="process",
    ),
    Operation(
        "templates.collect",
        "POST",
        PREFIX + "/templates/collect",
        Permission.ADMINISTER,
        "Forget old versions that were never published or deployed",
        Collect,
        Collected,
        _collect,
    ),
    Operation(
        "templates.verify",
        "GET",
        PREFIX + "/templates/verify",
        Permission.ADMINISTER,
        "Check that every template is what its digest says",
        Nothing,
        Verified,
        _verify,
    ),
)
