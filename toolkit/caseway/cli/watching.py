"""Watching on a terminal: what became of each save, and where it does not hold."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caseway.cli.output import clean, paint, say
from caseway.cli.session import Session
from caseway.delivery.reading import diagnostic_json

if TYPE_CHECKING:
    from caseway.delivery.watch import Outcome, Watch
    from caseway.operations.client import Client

_SHOWN = 5
_COLOURS = {"live": "green", "unchanged": "bright_black", "invalid": "red", "failed": "red", "held": "yellow"}


def a_watch(session: Session, client: Client, *, takes_over: bool) -> Watch:
    """The watch on the session's project."""
    from caseway.delivery.watch import Watch, WatchRequest

    settings = session.settings
    root = session.project_root().resolve()
    return Watch(client, WatchRequest(root, settings.stage, settings.organization, takes_over))


def watch_until(watch: Watch, root: Path, stop: threading.Event, tell: Callable[[Outcome], None]) -> None:
    """Tell of every save until `stop`, then forget what no longer serves."""
    from caseway.delivery.watch_files import changes

    try:
        for paths in changes(root, stop):
            outcome = watch.changed(paths)
            if outcome is not None:
                tell(outcome)
    except KeyboardInterrupt:
        stop.set()
    finally:
        watch.end()


def say_outcome(outcome: Outcome) -> None:
    """One line for what happened; errors with their places, and what to do."""
    from caseway.repo.reports import render

    if outcome.diagnostics and outcome.status == "invalid":
        errors = [item for item in outcome.diagnostics if item.severity == "error"]
        say(render(errors, "text").rstrip("\n"), err=True)
    words = paint(outcome.status, _COLOURS[outcome.status], bold=True, err=True)
    names = ", ".join(outcome.names[:_SHOWN])
    more = f" and {len(outcome.names) - _SHOWN} more" if len(outcome.names) > _SHOWN else ""
    about = clean(names + more or outcome.message or _USUAL.get(outcome.status, ""))
    say(f"{words} {about} ({outcome.seconds * 1000:.0f} ms)", err=True)
    if outcome.names and outcome.message:
        say(f"  {clean(outcome.message)}", err=True)
    if outcome.hint:
        say(f"  hint: {clean(outcome.hint)}", err=True)


_USUAL = {"invalid": "the version before goes on serving", "unchanged": "nothing to deploy"}


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as a JSON object."""
    return {
        "status": outcome.status,
        "instances": list(outcome.names),
        "message": outcome.message,
        "hint": outcome.hint,
        "seconds": round(outcome.seconds, 4),
        "diagnostics": [diagnostic_json(item) for item in outcome.diagnostics],
    }
