"""Instances: looking at them, installing them, steering and changing them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from caseway.model.access import Permission
from caseway.model.canonical import JsonObject
from caseway.operations.fields import (
    About,
    Cursor,
    IfMatch,
    Limit,
    Name,
    ProcessName,
    expected_in,
)
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import installing, instances
from caseway.platform.views import (
    DeploymentView,
    InstanceView,
    get_instance,
    list_deployments,
    list_instances,
)

NewName = Annotated[str, About("The new instance's name.", example="billing-bob", longest=200)]
Owner = Annotated[str, About("Whose it is; the caller's when empty.", example="ann", longest=200)]
StageName = Annotated[str, About("A stage.", example="dev", longest=100)]
VersionOrRange = Annotated[str, About("A version to pin, or a range to follow.", example="^1.2", longest=100)]
Parameters = Annotated[JsonObject, About("Parameters by name.", example={"currency": "EUR"})]
Bindings = Annotated[JsonObject, About("Credentials by slot.", example={"mail": "smtp-main"})]
Resources = Annotated[JsonObject, About("cpu, memory, disk, gpu.", example={"cpu": 1, "memory": "2GB"})]


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


@dataclass(frozen=True, slots=True)
class SteerInstance:
    """Which instance; with If-Match, only if nobody has changed it since."""

    name: Name
    if_match: IfMatch = ""


@dataclass(frozen=True, slots=True)
class DeployInstance:
    """Which instance goes to which version; empty: what it follows, or served before."""

    name: Name
    version: Annotated[str, About("The version.", example="1.2.0", longest=100)] = ""
    if_match: IfMatch = ""


@dataclass(frozen=True, slots=True)
class UpdateInstance:
    """What changes: mappings are merged into what the instance has, a null removes a key."""

    name: Name
    parameters: Parameters | None = None
    credentials: Bindings | None = None
    resources: Resources | None = None
    version: VersionOrRange | None = None
    if_match: IfMatch = ""


@dataclass(frozen=True, slots=True)
class Share:
    """One person and their role on the instance."""

    user: Annotated[str, About("Who.", example="bob", longest=200)]
    role: Literal["viewer", "operator", "editor", "owner"] = "viewer"


@dataclass(frozen=True, slots=True)
class ShareInstance:
    """Who else may use the instance; this replaces what was said before."""

    name: Name
    mode: Literal["owner_only", "admins", "everyone", "users"] = "users"
    users: Annotated[tuple[Share, ...], About("For the mode `users`.", maximum=1000)] = ()
    if_match: IfMatch = ""


@dataclass(frozen=True, slots=True)
class InstallInstance:
    """What to install as which instance, for whom; an empty name is made of process, stage and owner."""

    process: ProcessName
    name: NewName = ""
    stage: StageName = "dev"
    owner: Owner = ""
    parameters: Parameters | None = None
    credentials: Bindings | None = None
    version: VersionOrRange = "*"


@dataclass(frozen=True, slots=True)
class CloneInstance:
    """The copy's name, owner and stage (the same when empty)."""

    name: Name
    new_name: NewName
    owner: Owner = ""
    stage: StageName = ""


@dataclass(frozen=True, slots=True)
class PurgeInstance:
    """Which instance ends for good; `confirm` repeats its name."""

    name: Name
    confirm: Annotated[str, About("The instance's name again.", example="billing-dev", longest=200)]


@dataclass(frozen=True, slots=True)
class ListDeployments:
    """Whose attempts, newest first."""

    name: Name
    limit: Limit = 50
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """What is gone; `executions` counts those that went with it."""

    name: str
    purged: bool = False
    executions: int = 0


@dataclass(frozen=True, slots=True)
class Deployed:
    """The deployment that followed; none when nothing had to be deployed."""

    instance: str
    deployment: DeploymentView | None


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


def _steering(act: Callable[..., InstanceView]) -> Callable[[Operating, SteerInstance], InstanceView]:
    def steer(operating: Operating, asked: SteerInstance) -> InstanceView:
        expected = expected_in(asked.if_match)
        act(operating.platform, operating.organization, asked.name, actor=operating.actor, expected=expected)
        return get_instance(operating.platform, operating.organization, asked.name)

    return steer


def _undeploy(operating: Operating, asked: SteerInstance) -> InstanceView:
    return instances.undeploy(
        operating.platform,
        operating.organization,
        asked.name,
        actor=operating.actor,
        expected=expected_in(asked.if_match),
    )


def _deploying(act: Callable[..., DeploymentView]) -> Callable[[Operating, DeployInstance], Deployed]:
    def deploy(operating: Operating, asked: DeployInstance) -> Deployed:
        view = act(
            operating.platform,
            operating.organization,
            asked.name,
            version=asked.version,
            actor=operating.actor,
            expected=expected_in(asked.if_match),
        )
        return Deployed(asked.name, view)

    return deploy


def _update(operating: Operating, asked: UpdateInstance) -> Deployed:
    view = instances.update(
        operating.platform,
        operating.organization,
        asked.name,
        parameters=asked.parameters,
        credentials=asked.credentials,
        resources=asked.resources,
        version=asked.version,
        actor=operating.actor,
        expected=expected_in(asked.if_match),
    )
    return Deployed(asked.name, view)


def _share(operating: Operating, asked: ShareInstance) -> InstanceView:
    users = [{"user": item.user, "role": item.role} for item in asked.users]
    return instances.share(
        operating.platform,
        operating.organization,
        asked.name,
        sharing={"mode": asked.mode, "users": users},
        actor=operating.actor,
        expected=expected_in(asked.if_match),
    )


