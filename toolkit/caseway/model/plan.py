"""The ordered list of actions that turns actual state into desired state: the contract between planner,
renderers, saved files and apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from caseway.model.canonical import Json, JsonObject
from caseway.model.desired import Source


class Verb(StrEnum):
    """What an action does to its resource."""

    CREATE = "create"
    UPDATE = "update"
    PUBLISH = "publish"
    DEPRECATE = "deprecate"
    PAUSE = "pause"
    RESUME = "resume"
    ARCHIVE = "archive"
    RESTORE = "restore"
    DELETE = "delete"
    DEPLOY = "deploy"
    UNDEPLOY = "undeploy"
    REPAIR = "repair"
    BUILD = "build"
    PUT = "put"


class Kind(StrEnum):
    """What an action is about."""

    PROCESS = "process"
    TEMPLATE = "template"
    INSTANCE = "instance"
    DEPLOYMENT = "deployment"
    RUNTIME = "runtime"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class Change:
    """One field: JSON Pointer, value before and after (None when absent; "(sensitive)" when secret)."""

    path: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class Action:
    """One step. `id` is `<verb>-<kind>:<name>`, stable for the same plan. `payload` is all that apply needs
    (never shown); `warning` is for the reader, e.g. "deactivates prod"."""

    id: str
    verb: Verb
    kind: Kind
    name: str
    reason: str
    changes: tuple[Change, ...] = ()
    depends_on: tuple[str, ...] = ()
    payload: JsonObject = field(default_factory=dict)
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many declared resources are created, updated, deleted, left alone."""

    create: int = 0
    update: int = 0
    delete: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """`revision` is the snapshot's: a plan is refused when the store has moved on. `blocked` are findings
    that forbid applying (a version conflict, the mass-delete guard); `notices` inform (update available,
    pruning skipped). `id` is the name under which a server keeps it, "" for one that was made here."""

    project: str
    organization: str
    revision: int
    source: Source
    summary: Summary
    actions: tuple[Action, ...] = ()
    blocked: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    id: str = ""

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to do."""
        return not self.actions


def by_id(plan: Plan) -> Mapping[str, Action]:
    """The actions by their id."""
    return {action.id: action for action in plan.actions}
