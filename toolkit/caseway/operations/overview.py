"""What is there at one glance: the organization and its revision, and the schedules to come."""

from __future__ import annotations

from dataclasses import dataclass

from caseway import __version__
from caseway.model.access import Permission
from caseway.operations.fields import Cursor, Limit
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform.schedules import ScheduleView, list_schedules
from caseway.platform.snapshot import current_revision
from caseway.platform.views import list_instances


@dataclass(frozen=True, slots=True)
class WhatIsThere:
    """Nothing has to be said."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Whose platform this is: the revision rises with every change that a plan is made from."""

    organization: str
    revision: int
    version: str
    caller: str


@dataclass(frozen=True, slots=True)
class ListSchedules:
    """Of which instance; of all when empty."""

    instance: str = ""
    limit: Limit = 100
    cursor: Cursor = ""


def _status(operating: Operating, _asked: WhatIsThere) -> Overview:
    revision = current_revision(operating.platform.database)
    return Overview(operating.organization, revision, __version__, operating.actor)


def _schedules(operating: Operating, asked: ListSchedules) -> Page:
    found = list_schedules(operating.platform, operating.organization, instance=asked.instance)
    if operating.caller.kind != "local":
        seen = list_instances(
            operating.platform, operating.organization, archived=True, caller=operating.caller
        )
        names = {view.name for view in seen}
        found = [view for view in found if view.instance in names]
    return page_of(sorted(found, key=_key), _key, asked.cursor, asked.limit)


def _key(view: ScheduleView) -> tuple[str, ...]:
    return (view.instance, view.workflow, view.trigger_id)


OPERATIONS = (
    Operation(
        "status.get",
        "GET",
        PREFIX + "/status",
        Permission.VIEW,
        "Show whose platform this is, and its revision",
        WhatIsThere,
        Overview,
        _status,
    ),
    Operation(
        "schedules.list",
        "GET",
        PREFIX + "/schedules",
        Permission.VIEW,
        "List schedules with their next firings",
        ListSchedules,
        ScheduleView,
        _schedules,
        answer=Answer.LIST,
    ),
)
