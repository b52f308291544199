"""Tells a project's folder from any other. Light: every command asks it before it does anything."""

from __future__ import annotations

from pathlib import Path

from caseway.model.project_files import PROJECT_FILES


def has_project_file(folder: Path) -> bool:
    """Whether `folder` is a project's root."""
    return any((folder / name).is_file() for name in PROJECT_FILES)
