"""Deploying by hand: which template an instance gets without a plan, and under which inputs digest."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import DeploymentStatus, TemplateStatus
from caseway.platform import attempts, lease, templates
from caseway.platform.audit import By
from caseway.platform.bundle import Platform
from caseway.platform.deploy import Order, deploy
from caseway.platform.lookup import Row, the_instance
from caseway.platform.previewed import preview_of
from caseway.platform.tables import resources, template_status
from caseway.platform.tables import templates as template_table
from caseway.reconcile.inputs import inputs_digest
from caseway.reconcile.ranges import is_exact, parse_range, version_of
from caseway.reconcile.resources import Digests, of_preview


def redeploy(
    platform: Platform, name: str, by: By, held: lease.Lease, *, version: str = "", reason: str = "deploy"
) -> JsonObject:
    """Deploy `version` to an instance, or without one: what failed last, else what it follows."""
    with platform.database.reading() as connection:
        instance = the_instance(connection, by.organization, name)
        if instance.desired.get("archived"):
            raise CasewayError(
                f"{name} is archived: it cannot be deployed",
                code="illegal-transition",
                place=name,
                hint=f"run `caseway instance restore {name}` first",
            )
        stored = _chosen(connection, instance, version)
        inputs = inputs_digest(instance.desired, stored.body, _digests(connection, instance))
    order = Order(name, stored.digest, inputs, reason, by, held)
    return deploy(platform, order)


def _chosen(connection: sa.Connection, instance: Row, version: str) -> templates.Stored:
    if version:
        return templates.by_version(connection, instance.process_id, version)
    last = attempts.latest(connection, instance.id)
    if last is not None and last.status == DeploymentStatus.FAILED:
        return templates.by_digest(connection, instance.process_id, last.template_digest)
    wanted = str(instance.desired.get("version") or "*")
    if is_exact(wanted):
        return templates.by_version(connection, instance.process_id, wanted)
    found = _followed(connection, instance, wanted)
    if found is None:
        raise CasewayError(
            f"{instance.process} has no version in {wanted} that {instance.name} may run",
            code="not-found",
            place=instance.name,
            hint="name a version: see `caseway process get`",
        )
    return templates.by_version(connection, instance.process_id, found)


def _followed(connection: sa.Connection, instance: Row, wanted: str) -> str | None:
    """The greatest version in the range. An instance that was given a published template once stays in a
    stage of published ones: only the repo may say otherwise."""
    rows = connection.execute(
        sa.select(template_table.c.version, template_table.c.digest, template_status.c.status)
        .join(template_status, template_status.c.template_id == template_table.c.id)
        .where(template_table.c.process_id == instance.process_id)
    ).all()
    serving = attempts.current(connection, instance.id)
    was = {row.digest: row.status for row in rows}.get(serving.template_digest) if serving else None
    is_published = was in {TemplateStatus.PUBLISHED, TemplateStatus.DEPRECATED}
    allowed = parse_range("*" if wanted == "published" else wanted)
    fitting = [
        row.version
        for row in rows
        if allowed.allows(version_of(row.version))
        and (not is_published or row.status == TemplateStatus.PUBLISHED)
    ]
    return max(fitting, key=version_of, default=None)


def _digests(connection: sa.Connection, instance: Row) -> Digests:
    rows = connection.execute(
        sa.select(resources.c.kind, resources.c.name, resources.c.digest)
        .where(resources.c.organization == instance.organization)
        .order_by(sa.func.length(resources.c.name))  # what a preview has of its own comes last, and counts
    ).all()
    preview = preview_of(instance.project)
    ending = of_preview("", preview) if preview else ""
    by_kind = {
        kind: {row.name.removesuffix(ending): row.digest for row in rows if row.kind == kind}
        for kind in ("runtime", "connection")
    }
    return Digests(by_kind["runtime"], by_kind["connection"])
