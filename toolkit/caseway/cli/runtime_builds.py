"""Builds runtimes of the platform for the commands of `caseway runtime`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from caseway.cli.output import clean, print_json, say
from caseway.cli.runtime_text import build_facts
from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.platform.building import BuildRequest
from caseway.platform.runtimes import RuntimeView, build, list_runtimes, read_body

if TYPE_CHECKING:
    from caseway.platform.compose import Platform


def the_runtime(platform: Platform, organization: str, name: str) -> RuntimeView:
    """The runtime of that name; raises `CasewayError` (`no-such-runtime`)."""
    found = {view.name: view for view in list_runtimes(platform, organization)}
    if name not in found:
        raise CasewayError(
            f"there is no runtime '{name}'",
            code="no-such-runtime",
            place=name,
            hint=f"known: {', '.join(sorted(found)) or 'none'}; 'caseway apply' brings those of the project",
        )
    return found[name]


def freshness_of(platform: Platform, organization: str, view: RuntimeView) -> str:
    """`current`, `outdated`, `never built`, or `unknown` when no engine answers."""
    if view.build is None:
        return "never built"
    from caseway.cli.engine import open_engine
    from caseway.cli.runtime_images import spec_of
    from caseway.containers.builds import freshness

    spec = spec_of(view.name, organization, read_body(platform, organization, view.name))
    try:
        with open_engine() as engine:
            return freshness(engine, spec, view.build.inputs)
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
        print_json(build_facts(built))
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
