"""Why does it not deploy? The failed attempts that nothing has mended since, each with its cause and cure;
and what was never tried, for there was nothing to try it on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from caseway.platform import attempts
from caseway.platform.bundle import Platform
from caseway.platform.doctor.finding import ERROR, OK, WARNING, Finding
from caseway.platform.instance_views import InstanceView
from caseway.platform.lookup import Row
from caseway.platform.runtimes import list_builds, list_runtimes
from caseway.platform.tables import deployment_steps, deployments, instances

CHECK = "deploys"

# What to do about an attempt that failed with this code, where its own hint says less.
CURES: Mapping[str, str] = {
    "missing-integration": "store it with 'caseway credential set'; the instance then goes live by itself",
    "connection-missing": "add the connection to connections/ and apply",
    "runtime-not-built": "'caseway runtime build', then 'caseway instance deploy'; 'caseway runtime get' "
    "shows how its last build went",
    "rendered-workflow": "a parameter's value breaks the workflow: mend the value or the place it goes to",
    "unhealthy": "'caseway instance get' shows the version that serves on; mend the workflow and push again",
    "interrupted": "apply again: it goes on where it was cut",
}


def deploying(platform: Platform, organization: str, views: Sequence[InstanceView]) -> Iterator[Finding]:
    """The latest attempt of every instance where it failed, instances that were never tried, runtimes whose
    image could not be built."""
    with platform.database.reading() as connection:
        failed = connection.execute(_failed(organization)).all()
        steps = _failed_steps(connection, [row.id for row in failed])
        tried = set(connection.scalars(sa.select(deployments.c.instance_id).distinct()))
    for row in failed:
        yield _attempt(row, steps.get(row.id, ""), {view.name: view for view in views}.get(row.name))
    others = [*_untried(platform, views, tried), *_unbuilt(platform, organization)]
    yield from others
    if not failed and not others:
        yield Finding(CHECK, OK, f"{len(views)} instances, the last attempt of each succeeded")


def _attempt(row: Row, step: str, view: InstanceView | None) -> Finding:
    where = f" at step {step}" if step else ""
    is_serving = view is not None and bool(view.version)
    message = f"{row.name}: {row.version} failed{where}: {row.error}"
    if is_serving:
        message += f" ({view.version if view else ''} serves on)"
    hint = CURES.get(row.error_code) or row.hint or f"caseway instance deploy {row.name}"
    return Finding(CHECK, WARNING if is_serving else ERROR, message, hint)


def _untried(platform: Platform, views: Sequence[InstanceView], tried: set[str]) -> Iterator[Finding]:
    """Instances that should run and that no attempt was made for: there is nothing to put them on."""
    for view in views:
        if view.id not in tried and view.phase != "user_paused":
            known = ", ".join(sorted(platform.targets)) or "none"
            yield Finding(
                CHECK,
                ERROR,
                f"{view.name}: nothing was ever deployed; targets of this platform: {known}",
                "apply again; when its target is not among them, set it up or name another in the use case",
            )


def _unbuilt(platform: Platform, organization: str) -> Iterator[Finding]:
    for runtime in list_runtimes(platform, organization):
        if runtime.status == "failed":
            newest = list_builds(platform, organization, runtime.name)[0]
            yield Finding(
                CHECK,
                ERROR,
                f"runtime {runtime.name}: its image could not be built: {newest.error}",
                f"'caseway runtime get {runtime.name}' shows the end of its log",
            )


def _failed(organization: str) -> sa.Select[Any]:
    latest, is_latest = attempts.is_latest()
    return (
        sa.select(
            deployments.c.id,
            instances.c.name,
            deployments.c.version,
            deployments.c.error,
            deployments.c.error_code,
            deployments.c.hint,
        )
        .join(latest, is_latest)
        .join(instances, instances.c.id == deployments.c.instance_id)
        .where(
            deployments.c.status == "failed",
            instances.c.organization == organization,
            instances.c.tombstone == "",
            instances.c.phase != "archived",
        )
        .order_by(instances.c.name)
    )


def _failed_steps(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, str]:
    query = sa.select(deployment_steps.c.deployment_id, deployment_steps.c.name).where(
        deployment_steps.c.deployment_id.in_(ids), deployment_steps.c.status == "failed"
    )
    return {row.deployment_id: row.name for row in connection.execute(query)}
