"""The canonical state machines, one table each; any other transition is an error."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from caseway.model.errors import CasewayError


class TemplateStatus(StrEnum):
    """Status of a template, in the ledger beside it."""

    INACTIVE = "inactive"
    PUBLISHED = "published"
    DEPRECATED = "deprecated"


class DeploymentStatus(StrEnum):
    """Status of one deployment attempt."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    UPDATING = "updating"
    FAILED = "failed"
    UNDEPLOYING = "undeploying"
    UNDEPLOYED = "undeployed"
    SUPERSEDED = "superseded"


class InstancePhase(StrEnum):
    """Observed phase of an instance, in order of precedence."""

    ARCHIVED = "archived"
    USER_PAUSED = "user_paused"
    MISSING_INTEGRATION = "missing_integration"
    DEPLOY_FAILED = "deploy_failed"
    ACTIVE = "active"


class ExecutionStatus(StrEnum):
    """The DSL's status phases, plus `suspended`."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    FAULTED = "faulted"
    COMPLETED = "completed"


class PreviewStatus(StrEnum):
    """Life of a preview stage."""

    REQUESTED = "requested"
    BUILDING = "building"
    READY = "ready"
    STALE = "stale"
    EXPIRED = "expired"
    DESTROYED = "destroyed"


_T, _D, _P, _E, _V = TemplateStatus, DeploymentStatus, InstancePhase, ExecutionStatus, PreviewStatus

TEMPLATE: Mapping[TemplateStatus, frozenset[TemplateStatus]] = {
    _T.INACTIVE: frozenset({_T.PUBLISHED}),
    _T.PUBLISHED: frozenset({_T.DEPRECATED}),
    _T.DEPRECATED: frozenset({_T.PUBLISHED}),
}

DEPLOYMENT: Mapping[DeploymentStatus, frozenset[DeploymentStatus]] = {
    _D.PENDING: frozenset({_D.DEPLOYING}),
    _D.DEPLOYING: frozenset({_D.DEPLOYED, _D.FAILED}),
    _D.DEPLOYED: frozenset({_D.UPDATING, _D.UNDEPLOYING, _D.SUPERSEDED}),
    # A failed update is a failed attempt of its own (decision X12): what was updating serves on.
    _D.UPDATING: frozenset({_D.DEPLOYED}),
    _D.FAILED: frozenset(),
    _D.UNDEPLOYING: frozenset({_D.UNDEPLOYED}),
    _D.UNDEPLOYED: frozenset(),
    _D.SUPERSEDED: frozenset(),
}

EXECUTION: Mapping[ExecutionStatus, frozenset[ExecutionStatus]] = {
    _E.PENDING: frozenset({_E.RUNNING, _E.SUSPENDED, _E.CANCELLED}),
    _E.RUNNING: frozenset({_E.PENDING, _E.WAITING, _E.SUSPENDED, _E.CANCELLED, _E.FAULTED, _E.COMPLETED}),
    _E.WAITING: frozenset({_E.PENDING, _E.RUNNING, _E.SUSPENDED, _E.CANCELLED}),
    _E.SUSPENDED: frozenset({_E.PENDING, _E.CANCELLED}),
    _E.CANCELLED: frozenset(),
    _E.FAULTED: frozenset({_E.PENDING}),
    _E.COMPLETED: frozenset(),
}

PREVIEW: Mapping[PreviewStatus, frozenset[PreviewStatus]] = {
    _V.REQUESTED: frozenset({_V.BUILDING, _V.DESTROYED}),
    _V.BUILDING: frozenset({_V.READY, _V.STALE, _V.DESTROYED}),
    _V.READY: frozenset({_V.STALE, _V.BUILDING, _V.EXPIRED, _V.DESTROYED}),
    _V.STALE: frozenset({_V.BUILDING, _V.EXPIRED, _V.DESTROYED}),
    _V.EXPIRED: frozenset({_V.DESTROYED}),
    _V.DESTROYED: frozenset(),
}

_State = TypeVar("_State", bound=StrEnum)


def move(table: Mapping[_State, frozenset[_State]], before: _State, after: _State) -> _State:
    """`after`, when the table allows the step; raises `CasewayError` (`illegal-transition`) otherwise."""
    if after not in table[before]:
        allowed = ", ".join(sorted(table[before])) or "nothing: it is final"
        raise CasewayError(
            f"{type(before).__name__} cannot go from {before} to {after}",
            code="illegal-transition",
            hint=f"from {before} it may become: {allowed}",
        )
    return after
