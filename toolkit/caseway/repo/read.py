"""The one way in: a path (and perhaps a commit) to desired state and diagnostics.

Rule: reading a repo runs none of its code, and a broken repo gives diagnostics, not exceptions.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from caseway.model.desired import Desired, Source
from caseway.model.diagnostic import Diagnostic
from caseway.model.errors import CasewayError
from caseway.model.project_files import PROJECT_FILES
from caseway.repo import git
from caseway.repo.cache import Cache, user_cache
from caseway.repo.check import check
from caseway.repo.compile import desired
from caseway.repo.findings import finding
from caseway.repo.load import LoadedProject, load
from caseway.repo.overlay import check_overlays
from caseway.repo.quote import quoted
from caseway.repo.tree import GitTree, Tree, WorkTree


@dataclass(frozen=True)
class Reading:
    """What a path holds. `desired` and `projects` go together. The files that diagnostics name are relative
    to `root`, the folder that was read; `prefix` leads there from the top of the git repository ("" or ending
    with a slash). `tree_id` is a digest of the content of everything that was read."""

    diagnostics: tuple[Diagnostic, ...]
    tree_id: str
    projects: tuple[LoadedProject, ...]
    root: Path = Path()
    prefix: str = ""
    source: Source = field(default_factory=Source)

    @cached_property
    def desired(self) -> tuple[Desired, ...]:
        """What each project asks for; worked out when somebody asks, since validation alone does not."""
        with _no_collector():
            return tuple(desired(each, self.source) for each in self.projects)


def read(
    path: Path | str, *, ref: str | None = None, project: str | None = None, cache: Cache | None = None
) -> Reading:
    """Read the project around `path`, or all projects below it when it lies in none.

    `ref` reads that commit instead of the work tree; `project` keeps the project of that name. What was
    worked out is kept in `cache`, the user's own by default. Raises CasewayError for a path or commit that is
    not there.
    """
    own = cache if cache is not None else user_cache()
    try:
        with _no_collector():
            return _read(_tree(Path(path), ref), project, own)
    finally:
        if cache is None:
            own.close()


def _read(found: tuple[Path, Tree], wanted: str | None, cache: Cache) -> Reading:
    root, tree = found
    loaded = load(tree, cache=cache)
    projects = tuple(each for each in loaded.projects if wanted in {None, "", each.name})
    if wanted and not projects:
        names = ", ".join(each.name for each in loaded.projects) or "none"
        message = f"there is no project {quoted(wanted)}"
        raise CasewayError(message, code="no-such-project", hint=f"the projects here: {names}")
    diagnostics = [*loaded.diagnostics, *_about_tree(tree)]
    for each in projects:
        diagnostics += [
            replace(item, file=each.root + item.file) if each.root else item
            for item in (*check(each, cache=cache), *check_overlays(each))
        ]
    return Reading(
        diagnostics=tuple(sorted(diagnostics)),
        tree_id=_tree_id(projects),
        projects=projects,
        root=root,
        prefix=tree.prefix,
        source=tree.source(),
    )


def _about_tree(tree: Tree) -> Iterator[Diagnostic]:
    if isinstance(tree, WorkTree) and tree.distrust:
        message = f"git does not trust this folder: {tree.distrust}"
        yield finding("CW122", ".", message, hint="git config --global --add safe.directory <folder>")


def _tree_id(projects: tuple[LoadedProject, ...]) -> str:
    state = hashlib.sha256()
    for project in projects:
        for path, blob in sorted(project.blobs.items()):
            state.update(f"{project.root}{path}\0{blob}\0".encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _tree(path: Path, ref: str | None) -> tuple[Path, Tree]:
    start = path.resolve()
    if ref is not None:
        return _commit_tree(start, ref)
    if not start.exists():
        raise CasewayError(
            f"there is no {quoted(str(path))}", code="no-such-path", hint="give a project's folder"
        )
    root = _root_around(start if start.is_dir() else start.parent)
    tree = WorkTree(root)
    if tree.repository is not None and not tree.repository.top:
        hint = "give --ref with a branch, tag or commit"
        raise CasewayError("a bare repository has no files on disk", code="bare", place=str(root), hint=hint)
    return root, tree


def _root_around(folder: Path) -> Path:
    """The nearest folder upwards with a project file; `folder` itself when there is none."""
    for each in (folder, *folder.parents):
        if any((each / name).is_file() for name in PROJECT_FILES):
            return each
    return folder


def _commit_tree(start: Path, ref: str) -> tuple[Path, Tree]:
    """The tree of `ref` at the project around `start`, as that commit knows it."""
    folder = start
    while not folder.is_dir():  # the commit may hold folders that the disk no longer does
        folder = folder.parent
    repository = git.repository(folder)
    if repository is None:
        reason = git.distrust(folder)
        hint = "git config --global --add safe.directory <folder>" if reason else "only git knows commits"
        raise CasewayError("this is no git repository", code="no-git-repository", place=str(start), hint=hint)
    if not repository.top:
        return folder, GitTree(folder, ref)
    below = start.relative_to(repository.top).as_posix()
    parts = [] if below == "." else below.split("/")
    commit = git.resolve(folder, ref)
    known = git.existing(folder, commit, _possible_files(parts))
    depth = next((depth for depth in range(len(parts), -1, -1) if known & _files_at(parts, depth)), None)
    kept = parts if depth is None else parts[:depth]
    return Path(repository.top, *kept), GitTree(folder, ref, "/".join(kept))


def _possible_files(parts: list[str]) -> list[str]:
    return sorted({file for depth in range(len(parts) + 1) for file in _files_at(parts, depth)})


def _files_at(parts: list[str], depth: int) -> frozenset[str]:
    return frozenset("/".join([*parts[:depth], name]) for name in PROJECT_FILES)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Without the cyclic collector: a reading makes millions of values and no cycles, and looking through
    them again and again would take most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
