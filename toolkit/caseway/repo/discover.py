"""Which files belong to which project, and what each is expected to hold. No file is read here.

Rule: the nearest `caseway.yaml` above a file owns it; hidden folders and `.caseway/` are never looked into.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from caseway.model.project_files import PROJECT_FILES
from caseway.repo.globs import matches_any

USE_CASE_FILES = ("usecase.yaml", "usecase.yml", "usecase.json")
DECLARED_FOLDERS = ("instances", "overlays", "runtimes", "connections")
SUFFIXES = (".yaml", ".yml", ".json")
STATE_FOLDER = ".caseway"


class Role(StrEnum):
    """What a file's place says it holds. In all but OTHER a file that holds none is a finding."""

    PROJECT = "Project"
    USE_CASE = "UseCase"
    WORKFLOW = "Workflow"
    TEST = "WorkflowTest"
    DECLARED = "declared"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """One project's share of a tree. `root` is "" or ends with a slash; `paths` are relative to it."""

    root: str
    file: str
    paths: tuple[str, ...]
    rivals: tuple[str, ...] = ()


def projects(files: Iterable[str]) -> list[ProjectFiles]:
    """The projects of a tree, outermost first, each with the files that no inner project owns."""
    by_folder: dict[str, list[str]] = {}
    for path in files:
        folder, _, name = path.rpartition("/")
        by_folder.setdefault(folder, []).append(name)
    roots = {folder: _project_files(names) for folder, names in by_folder.items() if _is_open(folder)}
    roots = {folder: found for folder, found in roots.items() if found}
    owned: dict[str, list[str]] = {root: [] for root in roots}
    for folder, names in by_folder.items():
        root = _owner(folder, roots)
        if root is not None:
            start = len(root) + 1 if root else 0
            below = f"{folder[start:]}/" if len(folder) > start else ""
            owned[root] += [below + name for name in names]
    return [
        ProjectFiles(f"{root}/" if root else "", found[0], tuple(sorted(owned[root])), tuple(found[1:]))
        for root, found in sorted(roots.items())
    ]


def _project_files(names: Sequence[str]) -> list[str]:
    return [name for name in PROJECT_FILES if name in names]


def _is_open(folder: str) -> bool:
    """Whether no part of `folder` is hidden."""
    return not folder.startswith(".") and "/." not in folder


def _owner(folder: str, roots: Mapping[str, object]) -> str | None:
    while folder not in roots:
        if not folder:
            return None
        folder = posixpath.dirname(folder)
    return folder


def candidates(
    paths: Sequence[str], project_file: str, include: Sequence[str], exclude: Sequence[str]
) -> dict[str, Role]:
    """The files that may hold documents, each with its role. `paths` are those of one project."""
    folders = {posixpath.dirname(path) for path in paths if posixpath.basename(path) in USE_CASE_FILES}
    is_all = not exclude and (not include or "**" in include)
    found = {project_file: Role.PROJECT}
    for path in paths:
        if path == project_file or not path.endswith(SUFFIXES) or not _is_open(path):
            continue
        if is_all or (matches_any(path, include or ("**",)) and not matches_any(path, exclude)):
            found[path] = role(path, folders)
    return found


def role(path: str, use_case_folders: Iterable[str]) -> Role:
    """What the file at `path` is expected to hold."""
    parts = path.split("/")
    if parts[-1] in USE_CASE_FILES:
        return Role.USE_CASE
    if "workflows" in parts[:-1]:
        index = len(parts) - 2 - parts[-2::-1].index("workflows")
        if "/".join(parts[:index]) in use_case_folders:
            return Role.WORKFLOW
    if len(parts) > 1 and parts[-2] == "tests" and "/".join(parts[:-2]) in use_case_folders:
        return Role.TEST
    return Role.DECLARED if len(parts) > 1 and parts[0] in DECLARED_FOLDERS else Role.OTHER
