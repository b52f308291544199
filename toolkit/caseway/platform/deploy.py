"""One attempt to bring an instance to a template, in six timed steps: validate, resolve, render, publish,
switch, retire.

The one rule: no target is called inside a transaction, and what serves now is touched by `switch` alone.
Only the strategy `recreate` stops it before, once nothing but the new version itself can fail; when that
fails, the version before is deployed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json, JsonObject, digest
from caseway.model.errors import CasewayError
from caseway.model.states import InstancePhase
from caseway.platform import attempts, event_starts, lease, rows, slots, templates, timetable
from caseway.platform import body as template_body
from caseway.platform.addresses import refuse_unreadable, triggers_of
from caseway.platform.attempts import MISSING, RETURN, Steps
from caseway.platform.audit import By, note
from caseway.platform.bound_secrets import bound_secrets
from caseway.platform.bundle import Platform
from caseway.platform.exclusive import switch_off_others
from caseway.platform.health_gate import require_health
from caseway.platform.lookup import Row, the_instance
from caseway.platform.parameters import resolve
from caseway.platform.placement import container_of, known_image, named
from caseway.platform.previewed import preview_of, without_schedules
from caseway.platform.steering import tell_targets
from caseway.platform.surroundings import named_resources, surroundings, webhooks
from caseway.platform.tables import deployments, instant
from caseway.platform.target import Rendered, Target
from caseway.platform.undeploy import undeploy
from caseway.reconcile.resources import runtime_of
from caseway.repo import placeholders

NOT_MINE = frozenset({"lease-lost"})  # errors after which this process may write nothing more


@dataclass(frozen=True, slots=True)
class Order:
    """Which template an instance shall run; `digest` is the template's, `inputs_digest` the planner's."""

    instance: str
    digest: str
    inputs_digest: str
    reason: str
    by: By
    held: lease.Lease


@dataclass(frozen=True, slots=True)
class _Subject:
    """What the attempt starts from, read in one transaction."""

    id: str
    instance: Row
    template: templates.Stored
    serving: Row | None
    schema_before: JsonObject | None
    target: Target

    @property
    def stops_first(self) -> bool:
        """True when what serves now is stopped before the new version goes live."""
        return self.serving is not None and template_body.strategy(self.template.body) == "recreate"


@dataclass(frozen=True, slots=True)
class _Ready:
    """What the attempt will put live."""

    rendered: tuple[Rendered, ...]
    inputs: Mapping[str, Any]
    warnings: tuple[str, ...]
    result: Mapping[str, Any]


def deploy(platform: Platform, order: Order) -> JsonObject:
    """Deploy, and give the attempt's result. A failure is recorded, leaves what served before, and is raised:
    `missing-integration`, the errors of `parameters.resolve`, `placeholder`, `connection-missing`,
    `no-such-target`, or the target's own."""
    subject = _begin(platform, order)
    platform.on_boundary("deploy:begun")
    steps = Steps(subject.id, platform.clock)
    is_stopped = False
    try:
        ready = _prepare(platform, order, subject, steps)
        if subject.stops_first:
            is_stopped = undeploy(platform, order.instance, order.by, order.held)
            platform.on_boundary("deploy:stopped")
        live_ids = _publish(platform, subject, ready, steps)
        platform.on_boundary("deploy:published")
        stray = _strays(subject, live_ids)
        _switch(platform, order, (subject, ready, steps), live_ids, is_last=not stray)
    except CasewayError as error:
        if error.code not in NOT_MINE:
            _fail(platform, order, subject, steps, error)
            if is_stopped:
                _return(platform, order, subject)
        raise
    platform.on_boundary("deploy:switched")
    if stray:
        _retire(platform, order, subject, steps, stray)
    return ready.result


def _begin(platform: Platform, order: Order) -> _Subject:
    with platform.database.transaction() as connection:
        lease.confirm(connection, order.held, platform.clock())
        instance = the_instance(connection, order.by.organization, order.instance)
        template = templates.by_digest(connection, instance.process_id, order.digest)
        target = platform.target(template_body.target(template.body))
        serving = attempts.current(connection, instance.id)
        subject = _Subject(
            platform.ids(),
            instance,
            template,
            serving,
            _schema_of(connection, instance, template, serving),
            target,
        )
        made = {
            "id": subject.id,
            "instance_id": instance.id,
            "template_id": template.id,
            "version": template.version,
            "template_digest": template.digest,
            "inputs_digest": order.inputs_digest,
            "target": target.name,
            "reason": order.reason,
            "token": order.held.token,
            "actor": order.by.actor,
            "commit": order.by.commit,
            "started_at": platform.clock(),
        }
        attempts.begin(connection, made, None if subject.stops_first else serving)
    return subject


