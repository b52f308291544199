"""The http triggers of an instance as they are live now, read once per revision of the store.

Rule: whatever changes who may enter bumps the revision, so nothing here is older than the last change."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import attempts, credentials, keys
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.sources import document_of
from caseway.platform.tables import instances, moment
from caseway.platform.triggers.doors import Door, door
from caseway.platform.triggers.refusal import Refusal
from caseway.platform.triggers.signatures import secrets_of

_KEPT = 2_000
_FRESH = timedelta(seconds=30)  # credentials expire by time alone, which bumps no revision


@dataclass(frozen=True, slots=True)
class Entrance:
    """An instance seen from outside. `secrets` are those of its doors by slot, `keys` those that came in."""

    instance_id: str
    organization: str
    instance: str
    phase: str
    doors: tuple[Door, ...]
    secrets: Mapping[str, tuple[str, ...]]
    revision: int
    read_at: datetime
    keys: dict[bytes, keys.KeyView | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entrances:
    """The entrances of a platform, kept by instance. Safe to use from several threads."""

    platform: Platform
    _known: OrderedDict[str, Entrance] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, instance_id: str) -> Entrance:
        """The entrance of an instance. Raises `Refusal`: `not-found`, `gone`, `no-trigger`."""
        now = self.platform.clock()
        revision = self.platform.database.revision()
        known = self._known.get(instance_id)
        if known is not None and known.revision == revision and now - known.read_at < _FRESH:
            return known
        with self.platform.database.reading() as connection:
            found = _read(connection, self.platform, instance_id, revision, now)
        with self._lock:
            self._known[instance_id] = found
            self._known.move_to_end(instance_id)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def key(self, entrance: Entrance, secret: str) -> keys.KeyView | None:
        """The key of this instance that `secret` belongs to."""
        name = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        if name in entrance.keys:
            found = entrance.keys[name]
        else:
            found = keys.verify(self.platform, secret)
            if found is not None:  # what is wrong is not kept: there is no end of it
                entrance.keys[name] = found
        if found is None or found.instance_id != entrance.instance_id:
            return None
        is_over = bool(found.expires_at) and moment(found.expires_at) <= self.platform.clock()
        return None if is_over else found


_INSTANCE = sa.select(instances).where(instances.c.id == sa.bindparam("instance"))


def _read(
    connection: sa.Connection, platform: Platform, instance_id: str, revision: int, now: datetime
) -> Entrance:
    row = connection.execute(_INSTANCE, {"instance": instance_id}).one_or_none()
    if row is None:
        raise Refusal("there is nothing here", code="not-found", hint="look at the address again")
    if row.tombstone:
        raise Refusal("this instance was deleted", code="gone")
    serving = attempts.current(connection, instance_id)
    if serving is None and row.phase != "archived":
        raise Refusal("nothing is deployed here", code="no-trigger", hint="deploy the instance")
    doors = [] if serving is None else _doors(connection, attempts.workflows_of(connection, serving.id))
    return Entrance(
        instance_id=instance_id,
        organization=row.organization,
        instance=row.name,
        phase=row.phase,
        doors=tuple(doors),
        secrets=_secrets(connection, platform, instance_id, doors),
        revision=revision,
        read_at=now,
    )


def _doors(connection: sa.Connection, workflows: Sequence[Row]) -> list[Door]:
    found = []
    for row in workflows:
        triggers = [each for each in row.settings.get("triggers") or () if each.get("type") == "http"]
        schema = own_schema(connection, row.digest) if triggers else None
        found += [made for each in triggers if (made := _door(row, each, schema)) is not None]
    return found


def _door(row: Row, trigger: Mapping[str, Any], schema: Any) -> Door | None:
    """None for what cannot be read: a trigger whose conditions nobody understands lets nobody in."""
    try:
        return door(row.workflow, trigger, row.settings, schema)
    except (ValueError, CasewayError):
        return None


def own_schema(connection: sa.Connection, digest: str) -> Any:
    """The schema of the workflow's own input, when it stands in the document."""
    given = document_of(connection, digest).get("input")
    schema = given.get("schema") if isinstance(given, Mapping) else None
    return schema.get("document") if isinstance(schema, Mapping) else None


def _secrets(
    connection: sa.Connection, platform: Platform, instance_id: str, doors: Sequence[Door]
) -> dict[str, tuple[str, ...]]:
    wanted = {str(each.verify["credential"]) for each in doors if each.verify}
    if not wanted:
        return {}
    known = credentials.values_within(connection, platform, instance_id)
    return {slot: secrets_of(known.get(slot)) for slot in wanted}