def _install(operating: Operating, asked: InstallInstance) -> InstanceView:
    owner = asked.owner or operating.actor
    fields: JsonObject = {
        "parameters": asked.parameters or {},
        "credentials": asked.credentials or {},
        "version": asked.version,
    }
    return installing.install(
        operating.platform,
        operating.organization,
        asked.name or f"{asked.process}-{asked.stage}-{owner}",
        asked.process,
        stage=asked.stage,
        owner=owner,
        fields=fields,
        actor=operating.actor,
    )


def _clone(operating: Operating, asked: CloneInstance) -> InstanceView:
    return installing.clone(
        operating.platform,
        operating.organization,
        asked.name,
        asked.new_name,
        owner=asked.owner or operating.actor,
        stage=asked.stage,
        actor=operating.actor,
    )


def _delete(operating: Operating, asked: SteerInstance) -> Gone:
    instances.delete(
        operating.platform,
        operating.organization,
        asked.name,
        actor=operating.actor,
        expected=expected_in(asked.if_match),
    )
    return Gone(asked.name)


def _purge(operating: Operating, asked: PurgeInstance) -> Gone:
    count = instances.purge(
        operating.platform, operating.organization, asked.name, confirm=asked.confirm, actor=operating.actor
    )
    return Gone(asked.name, True, count["executions"])


def _deployments(operating: Operating, asked: ListDeployments) -> Page:
    found = list_deployments(operating.platform, operating.organization, asked.name, limit=100_000)
    return page_of(found, lambda view: (f"{10**9 - view.number:010}",), asked.cursor, asked.limit)


_ALL = PREFIX + "/instances"
_ONE = _ALL + "/{name}"


def _looking(
    name: str, path: str, summary: str, request: type, more: tuple[type, Callable[..., object]]
) -> Operation:
    response, run = more
    is_list = name.endswith(".list")
    return Operation(
        name,
        "GET",
        path,
        Permission.VIEW,
        summary,
        request,
        response,
        run,
        answer=Answer.LIST if is_list else Answer.ONE,
        about="instance" if "{name}" in path else "",
        has_etag=not is_list,
    )


def _acting(
    verb: str, permission: Permission, summary: str, request: type, more: tuple[type, Callable[..., object]]
) -> Operation:
    """A POST to `…/{name}/<verb>`; what gives the instance itself gives its ETag too."""
    response, run = more
    return Operation(
        f"instances.{verb}",
        "POST",
        f"{_ONE}/{verb}",
        permission,
        summary,
        request,
        response,
        run,
        about="instance",
        status=201 if verb == "clone" else 200,
        has_etag=response is InstanceView,
    )


OPERATIONS = (
    _looking("instances.list", _ALL, "List instances by name", ListInstances, (InstanceView, _listed)),
    _looking("instances.get", _ONE, "Show one instance", OneInstance, (InstanceView, _one)),
    _looking(
        "deployments.list",
        _ONE + "/deployments",
        "List the attempts to deploy an instance, newest first, each with its six timed steps",
        ListDeployments,
        (DeploymentView, _deployments),
    ),
    Operation(
        "instances.install",
        "POST",
        _ALL,
        Permission.EDIT,
        "Install a process by hand and deploy it",
        InstallInstance,
        InstanceView,
        _install,
        about="process",
        by="process",
        status=201,
        has_etag=True,
    ),
    Operation(
        "instances.update",
        "PATCH",
        _ONE,
        Permission.EDIT,
        "Change fields of an instance and deploy what follows",
        UpdateInstance,
        Deployed,
        _update,
        about="instance",
    ),
    Operation(
        "instances.delete",
        "DELETE",
        _ONE,
        Permission.OWN,
        "Undeploy an instance and leave a tombstone",
        SteerInstance,
        Gone,
        _delete,
        about="instance",
    ),
    _acting(
        "pause",
        Permission.OPERATE,
        "Switch the triggers of an instance off; everything is kept",
        SteerInstance,
        (InstanceView, _steering(instances.pause)),
    ),
    _acting(
        "resume",
        Permission.OPERATE,
        "Switch the triggers of an instance on again",
        SteerInstance,
        (InstanceView, _steering(instances.resume)),
    ),
    _acting(
        "archive",
        Permission.EDIT,
        "Hide an instance and switch it off",
        SteerInstance,
        (InstanceView, _steering(instances.archive)),
    ),
    _acting(
        "restore",
        Permission.EDIT,
        "Bring an archived or deleted instance back",
        SteerInstance,
        (InstanceView, _steering(instances.restore)),
    ),
    _acting(
        "undeploy",
        Permission.EDIT,
        "Take an instance down; its definition and history are kept",
        SteerInstance,
        (InstanceView, _undeploy),
    ),
    _acting(
        "deploy",
        Permission.EDIT,
        "Deploy an instance anew, or to a version",
        DeployInstance,
        (Deployed, _deploying(instances.deploy)),
    ),
    _acting(
        "rollback",
        Permission.EDIT,
        "Bring an instance back to an earlier version",
        DeployInstance,
        (Deployed, _deploying(instances.rollback)),
    ),
    _acting(
        "share", Permission.OWN, "Say who else may use an instance", ShareInstance, (InstanceView, _share)
    ),
    _acting(
        "clone", Permission.EDIT, "Copy an instance; not deployed yet", CloneInstance, (InstanceView, _clone)
    ),
    _acting(
        "purge", Permission.OWN, "End an instance and its history for good", PurgeInstance, (Gone, _purge)
    ),
)
