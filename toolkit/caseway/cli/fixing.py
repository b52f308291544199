"""Rewrites files of a project safely, with a preview: mended, or laid out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caseway.cli.files import write_atomically
from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.session import Session
from caseway.delivery.reading import read_project

if TYPE_CHECKING:
    from caseway.repo.load import LoadedProject


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file as it is mended. `difference` is a unified diff."""

    file: Path
    path: str
    text: str
    difference: tuple[str, ...]


def preview(root: Path) -> list[FileChange]:
    """What would be mended in the project(s) at `root`."""
    from caseway.repo.fix import fixes

    return _changes(root, fixes)


def preview_layout(root: Path) -> list[FileChange]:
    """Which files of the project(s) at `root` would be laid out otherwise."""
    from caseway.repo.layout import layouts

    return _changes(root, layouts)


def preview_upgrade(root: Path) -> list[FileChange]:
    """Which files of the project(s) at `root` hold older documents, brought up to date."""
    from caseway.repo.fix import upgrades

    return _changes(root, upgrades)


def _changes(root: Path, rewritten: Callable[[LoadedProject], Mapping[str, str]]) -> list[FileChange]:
    changes = []
    for project in read_project(root).projects:
        base = Path(project.root) if Path(project.root).is_absolute() else root / project.root
        for path, text in sorted(rewritten(project).items()):
            file = base / path
            old = file.read_text(encoding="utf-8")
            lines = difflib.unified_diff(old.splitlines(), text.splitlines(), path, path, lineterm="")
            changes.append(FileChange(file, path, text, tuple(lines)))
    return changes


def write_fixes(changes: list[FileChange]) -> None:
    """Write the mended files, each whole or not at all."""
    for change in changes:
        write_atomically(change.file, change.text, change.file.stat().st_mode & 0o777)


def rewrite(session: Session, changes: list[FileChange], *, done: str, is_dry: bool, key: str) -> None:
    """Write the files unless `is_dry`, and say which; JSON lists them under `key`."""
    if not is_dry:
        write_fixes(changes)
    if session.is_json:
        print_json({key: [as_json(change) for change in changes], "dryRun": is_dry})
        return
    for change in changes:
        say(f"{'would have ' if is_dry else ''}{done} {clean(change.path)}", err=True)
        if is_dry:
            say_difference(change)


def as_json(change: FileChange) -> dict[str, Any]:
    """`{"file","diff"}`."""
    return {"file": change.path, "diff": "\n".join(change.difference)}


def say_difference(change: FileChange) -> None:
    """The unified diff of one file, coloured."""
    for line in change.difference:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        say(paint(clean(line), colour))