def _schema_of(
    connection: sa.Connection, instance: Row, template: templates.Stored, serving: Row | None
) -> JsonObject | None:
    """The parameter schema of what serves now: None when nothing does."""
    if serving is None:
        return None
    if serving.template_digest == template.digest:
        return template_body.parameters(template.body)
    before = templates.by_digest(connection, instance.process_id, serving.template_digest)
    return template_body.parameters(before.body)


def _prepare(platform: Platform, order: Order, subject: _Subject, steps: Steps) -> _Ready:
    instance, body = subject.instance, subject.template.body
    with steps.step("validate"), platform.database.reading() as connection:
        bound, missing = slots.bind(connection, instance, body, platform.clock())
        if missing:
            raise _missing(instance.name, missing)
        preview = preview_of(instance.project)
        found = named_resources(connection, order.by.organization, body, place=instance.name, preview=preview)
        around = surroundings(instance, body, bound, found, base_url=platform.base_url)
        given = _given(instance, around)
        resolved = resolve(template_body.parameters(body), given, subject.schema_before, place=instance.name)
    with steps.step("resolve", "; ".join(resolved.warnings)):
        asked = {**template_body.resources(body), **(instance.desired.get("resources") or {})}
        inputs = {"parameters": resolved.values, "credentials": bound, "resources": asked}
        with platform.database.reading() as connection:
            asked_for = container_of(connection, instance, body, asked)
        container = named(known_image(platform, asked_for), instance.organization, subject.id)
        context = {**around, "params": resolved.values}
    with steps.step("render"):
        rendered = tuple(_render(instance, part, context) for part in template_body.parts(body))
    result = {**_result(platform, subject, inputs), "container": container}
    return _Ready(rendered, inputs, resolved.warnings, result)


def _publish(platform: Platform, subject: _Subject, ready: _Ready, steps: Steps) -> Mapping[str, str]:
    """Put the new version beside the old one, and ask whether it is well before anybody calls it; what is not
    is taken away again."""
    with steps.step("publish", f"{len(ready.rendered)} workflows to {subject.target.name}"):
        live_ids = subject.target.publish(ready.rendered)
        declared = template_body.health(subject.template.body)
        secrets = bound_secrets(platform, ready.inputs["credentials"])
        try:
            require_health(platform.check, declared, ready.rendered, secrets)
        except CasewayError:
            before = _live_before(platform, subject)
            subject.target.retire([item for item in live_ids.values() if item not in before])
            raise
    return live_ids


def _live_before(platform: Platform, subject: _Subject) -> set[str]:
    """What serves now is never taken away, though the new version may hold a workflow unchanged."""
    with platform.database.reading() as connection:
        serving = attempts.current(connection, subject.instance.id)
        if serving is None:
            return set()
        return {row.live_id for row in attempts.workflows_of(connection, serving.id)}


def _return(platform: Platform, order: Order, subject: _Subject) -> None:
    """Deploy the version that was stopped for one that failed."""
    before = subject.serving
    assert before is not None  # something was stopped
    deploy(
        platform,
        replace(order, digest=before.template_digest, inputs_digest=before.inputs_digest, reason=RETURN),
    )


def _given(instance: Row, around: JsonObject) -> JsonObject:
    """The instance's parameters, its own placeholders resolved: they may name anything but parameters."""
    try:
        given = placeholders.render(instance.desired.get("parameters") or {}, around)
    except placeholders.PlaceholderError as error:
        place = f"{instance.name}/parameters{error.pointer}"
        raise CasewayError(str(error), code="placeholder", place=place, hint=error.hint) from error
    assert isinstance(given, Mapping)  # rendering keeps the shape
    return given


def _render(instance: Row, part: template_body.Part, context: JsonObject) -> Rendered:
    try:
        document = placeholders.render(part.document, context)
        settings = placeholders.render(part.settings, context)
    except placeholders.PlaceholderError as error:
        raise CasewayError(
            f"workflow {part.id}: {error}", code="placeholder", place=f"{instance.name}/{part.id}"
        ) from error
    assert isinstance(document, Mapping) and isinstance(settings, Mapping)  # rendering keeps the shape
    if preview_of(instance.project):
        settings = without_schedules(settings)
    for trigger in template_body.Part(part.id, document, settings).triggers:
        refuse_unreadable(trigger, f"{instance.name}/{part.id}")
    if document != part.document:
        _refuse_broken(instance.name, part.id, document)
    return Rendered(instance.id, instance.name, part.id, digest(document), document, settings)


def _refuse_broken(instance: str, workflow: str, document: JsonObject) -> None:
    """A value may have turned a sound expression into nonsense: ask the interpreter before it goes live."""
    if "do" not in document:
        return  # not a document of the DSL: its target knows it
    from caseway_runner import problems  # noqa: PLC0415 - loads only for workflows with values

    found = next((each for each in problems(document) if each.severity == "error"), None)
    if found is not None:
        raise CasewayError(
            f"workflow {workflow} does not hold with its values: {found.message}",
            code="rendered-workflow",
            place=f"{instance}/{workflow}{found.pointer}",
            hint=found.hint,
        )


