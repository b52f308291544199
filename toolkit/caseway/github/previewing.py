"""Previews of pull requests: up, stale when the newest commit is broken, down; and what the forge shows.

Rule: the platform first, then the forge, so that no page promises what is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from caseway.delivery.preview import PreviewRequest, preview_down, preview_stale, preview_up
from caseway.github.forge import State
from caseway.github.report import Address, Part, PreviewView, Report, Version, counted
from caseway.github.tell import deployment, retired
from caseway.github.work import Project, World
from caseway.model.errors import CasewayError
from caseway.operations.client import Client
from caseway.reconcile.preview import touched


def up(report: Report, project: Project, client: Client, world: World) -> Report:
    """The report with the preview brought to this commit."""
    request, run = report.event.pull_request, report.event.run
    preview = report.job.preview
    if project.base is not None and not touched(project.base, project.desired):
        return _untouched(report, project, client, world)
    report = deployment(world.audience, report, State.RUNNING, preview=preview)
    if project.base is None:
        remark = "the checkout does not hold what the pull request starts from (fetch-depth: 2 does), so the "
        remark += "preview has everything that differs from the platform"
        report = replace(report, remarks=(*report.remarks, remark))
    asked = PreviewRequest(
        id=preview,
        head=project.desired,
        base=project.base,
        ref=request.head_ref if request else report.event.ref,
        link=run.url,
        sequence=run.number,
    )
    try:
        with world.clockwork.timed("preview"):
            made = world.clockwork.patiently(lambda: preview_up(client, asked))
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


def _untouched(report: Report, project: Project, client: Client, world: World) -> Report:
    """The report of a change that no use case notices: it has no preview, whatever an earlier commit had."""
    with world.clockwork.timed("preview"):
        _gone(client, project, report.job.preview, world)
    return retired(world.audience, report, preview=report.job.preview)


def stale(report: Report, projects: Sequence[Project], world: World) -> Report:
    """The report of a commit with errors: the preview of the last good commit stays, and says so."""
    first = report.errors[0]
    error = f"{first.file}:{first.line}: {first.message}"
    for project in projects:
        with world.connect(project.folder, project.desired.organization, False) as client:
            made = preview_stale(client, project.desired.project, report.job.preview, error)
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
            gone = _gone(client, project, preview, world)
        part = Part(project.desired.project, preview=_view(gone))
        report = replace(report, parts=(*report.parts, part))
    return retired(world.audience, report, preview=preview)


def _gone(client: Client, project: Project, preview: str, world: World) -> Mapping[str, Any]:
    """The preview, taken away; one that a platform never had is gone already."""
    return world.clockwork.patiently(lambda: preview_down(client, project.desired.project, preview))


def _joined(parts: Sequence[Part], shown: Part) -> Part:
    """The plan's part with the preview in it."""
    return replace(parts[0], preview=shown.preview) if parts else shown


def _view(preview: Mapping[str, Any]) -> PreviewView:
    """The preview that the platform answered with, as a pull request shows it."""
    placed = [(each, instance) for each in preview["useCases"] for instance in each["instances"]]
    until = str(preview.get("expiresAt") or "")
    return PreviewView(
        id=preview["id"],
        status=preview["status"],
        expires=f"{until[:16].replace('T', ' ')} UTC" if until else "",
        error=preview.get("error") or "",
        versions=tuple(
            Version(each["useCase"], each["version"], "", each["reason"])
            for each in preview["useCases"]
            if each["isNew"]
        ),
        addresses=tuple(
            _address(instance["name"], workflow["id"], trigger)
            for _, instance in placed
            for workflow in instance["workflows"]
            for trigger in workflow["triggers"]
            if trigger.get("type") == "http" and trigger.get("url")
        ),
        instances=tuple(instance["name"] for _, instance in placed),
    )


def _address(instance: str, workflow: str, trigger: Any) -> Address:
    return Address(
        instance,
        workflow,
        url=str(trigger["url"]),
        method=str(trigger.get("method") or "POST").upper(),
        needs_key=str(trigger.get("auth") or "key") != "none",
    )
