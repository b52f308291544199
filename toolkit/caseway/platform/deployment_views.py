"""Attempts to deploy as people look at them. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row, the_instance
from caseway.platform.tables import (
    current_deployments,
    deployment_steps,
    deployments,
    instant,
)


@dataclass(frozen=True, slots=True)
class StepView:
    """One of the six steps of a deployment."""

    name: str
    status: str
    started_at: str
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """One attempt."""

    id: str
    number: int
    version: str
    template_digest: str
    status: str
    reason: str
    actor: str
    commit: str
    error_code: str
    error: str
    hint: str
    warnings: tuple[str, ...]
    result: JsonObject
    started_at: str
    ended_at: str
    is_current: bool
    steps: tuple[StepView, ...]

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


def list_deployments(
    platform: Platform, organization: str, instance: str, *, limit: int = 50
) -> list[DeploymentView]:
    """The attempts of an instance, newest first."""
    with platform.database.reading() as connection:
        row = the_instance(connection, organization, instance)
        query = sa.select(deployments).where(deployments.c.instance_id == row.id)
        rows = connection.execute(query.order_by(deployments.c.number.desc()).limit(limit)).all()
        current = connection.scalar(
            sa.select(current_deployments.c.deployment_id).where(current_deployments.c.instance_id == row.id)
        )
        steps = _steps(connection, [item.id for item in rows])
    return [_deployment(item, steps.get(item.id, ()), item.id == current) for item in rows]


def _steps(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, list[StepView]]:
    query = sa.select(deployment_steps).where(deployment_steps.c.deployment_id.in_(ids))
    found: dict[str, list[StepView]] = {}
    for row in connection.execute(query.order_by(deployment_steps.c.position)):
        view = StepView(row.name, row.status, instant(row.started_at), row.seconds, row.message)
        found.setdefault(row.deployment_id, []).append(view)
    return found


def _deployment(row: Row, steps: Sequence[StepView], is_current: bool) -> DeploymentView:
    same: tuple[str, ...] = (
        "id",
        "number",
        "version",
        "template_digest",
        "status",
        "reason",
        "actor",
        "commit",
    )
    same += ("error_code", "error", "hint", "result")
    return DeploymentView(
        **{name: getattr(row, name) for name in same},
        warnings=tuple(row.warnings),
        started_at=instant(row.started_at),
        ended_at=instant(row.ended_at) if row.ended_at else "",
        is_current=is_current,
        steps=tuple(steps),
    )
