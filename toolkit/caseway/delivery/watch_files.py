"""Hears of files that change below a folder, and tells of them when they have settled.

The one rule: a burst of saves, or git moving to another branch, is told once and as a whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from watchfiles import Change

STEP = 10  # milliseconds without a further change, after which a save is complete
LONGEST = 200  # milliseconds after which a stream of changes is told of though it goes on
QUIET = 150  # milliseconds of quiet after many changes, or while git is at work
MANY = 20  # files: more at once than a hand saves
_NEVER = frozenset((".git", ".caseway", "node_modules", "__pycache__", ".venv"))


def changes(
    root: Path, stop: threading.Event, ready: Callable[[], None] = lambda: None
) -> Iterator[set[Path]]:
    """The files that changed since the last time, as they come, until `stop`. `ready` is called once
    everything from then on is heard of."""
    from watchfiles import watch  # noqa: PLC0415 - a compiled module that only watching needs

    heard = watch(
        root,
        watch_filter=_is_wanted(root),
        debounce=LONGEST,
        step=STEP,
        rust_timeout=QUIET,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=True,
    )
    batches = ({Path(path) for _, path in batch} for batch in _announced(heard, ready))
    yield from settled(batches, lambda: is_at_work(root))


def settled(batches: Iterable[set[Path]], is_busy: Callable[[], bool]) -> Iterator[set[Path]]:
    """What the batches hold, told when nothing more is to be expected: an empty batch means that it was quiet
    for a while, and while `is_busy` nothing is told at all."""
    pending: set[Path] = set()
    for batch in batches:
        pending |= batch
        if not pending or is_busy() or (batch and len(pending) >= MANY):
            continue
        yield pending
        pending = set()


T = TypeVar("T")


def _announced(heard: Iterable[T], ready: Callable[[], None]) -> Iterator[T]:
    is_ready = False
    for batch in heard:
        if not is_ready:
            is_ready = True
            ready()
        yield batch


def _is_wanted(root: Path) -> Callable[[Change, str], bool]:
    top = len(root.parts)

    def is_wanted(_change: Change, path: str) -> bool:
        parts = Path(path).parts[top:]
        return not _NEVER.intersection(parts) and not path.endswith(("~", ".swp", ".swx"))

    return is_wanted


def is_at_work(root: Path) -> bool:
    """Whether git is changing the work tree around `root` just now."""
    for folder in (root, *root.parents):
        if (folder / ".git").is_dir():
            return (folder / ".git" / "index.lock").exists()
    return False