def _strays(subject: _Subject, live_ids: Mapping[str, str]) -> list[str]:
    """What the target holds for the instance besides what goes live now: old versions, traces of crashes."""
    wanted = set(live_ids.values())
    return [item.live_id for item in subject.target.live(subject.instance.id) if item.live_id not in wanted]


def _switch(
    platform: Platform,
    order: Order,
    work: tuple[_Subject, _Ready, Steps],
    live_ids: Mapping[str, str],
    *,
    is_last: bool,
) -> None:
    """Move the pointer, and with it everything that follows from what is deployed, in one transaction."""
    subject, ready, steps = work
    began = platform.clock()
    with platform.database.transaction() as connection:
        lease.confirm(connection, order.held, began)
        instance = the_instance(connection, order.by.organization, order.instance)
        attempts.switch(
            connection,
            subject.id,
            instance.id,
            inputs=ready.inputs,
            warnings=list(ready.warnings),
            result=ready.result,
            ended_at=began if is_last else None,
        )
        phase = instance.phase
        if phase != InstancePhase.ACTIVE:  # what was missing, failed or undeployed is not any more
            phase = rows.settle(connection, instance, began, missing=[], failed="")
        is_running = rows.is_running(phase)
        attempts.keep_definitions(connection, ready.rendered)
        attempts.record_workflows(connection, subject.id, ready.rendered, live_ids, active=is_running)
        others = switch_off_others(connection, instance, order.by) if is_running else []
        if not subject.target.fires_schedules:
            timetable.sync(connection, instance.id, ready.rendered, is_enabled=is_running, now=began)
            event_starts.sync(connection, instance, ready.rendered)
        steps.done("switch", began, "done")
        if is_last:
            steps.done("retire", platform.clock(), "done", "nothing to retire")
        steps.write(connection)
        _note(connection, order, subject, ready.result)
        platform.on_boundary("deploy:inside-switch")
    subject.target.activate(list(live_ids.values()), active=is_running)
    for name in others:
        tell_targets(platform, order.by.organization, name)


def _retire(platform: Platform, order: Order, subject: _Subject, steps: Steps, stray: list[str]) -> None:
    """Take the old version away. When the target refuses, the new one serves all the same and the rest shows
    as drift."""
    try:
        with steps.step("retire", f"{len(stray)} workflows"):
            subject.target.retire(stray)
    except CasewayError as error:
        if error.code in NOT_MINE:
            raise
    platform.on_boundary("deploy:retired")
    with platform.database.transaction() as connection:
        lease.confirm(connection, order.held, platform.clock())
        steps.write(connection)
        connection.execute(
            sa.update(deployments).where(deployments.c.id == subject.id).values(ended_at=platform.clock())
        )


def _fail(platform: Platform, order: Order, subject: _Subject, steps: Steps, error: CasewayError) -> None:
    now = platform.clock()
    with platform.database.transaction() as connection:
        lease.confirm(connection, order.held, now)
        instance = the_instance(connection, order.by.organization, order.instance)
        missing = error.place.split(",") if error.code == MISSING else []
        attempts.fail(connection, subject.id, error, now, {"missing": missing})
        steps.write(connection)
        if subject.serving is None:
            failed = "" if missing else error.message
            rows.settle(connection, instance, now, missing=missing, failed=failed)
        note(
            connection,
            order.by,
            ("deploy-failed", "deployment", order.instance),
            after={"version": subject.template.version, "code": error.code, "error": error.message},
        )


def _note(connection: sa.Connection, order: Order, subject: _Subject, result: Mapping[str, Json]) -> None:
    before = {"version": subject.serving.version} if subject.serving is not None else None
    after = {"version": subject.template.version, "deployment": result["deploymentId"]}
    note(connection, order.by, (order.reason, "deployment", order.instance), before=before, after=after)


def _missing(instance: str, missing: list[str]) -> CasewayError:
    return CasewayError(
        f"{instance} needs credential {', '.join(missing)}",
        code=MISSING,
        place=",".join(missing),
        hint="store it with `caseway credential set`: the instance then goes live by itself",
    )


def _result(platform: Platform, subject: _Subject, inputs: Mapping[str, Any]) -> dict[str, Any]:
    instance = subject.instance
    return {
        "instanceId": instance.id,
        "deploymentId": subject.id,
        "version": subject.template.version,
        "revision": subject.template.revision,
        "templateDigest": subject.template.digest,
        "target": subject.target.name,
        "runtime": runtime_of(subject.template.body),
        "resources": dict(inputs["resources"]),
        "namespace": instance.organization,
        "name": instance.name,
        "worker": platform.holder,
        "webhooks": webhooks(instance.id, subject.template.body, platform.base_url),
        "triggers": triggers_of(instance.id, subject.template.body, platform.base_url),
        "deployedAt": instant(platform.clock()),
    }
