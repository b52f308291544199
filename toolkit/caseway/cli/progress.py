"""Shows how an apply goes on: a bar on a terminal, else one line per action. All of it on stderr."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from caseway.cli.output import clean, paint, say

if TYPE_CHECKING:
    from caseway.platform.apply import Progress

BAR_FROM = 30


class Progressing:
    """Takes the platform's progress events: a line per action, or a bar for large plans on a terminal."""

    def __init__(self, total: int, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._has_bar = is_shown and total >= BAR_FROM and sys.stderr.isatty()
        self._total = total
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progressing:
        if self._has_bar:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}", markup=False),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: Progress) -> None:
        """Show one event."""
        if event.event == "started" or not self._is_shown:
            return
        kind = "" if event.action.kind == "deployment" else f" {event.action.kind}"
        name = f"{event.action.verb}{kind} {clean(event.action.name)}"
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=name)
            if event.event == "finished":
                return
        mark, colour = {"finished": ("✓", "green"), "failed": ("✗", "red")}.get(event.event, ("-", "yellow"))
        count = f"[{event.index:>{len(str(event.total))}}/{event.total}]"
        note = f": {clean(event.message)}" if event.message else f" ({event.seconds:.2f}s)"
        if event.event == "skipped":
            note = f" skipped{': ' + clean(event.message) if event.message else ''}"
        line = f"{paint(mark, colour, err=True)} {count} {name}{note}"
        if self._bar is None:
            say(line, err=True)
        else:  # the bar moves out of the way only for what its own console prints
            from rich.text import Text

            self._bar.console.print(Text.from_ansi(line), soft_wrap=True)
