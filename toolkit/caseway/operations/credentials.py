"""Credentials: stored, listed without their values, forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from caseway.model.access import Permission
from caseway.model.canonical import JsonObject
from caseway.operations.fields import NAME, About, Cursor, Limit, Moment
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import credentials
from caseway.platform.credentials import CredentialView
from caseway.platform.tables.types import moment

CredentialName = Annotated[str, About("Its name.", example="smtp-main", longest=200, pattern=NAME)]
HomeScope = Literal["organization", "user", "instance", "member", "system"]
Owner = Annotated[str, About("The user, member or instance of a scope that has one.", longest=200)]


@dataclass(frozen=True, slots=True)
class ListCredentials:
    """All that the organization has, and the system's."""

    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class SetCredential:
    """The secret, what it is, and whose."""

    name: CredentialName
    value: Annotated[JsonObject, About("The secret.", example={"token": "…"}, is_secret=True)]
    type: Annotated[str, About("What it is.", example="bearer", longest=100)] = "custom"
    scope: HomeScope = "organization"
    owner: Owner = ""
    metadata: Annotated[JsonObject | None, About("Shown in lists.", example={"host": "mail"})] = None
    expires_at: Moment = ""


@dataclass(frozen=True, slots=True)
class OneCredential:
    """Which credential."""

    name: CredentialName
    scope: HomeScope = "organization"
    owner: Owner = ""


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """What is stored, and the instances that went live because of it."""

    credential: str
    scope: str
    type: str
    healed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemovedCredential:
    """What is forgotten, and the instances that miss it now."""

    credential: str
    scope: str
    removed: bool = True
    missed_by: tuple[str, ...] = ()


def _list(operating: Operating, asked: ListCredentials) -> Page:
    found = credentials.list_credentials(operating.platform, operating.organization)
    return page_of(found, lambda view: (view.name, view.scope, view.owner), asked.cursor, asked.limit)


def _set(operating: Operating, asked: SetCredential) -> StoredCredential:
    healed = credentials.set_credential(
        operating.platform,
        operating.organization,
        asked.name,
        asked.value,
        scope=asked.scope,
        owner=asked.owner,
        type=asked.type,
        metadata=asked.metadata,
        expires_at=moment(asked.expires_at) if asked.expires_at else None,
        actor=operating.actor,
    )
    return StoredCredential(asked.name, asked.scope, asked.type, tuple(healed))


def _remove(operating: Operating, asked: OneCredential) -> RemovedCredential:
    missed = credentials.remove(
        operating.platform,
        operating.organization,
        asked.name,
        scope=asked.scope,
        owner=asked.owner,
        actor=operating.actor,
    )
    return RemovedCredential(asked.name, asked.scope, missed_by=tuple(missed))


_ALL = PREFIX + "/credentials"

OPERATIONS = (
    Operation(
        "credentials.list",
        "GET",
        _ALL,
        Permission.CREDENTIALS,
        "List credentials by name and scope, never a value",
        ListCredentials,
        CredentialView,
        _list,
        answer=Answer.LIST,
    ),
    Operation(
        "credentials.set",
        "PUT",
        _ALL + "/{name}",
        Permission.CREDENTIALS,
        "Store or replace a secret, encrypted",
        SetCredential,
        StoredCredential,
        _set,
        about="credential",
    ),
    Operation(
        "credentials.remove",
        "DELETE",
        _ALL + "/{name}",
        Permission.CREDENTIALS,
        "Forget a secret",
        OneCredential,
        RemovedCredential,
        _remove,
        about="credential",
    ),
)
