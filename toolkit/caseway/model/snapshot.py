"""What the platform holds: one consistent reading with a revision number, the planner's second argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from caseway.model.canonical import JsonObject
from caseway.model.states import DeploymentStatus, InstancePhase, TemplateStatus


@dataclass(frozen=True, slots=True)
class Template:
    """One immutable version as the platform keeps it. `revision` counts from 1 per process, never reused.
    `snapshot` says whose build it is, when it is one that is never published."""

    version: str
    revision: int
    digest: str
    status: TemplateStatus
    commit: str
    body: JsonObject
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """One process and its templates in the order of their revisions. `project` declared it."""

    name: str
    project: str
    listing: JsonObject
    process_type: str
    exclusive: bool
    templates: tuple[Template, ...] = ()
    archived: bool = False


@dataclass(frozen=True, slots=True)
class LiveWorkflow:
    """One workflow of an instance as its target reports it. `digest` is of what is live now,
    `published_digest` of what the deployment put there: unequal means drift. `digest` "" means it is gone."""

    workflow: str
    live_id: str
    published_digest: str
    digest: str
    active: bool


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment that serves (or last tried to serve) an instance.

    `error_code` is the stable code of what failed; `interrupted` says that the process doing it went away:
    such an attempt is made again."""

    version: str
    template_digest: str
    inputs_digest: str
    status: DeploymentStatus
    workflows: tuple[LiveWorkflow, ...] = ()
    error: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One installation: desired fields as they stand now, fields as the project last applied them, and what
    is observed.

    `applied` has the keys of `caseway.model.fields.INSTANCE_FIELDS`; it is empty for an instance a user
    installed by hand. `current` is the deployment that serves now, `last` the latest attempt if it is
    another. `auto_paused_by` names the stage that switched this one off.
    """

    id: str
    name: str
    project: str
    process: str
    stage: str
    owner: str
    phase: InstancePhase
    desired: JsonObject
    applied: JsonObject = field(default_factory=dict)
    current: Deployment | None = None
    last: Deployment | None = None
    auto_paused_by: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A runtime or connection as stored; `built` is the digest of the content that a runtime's image was last
    built from and `image` what that is called, "" when it never was."""

    name: str
    project: str
    digest: str
    body: JsonObject
    built: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The platform at `revision`, cut down to one organization. Keys are names.

    `credentials` holds `<scope>/<name>` of every stored credential, never a value.
    """

    revision: int
    processes: Mapping[str, Process] = field(default_factory=dict)
    instances: Mapping[str, Instance] = field(default_factory=dict)
    runtimes: Mapping[str, Resource] = field(default_factory=dict)
    connections: Mapping[str, Resource] = field(default_factory=dict)
    credentials: frozenset[str] = frozenset()
