"""Builds runtimes of the platform for the commands of `caseway runtime`."""

from __future__ import annotations

import sys
from typing import Any

from caseway.cli.output import clean, print_json, say
from caseway.cli.runtime_text import build_facts
from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.operations.shape import facts_of
from caseway.platform.building import BuildRequest
from caseway.platform.runtimes import build, read_body, the_runtime


def freshness_of(session: Session, name: str, inputs: str) -> str:
    """`current`, `outdated`, or `unknown` when the engine that builds is elsewhere or does not answer."""
    if session.is_remote:
        return "unknown"
    from caseway.cli.engine import open_engine
    from caseway.cli.runtime_images import spec_of
    from caseway.containers.builds import freshness

    organization = session.organization()
    with session.platform() as platform:
        spec = spec_of(name, organization, read_body(platform, organization, name))
    try:
        with open_engine() as engine:
            return freshness(engine, spec, inputs)
    except CasewayError:
        return "unknown"


def build_and_show(session: Session, name: str, *, is_fresh: bool) -> int:
    """Build it, showing what the engine says."""
    with session.platform() as platform, _Shown(session) as shown:
        organization = session.organization()
        view = the_runtime(platform, organization, name)
        body = read_body(platform, organization, name)
        request = BuildRequest(organization, name, body, is_fresh)
        built = build(platform, request, view.digest, actor=session.actor(), log=shown.line)
    if session.is_json:
        print_json(build_facts(facts_of(built)))
    else:
        say(f"{built.image} is ready: version {built.version}, {built.size // 1_000_000} MB")
    return 0


class _Shown:
    """The log of a build: a bar with its last line on a terminal, else line by line, on stderr."""

    def __init__(self, session: Session) -> None:
        self._is_silent = not session.is_text
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> _Shown:
        if not self._is_silent and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("building", total=None)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def line(self, text: str) -> None:
        """Show one line."""
        if self._bar is not None:
            self._bar.update(self._task, description=clean(text)[:100])
        elif not self._is_silent:
            say(f"  {clean(text)}", err=True)
