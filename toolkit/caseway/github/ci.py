"""`caseway ci` from the event to the verdict: read, decide, do, tell.

Rule: all of it may be cut off anywhere and run again; what is there already is found, not made twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caseway.delivery.reading import read_project
from caseway.github import previewing
from caseway.github.event import Event
from caseway.github.forge import Forge
from caseway.github.job import Do, Job, Means, Shape, Wish, short, what_to_do
from caseway.github.offline import base_of, base_reading, empty_platform, with_what_came
from caseway.github.report import Part, Report, Trouble
from caseway.github.rest import ForgeError
from caseway.github.tell import announce, conclude
from caseway.github.work import Project, World, applied, drifted, planned
from caseway.model.errors import CasewayError
from caseway.operations.client import PlanOptions
from caseway.repo.read import Reading
from caseway.repo.reports import asks_strict


@dataclass(frozen=True, slots=True)
class Asking:
    """What the caller of this run chose."""

    root: Path
    wish: Wish
    means: Means
    organization: str = ""
    is_strict: bool = False
    prune: bool = False
    allow_mass_delete: bool = False


def run(asking: Asking, event: Event, world: World, remarks: Sequence[str] = ()) -> Report:
    """Do what the event asks for and tell how it went. Errors that the user can mend are in the report."""
    report = Report(event, Job(Do.NOTHING, ""), remarks=tuple(remarks), is_strict=asking.is_strict)
    try:
        if event.name == "pull_request_target":
            job = what_to_do(event, asking.means, Shape())
            report = replace(report, job=job)
            raise CasewayError(job.reason, code="refused", hint="see docs/github-action.md")
        with world.clockwork.timed("validate"):
            reading = with_what_came(read_project(asking.root), event)
        report = _decided(asking, report, reading, world)
        if report.job.do is not Do.NOTHING:
            report = announce(world.audience, report)
            report = _done(asking, report, reading, world)
    except CasewayError as error:
        report = replace(report, trouble=Trouble(error.message, error.hint, error.code))
    except KeyboardInterrupt:  # how runners cancel: there are some seconds left to say so
        conclude(world.audience, replace(report, trouble=Trouble("the run was cancelled", "run it again")))
        raise
    except Exception as error:
        # A bug must not leave the commit "running" for ever: say so, then let it be reported as what it is.
        trouble = Trouble(f"a bug in Caseway: {type(error).__name__}", "the log has a report to send", "bug")
        conclude(world.audience, replace(report, trouble=trouble))
        raise
    report = replace(report, steps=tuple(world.clockwork.steps))
    return conclude(world.audience, report)


def _decided(asking: Asking, report: Report, reading: Reading, world: World) -> Report:
    """The report with what was found and what is to do."""
    report = replace(
        report,
        findings=reading.diagnostics,
        prefix=reading.prefix,
        is_strict=asking.is_strict or asks_strict(reading.projects),
    )
    job = what_to_do(report.event, asking.means, _shape(reading), asking.wish)
    return replace(report, job=_still_wanted(job, report.event, world.audience.forge))


def _shape(reading: Reading) -> Shape:
    """What the first project says: a repository of several has them deploy by the same branches, or runs one
    job for each."""
    if not reading.projects:
        return Shape()
    first = reading.desired[0]
    return Shape(first.stages, first.previews.enabled)


def _still_wanted(job: Job, event: Event, forge: Forge | None) -> Job:
    """Nothing, when the branch has moved on: the run of its newest commit deploys that one. So a late run, or
    an old one that is run again, never takes a stage back."""
    if event.name != "push" or job.do is not Do.APPLY or forge is None or not job.is_trusted:
        return job
    try:
        tip = forge.tip_of(short(event.ref))
    except ForgeError:  # a token that may not look: the platform's own order decides
        return job
    if tip in {"", event.sha, event.before}:  # `before`: the forge has not heard of the push itself yet
        return job
    return Job(Do.NOTHING, f"{short(event.ref)} has moved on to {tip[:12]}, whose own run deploys it")


def _done(asking: Asking, report: Report, reading: Reading, world: World) -> Report:
    """The report with the work done. Content with errors is planned by nobody and deployed nowhere."""
    job = report.job
    projects = _projects(asking, report, reading)
    if job.do is Do.PREVIEW_DOWN:
        return previewing.down(report, projects, world)
    if report.errors:
        return previewing.stale(report, projects, world) if job.do is Do.PREVIEW_UP else report
    if job.do is Do.VALIDATE:
        return report
    for project in projects:
        report = _project(asking, report, world, project)
        if not report.is_ok:
            break
    return report


def _project(asking: Asking, report: Report, world: World, project: Project) -> Report:
    job = report.job
    options = [PlanOptions(stage, asking.prune, asking.allow_mass_delete) for stage in job.stages]
    if not job.is_trusted or (not asking.means.has_platform and job.do in {Do.PLAN, Do.PREVIEW_UP}):
        return _with(report, _offline(world, project, options))
    is_acting = job.do in {Do.APPLY, Do.PROMOTE, Do.PREVIEW_UP}
    with world.connect(project.folder, project.desired.organization, is_acting) as client:
        match job.do:
            case Do.DRIFT:
                with world.clockwork.timed("drift"):
                    return _with(report, [drifted(client, project)])
            case Do.APPLY | Do.PROMOTE:
                for each in options:
                    with world.clockwork.timed("apply"):
                        report = _with(
                            report, [applied(client, project, each, world.clockwork, world.on_progress)]
                        )
                    if not report.is_ok:
                        break
                return report
            case _:
                with world.clockwork.timed("plan"):
                    report = _with(report, planned(client, project, options))
        if job.do is Do.PREVIEW_UP and report.is_ok:
            report = previewing.up(report, project, client, world)
        return report


def _offline(world: World, project: Project, options: Sequence[PlanOptions]) -> list[Part]:
    against = "against what the target branch holds" if project.base else "against nothing at all"
    with (
        world.clockwork.timed("plan"),
        empty_platform(project.desired.organization, project.base) as client,
    ):
        parts = planned(client, project, options, against)
    # An empty platform has no credentials: that instances wait for them says nothing about the change.
    return [replace(part, plan=replace(part.plan, notices=())) for part in parts if part.plan is not None]


def _with(report: Report, parts: Sequence[Part]) -> Report:
    return replace(report, parts=(*report.parts, *parts))


def _projects(asking: Asking, report: Report, reading: Reading) -> list[Project]:
    """The projects that have a name, each with what its pull request starts from."""
    base = base_reading(asking.root, report.event)
    found = []
    for loaded, desired in zip(reading.projects, reading.desired, strict=True):
        named = replace(desired, organization=asking.organization) if asking.organization else desired
        if named.project:
            found.append(Project(reading.root / loaded.root, named, base_of(named, base)))
    return found
