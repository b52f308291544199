"""Instances: looking at them and steering them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from caseway.model.access import Permission
from caseway.operations.fields import Cursor, Limit, Name
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import instances
from caseway.platform.views import InstanceView, get_instance, list_instances


@dataclass(frozen=True, slots=True)
class ListInstances:
    """Which instances: those that fit every filter given."""

    process: str = ""
    stage: str = ""
    owner: str = ""
    archived: bool = False
    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class OneInstance:
    """Which instance."""

    name: Name


def _listed(operating: Operating, asked: ListInstances) -> Page:
    found = list_instances(
        operating.platform,
        operating.organization,
        process=asked.process,
        stage=asked.stage,
        owner=asked.owner,
        archived=asked.archived,
        caller=operating.caller,
    )
    return page_of(found, lambda view: (view.name,), asked.cursor, asked.limit)


def _one(operating: Operating, asked: OneInstance) -> InstanceView:
    return get_instance(operating.platform, operating.organization, asked.name)


def _steering(act: Callable[..., InstanceView]) -> Callable[[Operating, OneInstance], InstanceView]:
    def steer(operating: Operating, asked: OneInstance) -> InstanceView:
        return act(operating.platform, operating.organization, asked.name, actor=operating.actor)

    return steer


_INSTANCE = PREFIX + "/instances/{name}"

OPERATIONS = (
    Operation(
        name="instances.list",
        method="GET",
        path=PREFIX + "/instances",
        permission=Permission.VIEW,
        summary="List instances by name",
        request=ListInstances,
        response=InstanceView,
        run=_listed,
        answer=Answer.LIST,
    ),
    Operation(
        name="instances.get",
        method="GET",
        path=_INSTANCE,
        permission=Permission.VIEW,
        summary="Show one instance",
        request=OneInstance,
        response=InstanceView,
        run=_one,
        about="instance",
        has_etag=True,
    ),
    Operation(
        name="instances.pause",
        method="POST",
        path=_INSTANCE + "/pause",
        permission=Permission.OPERATE,
        summary="Switch the triggers of an instance off; everything is kept",
        request=OneInstance,
        response=InstanceView,
        run=_steering(instances.pause),
        about="instance",
        has_etag=True,
    ),
)
