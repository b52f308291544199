"""What the repo says should be: the loader's only product and the planner's first argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from caseway.model.canonical import JsonObject


class Strategy(StrEnum):
    """How the next version is inferred when the use case does not name one."""

    AUTO = "auto"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


class Follows(StrEnum):
    """Which templates the instances of a stage may run: any, or only published ones."""

    LATEST = "latest"
    PUBLISHED = "published"


class PrunePolicy(StrEnum):
    """What happens to what this project declared once and declares no longer."""

    KEEP = "keep"
    PAUSE = "pause"
    ARCHIVE = "archive"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the desired state was read: `commit` is a full object id, or "" outside git."""

    commit: str = ""
    dirty: bool = False
    author: str = ""
    message: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of promotion, in the project's order."""

    name: str
    follows: Follows = Follows.LATEST
    protected: bool = False
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UseCase:
    """One use case, ready to be frozen as a template.

    `body` is the canonical template body (defaults filled, workflow definitions inlined, placeholders still
    in it); `digest` is `canonical.digest(body)`. `listing` is what the catalogue shows and may change without
    a new template: visibility, users, teams. Either `version` is an explicit semver or `strategy` decides.
    `snapshot` is "" for what may become a version; else the template is a build of it that is never
    published: "dev" for uncommitted work, or the id of a preview.
    """

    name: str
    path: str
    digest: str
    body: JsonObject
    listing: JsonObject
    version: str = ""
    strategy: Strategy = Strategy.AUTO
    exclusive: bool = True
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One installation the repo asks for.

    `version` is an exact semver (pinned) or a range (follows); "*" follows everything. `declared` is false
    for the instance that a use case without any Instance document gets by itself in the first stage.
    `credentials` maps the use case's slot to the name of a stored credential.
    """

    name: str
    use_case: str
    stage: str
    owner: str
    version: str = "*"
    enabled: bool = True
    archived: bool = False
    parameters: JsonObject = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    sharing: JsonObject = field(default_factory=dict)
    resources: JsonObject = field(default_factory=dict)
    path: str = ""
    declared: bool = True


@dataclass(frozen=True, slots=True)
class Resource:
    """A runtime or a connection: named, content-addressed, otherwise opaque to the planner."""

    name: str
    digest: str
    body: JsonObject
    path: str = ""


@dataclass(frozen=True, slots=True)
class PreviewPolicy:
    """What a project says of its previews: how many seconds they live, the parameter values that replace the
    instances' own, and the names of the stored credentials they may use."""

    enabled: bool = True
    seconds: float = 72 * 3600.0
    parameters: JsonObject = field(default_factory=dict)
    credentials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything one project asks for, at one commit or work tree.

    `complete` is false when some part could not be read; then nothing may be pruned. `max_deletes` is the
    mass-delete guard. `ignore` holds `<instance-glob>:<pointer>` entries that hands may change. `preview` is
    the id of the preview that these things are for, "" for the project's own.
    """

    project: str
    organization: str
    owner: str
    source: Source
    stages: tuple[Stage, ...]
    use_cases: tuple[UseCase, ...] = ()
    instances: tuple[Instance, ...] = ()
    runtimes: tuple[Resource, ...] = ()
    connections: tuple[Resource, ...] = ()
    prune: PrunePolicy = PrunePolicy.ARCHIVE
    max_deletes: int = 3
    ignore: tuple[str, ...] = ()
    complete: bool = True
    previews: PreviewPolicy = field(default_factory=PreviewPolicy)
    preview: str = ""
