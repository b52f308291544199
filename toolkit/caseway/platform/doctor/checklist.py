"""The production checklist of an instance, from what is so now: before deploying, deploying, afterwards.

Rule: only what the platform can see is ticked; what only people can know is not on the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform import attempts, slots
from caseway.platform import body as template_body
from caseway.platform.bundle import Platform
from caseway.platform.doctor.finding import ERROR, OK, SKIPPED, WARNING, Finding
from caseway.platform.instance_views import InstanceView
from caseway.platform.lookup import Row, the_instance
from caseway.platform.placement import container_of
from caseway.platform.previewed import preview_of
from caseway.platform.surroundings import named_resources
from caseway.platform.tables import credentials, executions, instances, schedules, spans
from caseway.platform.templates import by_digest
from caseway.reconcile.resources import connections_of

RECENT = timedelta(days=30)


def checklist(platform: Platform, organization: str, view: InstanceView) -> Iterator[Finding]:
    """Every item, in the order of the work; `ok` is done, `skipped` does not apply. Of an instance that
    nothing serves yet, what its latest attempt was to put live is judged."""
    with platform.database.reading() as connection:
        row = the_instance(connection, organization, view.name)
        serving = attempts.current(connection, row.id)
        attempt = serving or attempts.latest(connection, row.id)
        if attempt is not None:
            body = by_digest(connection, row.process_id, attempt.template_digest).body
            yield _tried(connection, organization, view, attempt)
            yield from _ready(connection, row, body, platform)
            yield _error_handling(body)
            yield _bounded(body)
        if serving is None:
            yield Finding("deployed", ERROR, "nothing serves", f"caseway instance deploy {view.name}")
            return
        yield Finding("deployed", OK if view.phase == "active" else ERROR, f"{view.version}, {view.phase}")
        yield _webhook(platform, view)
        yield _scheduled(connection, row.id)
        yield from _executed(connection, view, platform)


def _ready(connection: sa.Connection, row: Row, body: JsonObject, platform: Platform) -> Iterator[Finding]:
    """What the version needs around it: credentials, connections and models, an image, resources."""
    bound, missing = slots.bind(connection, row, body, platform.clock())
    yield _credentials(connection, bound, missing)
    yield _connections(connection, row, body)
    yield _image(connection, row, body)
    yield _resources(row, body)


def _tried(connection: sa.Connection, organization: str, view: InstanceView, attempt: Row) -> Finding:
    """Whether this version ran to its end in another stage."""
    found = connection.scalar(
        sa.select(executions.c.stage)
        .join(instances, instances.c.id == executions.c.instance_id)
        .where(
            executions.c.organization == organization,
            executions.c.process == view.process,
            executions.c.template_digest == attempt.template_digest,
            executions.c.stage != view.stage,
            executions.c.status == "completed",
        )
        .limit(1)
    )
    if found:
        return Finding("tried in another stage", OK, f"{attempt.version} completed in {found}")
    return Finding(
        "tried in another stage",
        WARNING,
        f"{attempt.version} has completed nowhere else",
        "run it in dev first",
    )


def _credentials(connection: sa.Connection, bound: Mapping[str, Any], missing: list[str]) -> Finding:
    """Whether they are there, and what the last try of each said."""
    if missing:
        names = ", ".join(missing)
        return Finding("credentials", ERROR, f"missing: {names}", "store them with 'caseway credential set'")
    if not bound:
        return Finding("credentials", SKIPPED, "it needs none")
    ids = [item["id"] for item in bound.values()]
    query = sa.select(credentials.c.name, credentials.c.checked).where(credentials.c.id.in_(ids))
    rows = connection.execute(query.order_by(credentials.c.name)).all()
    refused = [row.name for row in rows if row.checked and row.checked.get("ok") is False]
    untried = [row.name for row in rows if not row.checked]
    if refused:
        hint = f"'caseway credential test {refused[0]}' says why"
        return Finding("credentials", ERROR, f"refused when tried: {', '.join(refused)}", hint)
    if untried:
        hint = f"'caseway credential test {untried[0]}' tries it"
        return Finding("credentials", WARNING, f"there, but never tried: {', '.join(untried)}", hint)
    return Finding("credentials", OK, "all that are required are there and were accepted")


def _connections(connection: sa.Connection, row: Row, body: JsonObject) -> Finding:
    """Data sources, add-ons and models: each is declared."""
    wanted = connections_of(body)
    if not wanted:
        return Finding("connections and models", SKIPPED, "it uses none")
    preview = preview_of(row.project)
    try:
        named_resources(connection, row.organization, body, place=row.name, preview=preview)
    except CasewayError as error:
        return Finding("connections and models", ERROR, error.message, error.hint)
    return Finding("connections and models", OK, ", ".join(wanted))


def _image(connection: sa.Connection, row: Row, body: JsonObject) -> Finding:
    try:
        made = container_of(connection, row, body, template_body.resources(body))
    except CasewayError as error:
        return Finding("runtime image", ERROR, error.message, error.hint)
    if made is None:
        return Finding("runtime image", SKIPPED, "it runs in the worker's process")
    return Finding("runtime image", OK, str(made["image"]))


def _resources(row: Row, body: JsonObject) -> Finding:
    """What it may take up, declared or the defaults; a process of the worker is not held to them."""
    given = {**template_body.resources(body), **(row.desired.get("resources") or {})}
    words = ", ".join(f"{name} {value}" for name, value in sorted(given.items()) if value is not None)
    if not given:
        return Finding(
            "resources", WARNING, "nothing is said: the defaults hold", "set resources in usecase.yaml"
        )
    return Finding("resources", OK, words)


def _error_handling(body: JsonObject) -> Finding:
    handled = [part.id for part in template_body.parts(body) if _has(part.document, "catch")]
    if handled:
        return Finding("errors are handled", OK, f"in {', '.join(handled)}")
    return Finding(
        "errors are handled", WARNING, "no workflow catches an error", "put what may fail into a try"
    )


def _bounded(body: JsonObject) -> Finding:
    limits = template_body.limits(body)
    if limits.get("timeout"):
        return Finding("bounded in time", OK, f"timeout {limits['timeout']}")
    return Finding("bounded in time", WARNING, "executions may run for ever", "set limits.timeout")


def _webhook(platform: Platform, view: InstanceView) -> Finding:
    urls = [
        str(trigger.get("url") or "")
        for workflow in view.workflows
        for trigger in workflow.triggers
        if trigger.get("type") == "http"
    ]
    if not urls:
        return Finding("webhook URL", SKIPPED, "no HTTP trigger")
    if not platform.base_url:
        return Finding("webhook URL", WARNING, f"{urls[0]} without a host", "set CASEWAY_BASE_URL")
    return Finding("webhook URL", OK, ", ".join(urls))


def _scheduled(connection: sa.Connection, instance_id: str) -> Finding:
    query = sa.select(schedules.c.is_enabled, schedules.c.next_at).where(
        schedules.c.instance_id == instance_id, schedules.c.kind != "queue"
    )
    rows = connection.execute(query).all()
    if not rows:
        return Finding("schedule", SKIPPED, "no schedule trigger")
    coming = [row.next_at for row in rows if row.is_enabled and row.next_at]
    if len(coming) < len(rows):
        return Finding("schedule", WARNING, f"{len(rows) - len(coming)} of {len(rows)} will not fire")
    return Finding("schedule", OK, f"next at {min(coming):%Y-%m-%d %H:%M} UTC")


def _executed(connection: sa.Connection, view: InstanceView, platform: Platform) -> Iterator[Finding]:
    rows = connection.execute(
        sa.select(executions.c.id, executions.c.status, executions.c.started_at, executions.c.ended_at)
        .where(
            executions.c.instance_id == view.id,
            executions.c.version == view.version,
            executions.c.ended_at > platform.clock() - RECENT,
        )
        .order_by(executions.c.created_at.desc())
        .limit(200)
    ).all()
    completed = [row for row in rows if row.status == "completed"]
    if not completed:
        hint = f"caseway trigger {view.name}"
        yield Finding("first execution", ERROR, f"none of {view.version} has completed yet", hint)
        return
    yield Finding("first execution", OK, f"{len(completed)} of {len(rows)} completed")
    is_traced = connection.scalar(
        sa.select(sa.func.count()).select_from(spans).where(spans.c.execution_id == completed[0].id)
    )
    yield Finding(
        "trace",
        OK if is_traced else WARNING,
        f"{is_traced} spans of the latest" if is_traced else "not folded yet",
        "" if is_traced else "a worker folds it within seconds: caseway serve worker",
    )
    yield _failures(rows, view)
    times = sorted((row.ended_at - row.started_at).total_seconds() for row in completed if row.started_at)
    if times:
        yield Finding(
            "execution time", OK, f"median {times[len(times) // 2]:.2f} s, longest {times[-1]:.2f} s"
        )


def _failures(rows: Sequence[Any], view: InstanceView) -> Finding:
    """Whether errors stay what they should be: exceptions."""
    faulted = sum(row.status == "faulted" for row in rows)
    words = f"{faulted} of {len(rows)} faulted"
    if faulted * 10 <= len(rows):
        return Finding("failures", OK, words)
    hint = f"caseway executions list --instance {view.name} --status faulted"
    return Finding("failures", WARNING, f"{words}: more than one in ten", hint)


def _has(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_has(each, key) for each in value.values())
    return isinstance(value, list) and any(_has(each, key) for each in value)
