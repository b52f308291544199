"""API keys of instances: shown once, stored as a digest, compared in constant time, ended for good."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform.access import presented
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row, the_instance
from caseway.platform.tables import api_keys, instances, instant

NOTED = timedelta(minutes=1)  # last use is told to the minute


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key without its secret; `prefix` is enough to tell keys apart."""

    id: str
    instance_id: str
    instance: str
    name: str
    prefix: str
    created_at: str
    created_by: str
    expires_at: str
    revoked_at: str
    last_used_at: str = ""

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


def create(
    platform: Platform,
    organization: str,
    instance: str,
    *,
    name: str = "",
    expires_at: datetime | None = None,
    actor: str,
) -> tuple[KeyView, str]:
    """A new key and its secret, which nobody can ask for again."""
    prefix, secret = presented.make(presented.INSTANCE)
    by = By(organization, actor, platform.clock())
    key_id = platform.ids()
    with platform.database.transaction() as connection:
        row = the_instance(connection, organization, instance)
        connection.execute(
            sa.insert(api_keys).values(
                id=key_id,
                instance_id=row.id,
                name=name,
                prefix=prefix,
                digest=presented.digest(secret),
                created_at=by.at,
                created_by=actor,
                expires_at=expires_at,
            )
        )
        note(connection, by, ("create", "key", instance), after={"key": key_id, "name": name})
        view = _view(connection.execute(_query().where(api_keys.c.id == key_id)).one())
    return view, secret


def list_keys(platform: Platform, organization: str, instance: str = "") -> list[KeyView]:
    """The keys of an instance, or of all, newest first, revoked ones too."""
    query = _query().where(instances.c.organization == organization, instances.c.tombstone == "")
    if instance:
        query = query.where(instances.c.name == instance)
    with platform.database.reading() as connection:
        return [
            _view(row)
            for row in connection.execute(query.order_by(api_keys.c.created_at.desc(), api_keys.c.id))
        ]


def revoke(platform: Platform, organization: str, key_id: str, *, actor: str) -> None:
    """End a key, named by its id or prefix, for good. Raises `CasewayError` (`not-found`)."""
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        row = connection.execute(
            _query().where(
                instances.c.organization == organization,
                sa.or_(api_keys.c.id == key_id, api_keys.c.prefix == key_id),
            )
        ).one_or_none()
        if row is None:
            raise CasewayError(
                f"there is no key {key_id!r}", code="not-found", place=key_id, hint="see `caseway key list`"
            )
        if row.revoked_at is None:
            connection.execute(sa.update(api_keys).where(api_keys.c.id == row.id).values(revoked_at=by.at))
            note(connection, by, ("revoke", "key", row.instance), before={"key": row.id})


def verify(platform: Platform, secret: str) -> KeyView | None:
    """The key that `secret` belongs to, None when there is none, or it has expired or been revoked."""
    prefix = presented.prefix_of(secret)
    if not prefix:
        return None
    with platform.database.reading() as connection:
        row = connection.execute(_query().where(api_keys.c.prefix == prefix)).one_or_none()
    # Compared even when there is no such key, so that time does not tell which prefixes exist.
    is_same = presented.is_same(secret, row.digest if row is not None else None)
    if row is None or not is_same or row.revoked_at is not None:
        return None
    now = platform.clock()
    if row.expires_at is not None and row.expires_at <= now:
        return None
    if row.last_used_at is None or row.last_used_at + NOTED <= now:
        with platform.database.writing() as connection:
            connection.execute(sa.update(api_keys).where(api_keys.c.id == row.id).values(last_used_at=now))
    return _view(row)


def _query() -> sa.Select[tuple[object, ...]]:
    return sa.select(api_keys, instances.c.name.label("instance")).join(
        instances, instances.c.id == api_keys.c.instance_id
    )


def _view(row: Row) -> KeyView:
    return KeyView(
        id=row.id,
        instance_id=row.instance_id,
        instance=row.instance,
        name=row.name,
        prefix=row.prefix,
        created_at=instant(row.created_at),
        created_by=row.created_by,
        expires_at=instant(row.expires_at) if row.expires_at else "",
        revoked_at=instant(row.revoked_at) if row.revoked_at else "",
        last_used_at=instant(row.last_used_at) if row.last_used_at else "",
    )
