"""Plans that a server made for its callers, kept until they are applied or nobody wants them any more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.plan import Plan
from caseway.platform.bundle import Platform
from caseway.platform.tables import plans
from caseway.reconcile.serialize import as_whole, of_whole

KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan, and what was asked for: the desired state without its contents, and how to plan."""

    plan: Plan
    asked: JsonObject


def keep(platform: Platform, plan: Plan, asked: JsonObject, *, actor: str) -> Plan:
    """The plan with the name under which it is kept."""
    named = replace(plan, id=platform.ids())
    now = platform.clock()
    with platform.database.writing() as connection:
        connection.execute(sa.delete(plans).where(plans.c.expires_at <= now))
        connection.execute(
            sa.insert(plans).values(
                organization=plan.organization,
                id=named.id,
                project=plan.project,
                actor=actor,
                asked=asked,
                plan=as_whole(named),
                created_at=now,
                expires_at=now + KEPT,
            )
        )
    return named


def project_of(platform: Platform, organization: str, plan_id: str) -> str | None:
    """Whose plan it is, None when there is none of that name."""
    query = sa.select(plans.c.project).where(*_this(organization, plan_id))
    with platform.database.reading() as connection:
        return connection.scalar(query)


def the_plan(platform: Platform, organization: str, plan_id: str) -> KeptPlan:
    """The plan of that name; raises `CasewayError` (`not-found`)."""
    with platform.database.reading() as connection:
        row = connection.execute(sa.select(plans).where(*_this(organization, plan_id))).one_or_none()
    if row is None:
        raise CasewayError(
            f"there is no plan {plan_id!r}", code="not-found", place=plan_id, hint="plan again on this server"
        )
    return KeptPlan(of_whole(row.plan), row.asked)


def _this(organization: str, plan_id: str) -> tuple[Any, ...]:
    return plans.c.organization == organization, plans.c.id == plan_id
