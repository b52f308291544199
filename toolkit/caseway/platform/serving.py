"""What serves an instance: what a new execution is bound to. Read once, and true while the pointer stands.

The one rule: a deployment never changes what it serves, so this holds for as long as `serving_now` names it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import InstancePhase
from caseway.platform import attempts
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row, the_instance
from caseway.platform.remembered import deployed
from caseway.platform.rows import is_running
from caseway.platform.statements import raw
from caseway.platform.tables import current_deployments, instances

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Served:
    """One workflow that is served: its id, the digest of its rendered document, its settings."""

    workflow: str
    definition: str
    settings: JsonObject

    def has_trigger(self, kind: str, trigger_id: str) -> bool:
        """Whether it has a trigger of that kind (and id, unless that is "")."""
        triggers: Any = self.settings.get("triggers") or ()
        return any(item.get("type") == kind and trigger_id in {"", item.get("id")} for item in triggers)


@dataclass(frozen=True, slots=True)
class Serving:
    """An instance and the deployment that serves it."""

    organization: str
    instance_id: str
    instance: str
    process: str
    stage: str
    deployment_id: str
    version: str
    template_digest: str
    has_secrets: bool
    workflows: tuple[Served, ...]
    limits: JsonObject

    def chosen(self, workflow: str, trigger: str, trigger_id: str) -> Served:
        """The workflow of that id; for "" its only one, or the first that has the trigger.

        Raises `CasewayError` (`workflow`)."""
        named = [item for item in self.workflows if workflow in {"", item.workflow}]
        fitting = [item for item in named if workflow or item.has_trigger(trigger, trigger_id)]
        found = next(iter(fitting or (named if len(named) == 1 else ())), None)
        if found is not None:
            return found
        there = ", ".join(item.workflow for item in self.workflows) or "none"
        wanted = f"workflow {workflow!r}" if workflow else f"one workflow with a {trigger} trigger"
        raise CasewayError(
            f"{self.instance} does not have {wanted}",
            code="workflow",
            place=self.instance,
            hint=f"its workflows: {there}",
        )

    @property
    def concurrency(self) -> int | None:
        """How many executions of the instance may run at once, None for any number."""
        limit = self.limits.get("concurrency")
        return limit if isinstance(limit, int) else None


@dataclass(frozen=True, slots=True)
class Known:
    """What was read before, by organization and name of the instance. For one event loop or thread."""

    _by_name: OrderedDict[tuple[str, str], Serving] = field(default_factory=OrderedDict)

    def get(self, organization: str, name: str) -> Serving | None:
        """What served the instance when it was read; perhaps no longer."""
        return self._by_name.get((organization, name))

    def put(self, serving: Serving) -> None:
        """Keep it in the place of what was known before."""
        self._by_name[serving.organization, serving.instance] = serving
        if len(self._by_name) > KEPT:
            self._by_name.popitem(last=False)


def serving_of(connection: sa.Connection, organization: str, name: str) -> Serving:
    """What serves the instance now. Raises `CasewayError`: `not-found`, `not-deployed`, `not-active`."""
    instance = the_instance(connection, organization, name)
    deployment = attempts.current(connection, instance.id)
    if deployment is None:
        raise CasewayError(
            f"nothing is deployed for {name}",
            code="not-deployed",
            place=name,
            hint=instance.failed or "see `caseway instance get`, then apply or deploy again",
        )
    if not is_running(instance.phase):
        raise CasewayError(
            f"{name} is {instance.phase}: it answers no triggers",
            code="not-active",
            place=name,
            hint=_mend(instance),
        )
    known = deployed(raw(connection), deployment.id)
    return Serving(
        organization=instance.organization,
        instance_id=instance.id,
        instance=instance.name,
        process=instance.process,
        stage=instance.stage,
        deployment_id=deployment.id,
        version=deployment.version,
        template_digest=deployment.template_digest,
        has_secrets=known.has_secrets,
        workflows=tuple(
            Served(row.workflow, row.digest, row.settings)
            for row in attempts.workflows_of(connection, deployment.id)
        ),
        limits=known.limits,
    )


def serving_no_more(platform: Platform, deployed: Collection[str]) -> set[str]:
    """Which of these deployments (their ids) serve nobody any more."""
    if not deployed:
        return set()
    query = (
        sa.select(current_deployments.c.deployment_id)
        .join(instances, instances.c.id == current_deployments.c.instance_id)
        .where(
            current_deployments.c.deployment_id.in_(list(deployed)),
            instances.c.phase == InstancePhase.ACTIVE,
            instances.c.tombstone == "",
        )
    )
    with platform.database.reading() as connection:
        return set(deployed) - set(connection.scalars(query))


def _mend(instance: Row) -> str:
    if instance.missing:
        return f"set the credential for {', '.join(instance.missing)}"
    if instance.auto_paused_by:
        return f"stage {instance.auto_paused_by} runs instead"
    return "resume it, or restore it from the archive"
