"""API keys of instances: issued, listed without their secrets, revoked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from caseway.model.access import Permission
from caseway.operations.fields import About, Cursor, Limit, Moment, Name
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import keys
from caseway.platform.keys import KeyView
from caseway.platform.tables.types import moment


@dataclass(frozen=True, slots=True)
class ListKeys:
    """Whose keys."""

    instance: Name
    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class CreateKey:
    """For which instance, what for, and until when (for ever when empty)."""

    instance: Name
    name: Annotated[str, About("What it is for.", example="shop", longest=200)] = ""
    expires_at: Moment = ""


@dataclass(frozen=True, slots=True)
class OneKey:
    """Which key, by its id or prefix."""

    id: Annotated[str, About("The key's id or prefix.", example="cw_1a2b3c4d", longest=100)]


@dataclass(frozen=True, slots=True)
class NewKey(KeyView):
    """A key with its secret: shown this once."""

    secret: str = ""


@dataclass(frozen=True, slots=True)
class Revoked:
    """What is revoked."""

    key: str
    revoked: bool = True


def _list(operating: Operating, asked: ListKeys) -> Page:
    found = keys.list_keys(operating.platform, operating.organization, asked.instance)
    ordered = sorted(found, key=lambda view: (view.created_at, view.id))
    return page_of(ordered, lambda view: (view.created_at, view.id), asked.cursor, asked.limit)


def _create(operating: Operating, asked: CreateKey) -> NewKey:
    view, secret = keys.create(
        operating.platform,
        operating.organization,
        asked.instance,
        name=asked.name,
        expires_at=moment(asked.expires_at) if asked.expires_at else None,
        actor=operating.actor,
    )
    same = {name: getattr(view, name) for name in KeyView.__dataclass_fields__}
    return NewKey(**same, secret=secret)


def _revoke(operating: Operating, asked: OneKey) -> Revoked:
    keys.revoke(operating.platform, operating.organization, asked.id, actor=operating.actor)
    return Revoked(asked.id)


_OF_INSTANCE = PREFIX + "/instances/{instance}/keys"

OPERATIONS = (
    Operation(
        "keys.list",
        "GET",
        _OF_INSTANCE,
        Permission.OWN,
        "List the API keys of an instance, never their secrets",
        ListKeys,
        KeyView,
        _list,
        answer=Answer.LIST,
        about="instance",
        by="instance",
    ),
    Operation(
        "keys.create",
        "POST",
        _OF_INSTANCE,
        Permission.OWN,
        "Issue an API key; its secret is in this answer and nowhere else",
        CreateKey,
        NewKey,
        _create,
        about="instance",
        by="instance",
        status=201,
        is_secret=True,
    ),
    Operation(
        "keys.revoke",
        "DELETE",
        PREFIX + "/keys/{id}",
        Permission.OWN,
        "Make an API key useless from now on",
        OneKey,
        Revoked,
        _revoke,
        about="key",
        by="id",
    ),
)
