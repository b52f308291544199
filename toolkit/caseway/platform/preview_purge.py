"""What is of a preview and belongs to it no longer is ended for good: no tombstones, no history.

The one rule: only what belongs to the preview's own project goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial

import sqlalchemy as sa

from caseway.model.desired import Desired
from caseway.platform import graves
from caseway.platform.audit import By
from caseway.platform.bundle import Platform
from caseway.platform.patience import Pause, patiently
from caseway.platform.previewed import preview_realm
from caseway.platform.tables import events, instances, processes, resources, runtime_builds
from caseway.reconcile.preview import SEPARATOR


def purge_rest(platform: Platform, desired: Desired, by: By, pause: Pause) -> None:
    """Purge what belongs to the preview and is not in `desired`."""
    scope, organization = desired.project, desired.organization
    kept = {item.name for item in desired.instances}
    with platform.database.reading() as connection:
        there = connection.scalars(
            sa.select(instances.c.name)
            .join(processes, processes.c.id == instances.c.process_id)
            .where(
                instances.c.organization == organization,
                sa.or_(instances.c.project == scope, processes.c.project == scope),
            )
        ).all()
    for name in sorted(set(there) - kept):
        purge = partial(graves.purge, platform, organization, name, confirm=name, actor=by.actor)
        patiently(purge, pause)
        platform.on_boundary("preview:instance-purged")
    _forget(platform, processes, scope, organization, {item.name for item in desired.use_cases})
    _forget(
        platform,
        resources,
        scope,
        organization,
        {item.name for item in (*desired.runtimes, *desired.connections)},
    )


def _forget(
    platform: Platform, table: sa.Table, scope: str, organization: str, kept: Collection[str]
) -> None:
    where = (
        table.c.project == scope,
        table.c.organization == organization,
        table.c.name.not_in(list(kept)),
    )
    with platform.database.reading() as connection:
        is_there = connection.execute(sa.select(table.c.name).where(*where).limit(1)).first()
    if is_there is not None:
        with platform.database.transaction() as connection:
            if table is resources:
                gone = sa.select(resources.c.name).where(*where, resources.c.kind == "runtime")
                mine = (runtime_builds.c.organization == organization, runtime_builds.c.runtime.in_(gone))
                connection.execute(sa.delete(runtime_builds).where(*mine))
            connection.execute(sa.delete(table).where(*where))


def forget_events(connection: sa.Connection, organization: str, scope: str) -> None:
    """Drop the events that executions of the preview have sent: nobody else heard them."""
    connection.execute(sa.delete(events).where(events.c.organization == preview_realm(organization, scope)))


def orphans(connection: sa.Connection, organization: str, known: Iterable[str]) -> list[tuple[str, str, str]]:
    """The previews of which there is something, but no record."""
    scopes: set[str] = set()
    for table in (instances, processes, resources):
        query = (
            sa.select(table.c.project)
            .distinct()
            .where(table.c.organization == organization, table.c.project.contains(SEPARATOR))
        )
        scopes |= set(connection.scalars(query))
    found = sorted(scopes - set(known))
    return [(organization, *_split(scope)) for scope in found]


def _split(scope: str) -> tuple[str, str]:
    project, _, preview = scope.partition(SEPARATOR)
    return project, preview
