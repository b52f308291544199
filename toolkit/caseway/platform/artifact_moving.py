"""Moves large values out of the database to where they are kept, and forgets there what nothing refers to.

Rule: an object is on record before it exists and until it is gone, so no crash leaves one that nobody knows.
Its key is never used twice, so forgetting one never takes another's content."""

from __future__ import annotations

import logging
from datetime import timedelta

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.artifact_store import ArtifactStore
from caseway.platform.bundle import Platform
from caseway.platform.tables import artifact_objects, artifacts

LOG = logging.getLogger("caseway.artifacts")
AT_ONCE = 50
SETTLED = timedelta(hours=1)  # after which no upload of that key is still under way


def move(platform: Platform) -> int:
    """Move what is in the database to the store, if there is one, at most a batch; how many. A store that
    does not answer is asked again later."""
    found = _store(platform)
    if found is None:
        return 0
    waiting = sa.select(artifacts.c.digest).where(artifacts.c.place == "").order_by(artifacts.c.created_at)
    with platform.database.reading() as connection:
        digests = connection.scalars(waiting.limit(AT_ONCE)).all()
    moved = 0
    for digest in digests:
        try:
            moved += _moved(platform, found, digest)
        except CasewayError as error:
            LOG.warning("artifacts stay in the database: %s", error)
            break
    return moved


def _moved(platform: Platform, store: ArtifactStore, digest: str) -> bool:
    key = f"{digest.removeprefix('sha256:')}/{platform.ids()}"
    with platform.database.writing() as connection:
        row = {"key": key, "digest": digest, "created_at": platform.clock()}
        connection.execute(sa.insert(artifact_objects).values(**row))
        content = connection.scalar(sa.select(artifacts.c.content).where(artifacts.c.digest == digest))
    if content is None:
        return False
    store.put(key, content)
    platform.on_boundary("artifact:uploaded")
    with platform.database.writing() as connection:
        changed = connection.execute(
            sa.update(artifacts)
            .where(artifacts.c.digest == digest, artifacts.c.place == "")
            .values(place=key, content=b"")
        )
    return changed.rowcount == 1


def tidy(platform: Platform) -> int:
    """Delete the objects of artifacts that are gone, at most a batch; how many."""
    found = _store(platform)
    if found is None:
        return 0
    is_used = sa.exists().where(artifacts.c.place == artifact_objects.c.key)
    old = artifact_objects.c.created_at <= platform.clock() - SETTLED
    query = sa.select(artifact_objects.c.key).where(old, ~is_used).limit(AT_ONCE)
    with platform.database.reading() as connection:
        keys = connection.scalars(query).all()
    gone = 0
    for key in keys:
        try:
            found.delete(key)
        except CasewayError as error:
            LOG.warning("objects of artifacts stay: %s", error)
            break
        with platform.database.writing() as connection:
            connection.execute(sa.delete(artifact_objects).where(artifact_objects.c.key == key))
        gone += 1
    return gone


def _store(platform: Platform) -> ArtifactStore | None:
    found: ArtifactStore | None = platform.database.engine.get_execution_options().get("artifact_store")
    return found
