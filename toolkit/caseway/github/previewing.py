"""Previews of pull requests: up, stale when the newest commit is broken, down; and what the forge shows.

Rule: the platform first, then the forge, so that no page promises what is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from caseway.github.forge import State
from caseway.github.report import Address, Part, PreviewView, Report, Version, counted
from caseway.github.tell import deployment, retired
from caseway.github.work import Project, World
from caseway.model.errors import CasewayError
from caseway.operations.client import Client
from caseway.operations.local_client import LocalClient
from caseway.platform import previews
from caseway.platform.bundle import Platform
from caseway.platform.previews import Preview, PreviewOrder
from caseway.reconcile.preview import touched


def up(report: Report, project: Project, client: Client, world: World) -> Report:
    """The report with the preview brought to this commit."""
    request, run = report.event.pull_request, report.event.run
    preview = report.job.preview
    report = deployment(world.audience, report, State.RUNNING, preview=preview)
    order = PreviewOrder(
        id=preview,
        head=project.desired,
        use_cases=tuple(sorted(touched(project.base, project.desired))) if project.base else None,
        ref=request.head_ref if request else report.event.ref,
        link=run.url,
        sequence=run.number,
    )
    try:
        with world.clockwork.timed("preview"):
            made = _up(client, order, world)
    except CasewayError as error:
        deployment(world.audience, report, State.FAILURE, preview=preview, text=error.message)
        raise
    view = _view(made)
    shown = Part(project.desired.project, preview=view)
    report = replace(report, parts=(*report.parts[:-1], _joined(report.parts[-1:], shown)))
    state = State.FAILURE if view.error else State.SUCCESS
    url = next((each.url for each in view.addresses), "")
    text = view.error or counted(len(view.instances), "instance")
    return deployment(world.audience, report, state, preview=preview, url=url, text=text)


def stale(report: Report, projects: Sequence[Project], world: World) -> Report:
    """The report of a commit with errors: the preview of the last good commit stays, and says so."""
    first = report.errors[0]
    error = f"{first.file}:{first.line}: {first.message}"
    for project in projects:
        with world.connect(project.folder, project.desired.organization, False) as client:
            made = _stale(client, project, report.job.preview, error)
        if made is not None:
            view = replace(_view(made), error="")
            report = replace(report, parts=(*report.parts, Part(project.desired.project, preview=view)))
    return report


def down(report: Report, projects: Sequence[Project], world: World) -> Report:
    """The report with the preview taken away from the platform, then from the forge."""
    preview = report.job.preview
    if not projects:
        raise CasewayError(
            f"nothing says which project preview {preview!r} belongs to",
            code="no-project",
            hint="'caseway preview gc' takes away what is overdue",
        )
    for project in projects:
        with (
            world.clockwork.timed("preview"),
            world.connect(project.folder, project.desired.organization, False) as client,
        ):
            gone = _down(client, project, preview, world)
        part = Part(project.desired.project, preview=_view(gone))
        report = replace(report, parts=(*report.parts, part))
    return retired(world.audience, report, preview=preview)


def _up(client: Client, order: PreviewOrder, world: World) -> Preview:
    platform = _platform(client)
    return previews.up(
        platform, order, actor=_actor(client), on_progress=world.on_progress, pause=world.clockwork.sleep
    )


def _stale(client: Client, project: Project, preview: str, error: str) -> Preview | None:
    desired = project.desired
    return previews.stale(_platform(client), desired.organization, desired.project, preview, error=error)


def _down(client: Client, project: Project, preview: str, world: World) -> Preview:
    desired = project.desired
    return previews.down(
        _platform(client),
        desired.organization,
        desired.project,
        preview,
        actor=_actor(client),
        pause=world.clockwork.sleep,
    )


def _platform(client: Client) -> Platform:
    assert isinstance(client, LocalClient)
    return client.platform


def _actor(client: Client) -> str:
    assert isinstance(client, LocalClient)
    return client.caller.name


def _joined(parts: Sequence[Part], shown: Part) -> Part:
    """The plan's part with the preview in it."""
    return replace(parts[0], preview=shown.preview) if parts else shown


def _view(preview: Preview) -> PreviewView:
    return PreviewView(
        id=preview.id,
        status=preview.status,
        expires=preview.expires_at[:16].replace("T", " ") + (" UTC" if preview.expires_at else ""),
        error=preview.error,
        versions=tuple(
            Version(each.use_case, each.version, "", each.reason) for each in preview.use_cases if each.is_new
        ),
        addresses=tuple(
            _address(instance.name, workflow.id, trigger)
            for each in preview.use_cases
            for instance in each.instances
            for workflow in instance.workflows
            for trigger in workflow.triggers
            if trigger.get("type") == "http" and trigger.get("url")
        ),
        instances=tuple(instance.name for each in preview.use_cases for instance in each.instances),
    )


def _address(instance: str, workflow: str, trigger: Any) -> Address:
    return Address(
        instance,
        workflow,
        url=str(trigger["url"]),
        method=str(trigger.get("method") or "POST").upper(),
        needs_key=str(trigger.get("auth") or "key") != "none",
    )
