"""Why does it not deploy? The failed attempts that nothing has mended since, each with its cause and cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from caseway.platform import attempts
from caseway.platform.bundle import Platform
from caseway.platform.doctor.finding import ERROR, OK, WARNING, Finding
from caseway.platform.instance_views import InstanceView
from caseway.platform.lookup import Row
from caseway.platform.tables import deployment_steps, deployments, instances

CHECK = "deploys"

# What to do about an attempt that failed with this code, where its own hint says less.
CURES: Mapping[str, str] = {
    "missing-integration": "store it with 'caseway credential set'; the instance then goes live by itself",
    "no-such-target": "set the target up on this platform, or name another one in the use case",
    "connection-missing": "add the connection to connections/ and apply",
    "runtime-missing": "add the runtime to runtimes/ and apply",
    "runtime-not-ready": "see 'caseway runtime get' for the last lines of its build",
    "rendered-workflow": "a parameter's value breaks the workflow: mend the value or the place it goes to",
    "unhealthy": "'caseway instance get' shows the version that serves on; mend the workflow and push again",
    "interrupted": "apply again: it goes on where it was cut",
    "out-of-memory": "raise resources.memory of the use case or of the instance",
}


def deploying(platform: Platform, organization: str, views: Sequence[InstanceView]) -> Iterator[Finding]:
    """The latest attempt of every instance where it failed."""
    with platform.database.reading() as connection:
        failed = connection.execute(_failed(organization)).all()
        steps = _failed_steps(connection, [row.id for row in failed])
    for row in failed:
        yield _attempt(row, steps.get(row.id, ""), {view.name: view for view in views}.get(row.name))
    if not failed:
        yield Finding(CHECK, OK, f"{len(views)} instances, the last attempt of each succeeded")


def _attempt(row: Row, step: str, view: InstanceView | None) -> Finding:
    where = f" at step {step}" if step else ""
    is_serving = view is not None and bool(view.version)
    message = f"{row.name}: {row.version} failed{where}: {row.error}"
    if is_serving:
        message += f" ({view.version if view else ''} serves on)"
    hint = CURES.get(row.error_code) or row.hint or f"caseway instance deploy {row.name}"
    return Finding(CHECK, WARNING if is_serving else ERROR, message, hint)


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
