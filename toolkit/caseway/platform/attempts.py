"""The record of each attempt to deploy: its states, its six timed steps, and the pointer to what serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.model.states import DEPLOYMENT, DeploymentStatus, move
from caseway.platform.lookup import Row
from caseway.platform.tables import (
    current_deployments,
    definitions,
    deployed_workflows,
    deployment_steps,
    deployments,
)
from caseway.platform.target import Rendered
from caseway.platform.templates import encoded

STEPS = ("validate", "resolve", "render", "publish", "switch", "retire")
MISSING = "missing-integration"  # the error code of an attempt that lacks a required credential
RETURN = "return"  # the reason of an attempt that brings back what was stopped for one that failed
INTERRUPTED = "interrupted"  # the error code of an attempt that a crash cut: never held against a retry


@dataclass(slots=True)
class Steps:
    """Times the steps of one attempt; `rows` are ready to be written."""

    deployment_id: str
    clock: Callable[[], datetime]
    rows: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, message: str = "") -> Iterator[None]:
        """Time one step; an error marks it failed and goes on its way."""
        began = self.clock()
        try:
            yield
        except CasewayError as error:
            self.done(name, began, "failed", error.message)
            raise
        self.done(name, began, "done", message)

    def done(self, name: str, began: datetime, status: str, message: str = "") -> None:
        """Keep the outcome of a step."""
        self.rows.append(
            {
                "deployment_id": self.deployment_id,
                "position": STEPS.index(name),
                "name": name,
                "status": status,
                "started_at": began,
                "seconds": (self.clock() - began).total_seconds(),
                "message": message,
            }
        )

    def write(self, connection: sa.Connection) -> None:
        """Store what is not stored yet."""
        if self.rows:
            connection.execute(sa.insert(deployment_steps), self.rows)
        self.rows = []


_CURRENT = (
    sa.select(deployments)
    .join(current_deployments, current_deployments.c.deployment_id == deployments.c.id)
    .where(current_deployments.c.instance_id == sa.bindparam("instance"))
)


def current(connection: sa.Connection, instance_id: str) -> Row | None:
    """The deployment that serves an instance."""
    return connection.execute(_CURRENT, {"instance": instance_id}).one_or_none()


def latest(connection: sa.Connection, instance_id: str) -> Row | None:
    """The attempt made last, whatever became of it."""
    return connection.execute(
        sa.select(deployments)
        .where(deployments.c.instance_id == instance_id)
        .order_by(deployments.c.number.desc())
        .limit(1)
    ).one_or_none()


def is_latest() -> tuple[sa.Subquery, sa.ColumnElement[bool]]:
    """What to join `deployments` with, and on what, for the attempt made last of each instance. One that only
    brought back the version before says nothing of the one that failed: it does not count."""
    latest = (
        sa.select(deployments.c.instance_id, sa.func.max(deployments.c.number).label("number"))
        .where(deployments.c.reason != RETURN)
        .group_by(deployments.c.instance_id)
        .subquery()
    )
    return latest, sa.and_(
        latest.c.instance_id == deployments.c.instance_id, latest.c.number == deployments.c.number
    )


def begin(connection: sa.Connection, made: Mapping[str, Any], serving: Row | None) -> None:
    """Record an attempt as deploying; what serves now is updating meanwhile."""
    number = sa.select(sa.func.coalesce(sa.func.max(deployments.c.number), 0) + 1).where(
        deployments.c.instance_id == made["instance_id"]
    )
    status = move(DEPLOYMENT, DeploymentStatus.PENDING, DeploymentStatus.DEPLOYING)
    empty = {"error_code": "", "error": "", "hint": "", "warnings": [], "result": {}, "inputs": {}}
    connection.execute(
        sa.insert(deployments).values(**{**empty, **made}, number=number.scalar_subquery(), status=status)
    )
    if serving is not None:
        step(connection, serving, DeploymentStatus.UPDATING)


def step(connection: sa.Connection, row: Row, status: DeploymentStatus, **changes: Any) -> None:
    """Move one attempt along its states."""
    move(DEPLOYMENT, DeploymentStatus(row.status), status)
    _set(connection, row.id, status, changes)


def switch(connection: sa.Connection, deployment_id: str, instance_id: str, **changes: Any) -> None:
    """Let the attempt serve from now on; the one before is superseded."""
    attempt = _row(connection, deployment_id)
    before = current(connection, instance_id)
    step(connection, attempt, DeploymentStatus.DEPLOYED, **changes)
    if before is None:
        connection.execute(
            sa.insert(current_deployments).values(instance_id=instance_id, deployment_id=deployment_id)
        )
        return
    if before.status == DeploymentStatus.UPDATING:
        step(connection, before, DeploymentStatus.DEPLOYED)
        before = _row(connection, before.id)
    step(connection, before, DeploymentStatus.SUPERSEDED)
    connection.execute(
        sa.update(current_deployments)
        .where(current_deployments.c.instance_id == instance_id)
        .values(deployment_id=deployment_id)
    )


def fail(
    connection: sa.Connection, deployment_id: str, error: CasewayError, at: datetime, result: Any
) -> None:
    """Record why the attempt failed; what served before serves on."""
    attempt = _row(connection, deployment_id)
    step(
        connection,
        attempt,
        DeploymentStatus.FAILED,
        error_code=error.code,
        error=error.message,
        hint=error.hint,
        ended_at=at,
        result=result,
    )
    serving = current(connection, attempt.instance_id)
    if serving is not None and serving.status == DeploymentStatus.UPDATING:
        step(connection, serving, DeploymentStatus.DEPLOYED)


def forget_pointer(connection: sa.Connection, instance_id: str) -> None:
    """Nothing serves the instance any more."""
    connection.execute(sa.delete(current_deployments).where(current_deployments.c.instance_id == instance_id))


def keep_definitions(connection: sa.Connection, rendered: Sequence[Rendered]) -> None:
    """Store rendered documents by their digest, once each."""
    by_digest = {item.digest: item for item in rendered}
    if not by_digest:
        return
    kept = set(
        connection.scalars(sa.select(definitions.c.digest).where(definitions.c.digest.in_(list(by_digest))))
    )
    fresh = [
        {"digest": digest, "body": encoded(item.document)}
        for digest, item in by_digest.items()
        if digest not in kept
    ]
    if fresh:
        connection.execute(sa.insert(definitions), fresh)


def record_workflows(
    connection: sa.Connection,
    deployment_id: str,
    rendered: Sequence[Rendered],
    live_ids: Mapping[str, str],
    *,
    active: bool,
) -> None:
    """Which workflow of the template is which live one."""
    rows = [
        {
            "deployment_id": deployment_id,
            "workflow": item.workflow,
            "live_id": live_ids[item.workflow],
            "digest": item.digest,
            "settings": item.settings,
            "active": active,
            "activation_error": "",
        }
        for item in rendered
    ]
    if rows:
        connection.execute(sa.insert(deployed_workflows), rows)


def workflows_of(connection: sa.Connection, deployment_id: str) -> Sequence[Row]:
    """The workflow mapping of an attempt, in the order of their ids."""
    return connection.execute(
        sa.select(deployed_workflows)
        .where(deployed_workflows.c.deployment_id == deployment_id)
        .order_by(deployed_workflows.c.workflow)
    ).all()


def _row(connection: sa.Connection, deployment_id: str) -> Row:
    return connection.execute(sa.select(deployments).where(deployments.c.id == deployment_id)).one()


def _set(
    connection: sa.Connection, deployment_id: str, status: DeploymentStatus, changes: Mapping[str, Any]
) -> None:
    connection.execute(
        sa.update(deployments).where(deployments.c.id == deployment_id).values(status=status, **changes)
    )
