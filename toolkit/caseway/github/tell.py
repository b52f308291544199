"""Tells a report to everybody who waits for it: the runner, the pull request, the commit, later steps.

Rule: a forge that does not listen is remarked upon and never decides how the run ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from caseway.github.console import SUMMARY_LIMIT, Console
from caseway.github.forge import Check, Deployed, Forge, Note, State
from caseway.github.job import Do
from caseway.github.outputs import outputs, plan_json
from caseway.github.page import characters, page, size
from caseway.github.report import Report
from caseway.github.rest import ForgeError

# What a pull request is told of. Its check is about its content alone: an event that is about something else,
# such as a label or its end, leaves the verdict as it is.
COMMENTED = frozenset({Do.VALIDATE, Do.PLAN, Do.PREVIEW_UP, Do.PREVIEW_DOWN})
CHECKED = COMMENTED - {Do.PREVIEW_DOWN}
_SUMMARY_OUTPUT = 30_000  # characters of the output `summary`, which steps pass through their environment


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told. `plan_file` is where the whole plan goes, None when nowhere."""

    console: Console
    forge: Forge | None = None
    plan_file: Path | None = None
    comments: bool = True
    checks: bool = True


def announce(audience: Audience, report: Report) -> Report:
    """Say that the work begins; the report with what could not be said."""
    return _check(audience, report, State.RUNNING, "Running")


def conclude(audience: Audience, report: Report) -> Report:
    """Tell how it ended, everywhere."""
    if audience.comments and report.job.do in COMMENTED:
        report = _comment(audience, report)
    state = State.SUCCESS if report.is_ok else State.FAILURE
    report = _check(audience, report, state, report.headline)
    console = audience.console
    console.annotate(report.findings, report.prefix)
    for remark in report.remarks:
        console.warn(remark)
    if not report.is_ok and not report.errors:  # errors in files stand beside their lines already
        hint = f" ({report.trouble.hint})" if report.trouble and report.trouble.hint else ""
        said = report.trouble.message if report.trouble else report.headline
        console.warn(said + hint, is_error=True)
    _files(audience, report)
    return report


def deployment(
    audience: Audience, report: Report, state: State, *, preview: str, url: str = "", text: str = ""
) -> Report:
    """Tell the forge how the preview's environment stands."""
    deployed = Deployed(environment(preview), report.event.commit, state, url, report.event.run.url, text)
    return _to_forge(audience, report, lambda forge: forge.put_deployment(deployed))


def retired(audience: Audience, report: Report, *, preview: str) -> Report:
    """Tell the forge that the preview is gone."""
    return _to_forge(audience, report, lambda forge: forge.retire(environment(preview)))


def environment(preview: str) -> str:
    """The environment of a preview as forges list it."""
    return f"preview/{preview}"


def _comment(audience: Audience, report: Report) -> Report:
    request = report.event.pull_request
    if request is None:
        return report
    run = report.event.run
    key = "ci-" + hashlib.sha256(report.prefix.encode()).hexdigest()[:12]

    def put(forge: Forge) -> None:
        text = page(report, forge.longest_comment - 200, characters, is_comment=True)
        forge.put_comment(request.number, Note(key, (run.number, run.attempt), text))

    return _to_forge(audience, report, put)


def _check(audience: Audience, report: Report, state: State, title: str) -> Report:
    is_about_content = report.job.do in CHECKED and report.event.pull_request is not None
    if not audience.checks or not is_about_content or not report.event.commit:
        return report
    name = "Caseway" + (f" ({report.prefix.rstrip('/')})" if report.prefix else "")
    is_done = state is not State.RUNNING
    check = Check(
        name=name,
        commit=report.event.commit,
        state=state,
        title=title,
        text=page(report, 60_000, characters) if is_done else "",
        url=report.event.run.url,
        findings=tuple(replace(each, file=report.prefix + each.file) for each in report.findings),
    )
    return _to_forge(audience, report, lambda forge: forge.put_check(check))


def _to_forge(audience: Audience, report: Report, say: Callable[[Forge], object]) -> Report:
    if audience.forge is None or not report.job.is_trusted:
        return report
    try:
        say(audience.forge)
    except ForgeError as error:
        where = f" [{error.place}]" if error.place else ""
        hint = f"; {error.hint}" if error.hint else ""
        return replace(report, remarks=(*report.remarks, f"{error.message}{where}{hint}"))
    return report


def _files(audience: Audience, report: Report) -> None:
    plan_file = ""
    if audience.plan_file is not None and plan_json(report):
        audience.plan_file.write_text(plan_json(report) + "\n", encoding="utf-8", errors="replace")
        plan_file = str(audience.plan_file)
    short = page(report, _SUMMARY_OUTPUT, characters, is_comment=True)
    audience.console.output(outputs(report, short, plan_file))
    audience.console.summarise(page(report, SUMMARY_LIMIT, size))
