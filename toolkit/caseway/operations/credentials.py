"""Credentials: stored, listed without their values, forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from caseway.model.access import Permission
from caseway.model.canonical import JsonObject
from caseway.model.credential_types import AUTHORIZATION_CODE, CredentialType
from caseway.model.errors import CasewayError
from caseway.operations.fields import NAME, About, Cursor, IfMatch, Limit, Moment, expected_in
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import consent, credentials
from caseway.platform.audit import By
from caseway.platform.credential_checks import CheckView, check_credential
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
class ListTypes:
    """The built-in ones, and those of projects."""

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
    source: Annotated[
        Literal["store", "age", "environment", "file", "command"],
        About("Where its value is had from.", example="store"),
    ] = "store"
    reference: Annotated[str, About("What the source is asked for.", example="", longest=500)] = ""
    if_match: IfMatch = ""


@dataclass(frozen=True, slots=True)
class BeginConsent:
    """Of which credential, and where the browser comes back to."""

    name: CredentialName
    redirect: Annotated[
        str, About("Where the browser comes back.", example="http://127.0.0.1:8123/", longest=500)
    ]
    scope: HomeScope = "organization"
    owner: Owner = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """Where the person goes to consent."""

    url: str


@dataclass(frozen=True, slots=True)
class EndConsent:
    """What the browser brought back."""

    name: CredentialName
    state: Annotated[str, About("The state.", example="k3f…", longest=500, is_secret=True)]
    code: Annotated[str, About("The code.", example="4/0A…", longest=4000, is_secret=True)]
    scope: HomeScope = "organization"
    owner: Owner = ""


@dataclass(frozen=True, slots=True)
class OneCredential:
    """Which credential."""

    name: CredentialName
    scope: HomeScope = "organization"
    owner: Owner = ""


@dataclass(frozen=True, slots=True)
class RemoveCredential:
    """Which credential; with If-Match, only if nobody has changed it since."""

    name: CredentialName
    scope: HomeScope = "organization"
    owner: Owner = ""
    if_match: IfMatch = ""


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


def _types(operating: Operating, asked: ListTypes) -> Page:
    known = credentials.known_types(operating.platform, operating.organization)
    found = sorted(known.values(), key=lambda kind: kind.name)
    return page_of(found, lambda kind: (kind.name,), asked.cursor, asked.limit)


def _set(operating: Operating, asked: SetCredential) -> StoredCredential:
    if asked.source not in {"store", "age"} and operating.caller.kind != "local":
        raise CasewayError(
            f"a secret from {asked.source} is bound by who runs the server",
            code="forbidden",
            hint="run `caseway credential set` on the server's own machine",
        )
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
        source=asked.source,
        reference=asked.reference,
        actor=operating.actor,
        expected=expected_in(asked.if_match),
    )
    return StoredCredential(asked.name, asked.scope, asked.type, tuple(healed))


def _remove(operating: Operating, asked: RemoveCredential) -> RemovedCredential:
    missed = credentials.remove(
        operating.platform,
        operating.organization,
        asked.name,
        scope=asked.scope,
        owner=asked.owner,
        actor=operating.actor,
        expected=expected_in(asked.if_match),
    )
    return RemovedCredential(asked.name, asked.scope, missed_by=tuple(missed))


def _get(operating: Operating, asked: OneCredential) -> CredentialView:
    return credentials.the_view(
        operating.platform, operating.organization, asked.name, scope=asked.scope, owner=asked.owner
    )


def _check(operating: Operating, asked: OneCredential) -> CheckView:
    return check_credential(
        operating.platform, operating.organization, asked.name, scope=asked.scope, owner=asked.owner
    )


def _begin(operating: Operating, asked: BeginConsent) -> Consent:
    home = (asked.scope, asked.owner)
    return Consent(
        consent.begin(operating.platform, operating.organization, asked.name, home, asked.redirect)
    )


def _end(operating: Operating, asked: EndConsent) -> StoredCredential:
    by = By(operating.organization, operating.actor, operating.platform.clock())
    healed = consent.complete(operating.platform, by, asked.state, asked.code)
    return StoredCredential(asked.name, asked.scope, AUTHORIZATION_CODE, tuple(healed))


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
        "credentials.types",
        "GET",
        PREFIX + "/credential-types",
        Permission.VIEW,
        "List the types of credentials: the built-in ones, and the projects' own",
        ListTypes,
        CredentialType,
        _types,
        answer=Answer.LIST,
    ),
    Operation(
        "credentials.get",
        "GET",
        _ALL + "/{name}",
        Permission.CREDENTIALS,
        "Show a credential, never its value",
        OneCredential,
        CredentialView,
        _get,
        about="credential",
        has_etag=True,
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
        "credentials.test",
        "POST",
        _ALL + "/{name}/test",
        Permission.CREDENTIALS,
        "Try a secret out",
        OneCredential,
        CheckView,
        _check,
        about="credential",
    ),
    Operation(
        "credentials.authorize",
        "POST",
        _ALL + "/{name}/authorize",
        Permission.CREDENTIALS,
        "Begin a person's consent; where they go",
        BeginConsent,
        Consent,
        _begin,
        about="credential",
        is_secret=True,
    ),
    Operation(
        "credentials.consent",
        "POST",
        _ALL + "/{name}/consent",
        Permission.CREDENTIALS,
        "End a person's consent with what the browser brought back",
        EndConsent,
        StoredCredential,
        _end,
        about="credential",
        is_secret=True,
    ),
    Operation(
        "credentials.remove",
        "DELETE",
        _ALL + "/{name}",
        Permission.CREDENTIALS,
        "Forget a secret",
        RemoveCredential,
        RemovedCredential,
        _remove,
        about="credential",
    ),
)
