"""Mends what can be mended safely, with a preview."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from caseway.cli.files import write_atomically
from caseway.cli.reading import read_project


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

    changes = []
    for project in read_project(root).projects:
        base = Path(project.root) if Path(project.root).is_absolute() else root / project.root
        for path, text in sorted(fixes(project).items()):
            file = base / path
            old = file.read_text(encoding="utf-8")
            lines = difflib.unified_diff(old.splitlines(), text.splitlines(), path, path, lineterm="")
            changes.append(FileChange(file, path, text, tuple(lines)))
    return changes


def write_fixes(changes: list[FileChange]) -> None:
    """Write the mended files, each whole or not at all."""
    for change in changes:
        write_atomically(change.file, change.text, change.file.stat().st_mode & 0o777)
