"""Hands a pipeline's variables, files and forge to `caseway ci`: its composition root."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from caseway.cli.output import clean
from caseway.cli.session import Session, sqlite_file
from caseway.github.ci import Asking, run
from caseway.github.console import ActionsConsole, Console, PlainConsole, RunnerFiles
from caseway.github.event import Event, read_event
from caseway.github.forges import forge_of
from caseway.github.job import Do, Means, Wish
from caseway.github.report import Report
from caseway.github.tell import Audience
from caseway.github.work import Clockwork, World

if TYPE_CHECKING:
    from caseway.operations.client import Client
    from caseway.platform.apply import Progress


@dataclass(frozen=True, slots=True)
class CiOptions:
    """What the flags of `caseway ci` said."""

    path: Path | None
    do: str
    preview: str
    previews: bool
    comments: bool
    checks: bool
    strict: bool
    prune: bool
    allow_mass_delete: bool


def run_ci(session: Session, options: CiOptions) -> int:
    """The exit code of one run of a pipeline."""
    environment = dict(os.environ)
    event = read_event(environment)
    console = _console(environment, is_json=session.is_json)
    audience = Audience(
        console=console,
        forge=forge_of(environment, _forge_token(environment)),
        plan_file=_plan_file(environment),
        comments=options.comments,
        checks=options.checks,
    )
    world = World(
        connect=lambda folder, organization, is_acting: _connected(
            session, folder, organization, is_acting=is_acting
        ),
        audience=audience,
        clockwork=Clockwork(time.monotonic, time.sleep),
        on_progress=lambda progress: _progress(console, progress),
    )
    asking = Asking(
        root=session.start / options.path if options.path else session.start,
        wish=Wish(options.do, session.settings.stage, options.preview),
        means=Means(has_platform=_has_platform(session, environment), allows_previews=options.previews),
        organization=session.settings.organization,
        is_strict=options.strict,
        prune=options.prune,
        allow_mass_delete=options.allow_mass_delete,
    )
    report = run(asking, event, world, _remarks(session, event))
    _show(session, console, report)
    return 0 if report.is_ok else 1


@contextmanager
def _connected(session: Session, folder: Path, organization: str, *, is_acting: bool) -> Iterator[Client]:
    opened = (
        session.client(folder, organization, create=True)
        if is_acting
        else session.planner(folder, organization)
    )
    with opened as client:
        yield client


def _has_platform(session: Session, environment: Mapping[str, str]) -> bool:
    """Whether there is a platform that outlives the run and that we may speak to."""
    if session.is_remote:
        return bool(environment.get("CASEWAY_TOKEN") or environment.get("ACTIONS_ID_TOKEN_REQUEST_URL"))
    return bool(session.settings.database_url)


def _remarks(session: Session, event: Event) -> list[str]:
    if session.is_remote or session.settings.database_url or event.name not in {"push", "release"}:
        return []
    file = sqlite_file(session.database_url(session.project_root()))
    return [
        f"there is no CASEWAY_SERVER: what is deployed goes to {file.name if file else 'a database'} in the "
        "work tree, and is gone with this runner"
    ]


def _forge_token(environment: Mapping[str, str]) -> str:
    names = ("GITLAB_TOKEN",) if environment.get("GITLAB_CI") == "true" else ("GITHUB_TOKEN",)
    return next((environment[name] for name in names if environment.get(name)), "")


def _console(environment: Mapping[str, str], *, is_json: bool) -> Console:
    stream = sys.stderr if is_json else sys.stdout

    def write(text: str) -> None:
        stream.write(text)
        stream.flush()

    if environment.get("GITLAB_CI") == "true":
        return PlainConsole(write, environment.get("CASEWAY_DOTENV", ""))
    files = RunnerFiles(environment.get("GITHUB_OUTPUT", ""), environment.get("GITHUB_STEP_SUMMARY", ""))
    return ActionsConsole(write, files, lambda: secrets.token_hex(16))


def _plan_file(environment: Mapping[str, str]) -> Path | None:
    folder = environment.get("RUNNER_TEMP", "")
    return Path(folder) / "caseway-plan.json" if folder else None


def _progress(console: Console, progress: Progress) -> None:
    if progress.event in {"finished", "failed", "skipped", "waiting"}:
        words = f"{progress.index}/{progress.total} {progress.event} {progress.action.id}"
        console.say(clean(f"{words}: {progress.message}" if progress.message else words))


def _show(session: Session, console: Console, report: Report) -> None:
    """The log's last words; with --format json the outputs, alone on stdout."""
    from caseway.cli.output import print_json
    from caseway.github.outputs import outputs
    from caseway.reconcile.text import as_text

    for part in report.parts:
        if part.plan is not None and report.job.do not in {Do.APPLY, Do.PROMOTE, Do.PREVIEW_DOWN}:
            console.say(as_text(part.plan))
    console.say(clean(f"{report.headline} ({report.job.reason})" if report.job.reason else report.headline))
    if session.is_json:
        shown = outputs(report, report.headline, "")
        print_json({"ok": report.is_ok, "do": report.job.do.value, "reason": report.job.reason, **shown})
