"""Who asks, and what asking needs. Pure: the tables of who may do what are data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What one operation needs of its caller."""

    BROWSE = "browse"  # see processes, their versions and starters
    VIEW = "view"  # look at instances, executions, schedules
    TRIGGER = "trigger"  # start executions
    OPERATE = "operate"  # pause, resume, cancel, retry
    EDIT = "edit"  # change parameters, deploy, roll back, install
    OWN = "own"  # share, delete, issue keys
    DEPLOY = "deploy"  # plan and apply a project
    PUBLISH = "publish"  # publish, deprecate, promote, delete processes
    CREDENTIALS = "credentials"  # store and forget secrets
    ADMINISTER = "administer"  # everything that is the organization's


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `kind` is user, service, instance, local or anonymous; `project` restricts a token to one."""

    organization: str
    kind: str = "anonymous"
    id: str = ""
    name: str = ""
    organization_role: str = ""
    teams: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    project: str = ""
    token_id: str = ""


def local(organization: str, name: str) -> Caller:
    """The embedded caller: whoever may open the database may do everything in its organization."""
    return Caller(organization=organization, kind="local", id=name, name=name, organization_role="owner")
