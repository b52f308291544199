"""A project that was read before, brought up to date with a few changed files.

The one rule: it says the same as reading everything anew, or it says that it cannot tell. Files that come or
go, that say what they are otherwise than before, or that several use cases share are read anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from caseway.model.desired import Desired, Source
from caseway.model.diagnostic import Diagnostic
from caseway.repo import discover
from caseway.repo.compile import desired
from caseway.repo.examine import Examined, examine
from caseway.repo.load import Document, LoadedProject
from caseway.repo.positions import Positions
from caseway.repo.reader import blob_id
from caseway.repo.rules import Nearby, run_rules_near
from caseway.repo.rules.calls import identity
from caseway.repo.rules.marks import read_calls
from caseway.repo.rules.units import REST, SHARED, units
from caseway.repo.tree import UnreadableError, WorkTree

MOST = 50  # changed files: of more it is quicker to read everything


@dataclass(frozen=True, slots=True)
class Patch:
    """What changed files mean; `paths` are those that do hold something else. `diagnostics` are of the use
    cases they belong to, `desired` holds these use cases alone, with everything they share."""

    paths: frozenset[str]
    diagnostics: tuple[Diagnostic, ...]
    desired: Desired


class Incremental:
    """One project of a work tree, kept in memory. It is to have no errors when it is taken in: of a use case
    that cannot be read nobody knows what belongs to it."""

    def __init__(self, project: LoadedProject, source: Source) -> None:
        self.project = project
        self._source = replace(source, dirty=True)
        self._units = units(project)
        self._near: Nearby | None = None
        self._by_unit: dict[str, list[str]] = {}
        for path, unit in self._units.items():
            self._by_unit.setdefault(unit, []).append(path)

    def patch(self, changed: Collection[str]) -> Patch | None:
        """What the files `changed` (paths in the project) mean now; None when everything must be read."""
        known = [path for path in changed if self._is_of_use_case(path)]
        if len(known) != len(changed) or len(known) > MOST:
            return None
        fresh = _fresh(self.project, known)
        if fresh is None:
            return None
        project = _with(self.project, fresh)
        if _identities(self.project, known) != _identities(project, known):
            return None
        others = (path for path in known if path not in self.project.roles)
        return self._patched(project, frozenset((*fresh, *others)))

    def listed(self, paths: Collection[str]) -> list[str]:
        """Those of `paths` (in the project) that a reading would see now, and did not see before."""
        tree = self.project.tree
        if not paths or not isinstance(tree, WorkTree):
            return []
        there, root = WorkTree(tree.root).files(), self.project.root
        state = discover.STATE_FOLDER + "/"
        return [path for path in paths if root + path in there and not path.startswith(state)]

    def _is_of_use_case(self, path: str) -> bool:
        return self._units.get(path, REST) != REST

    def _patched(self, project: LoadedProject, changed: frozenset[str]) -> Patch:
        concerned = {self._units[path] for path in changed}
        own = frozenset(path for unit in concerned for path in self._by_unit[unit])
        looked_at = own | set(self._by_unit.get(REST, ()))
        compares = _outline(self.project, changed) != _outline(project, changed)
        self._near = run_rules_near(project, looked_at, self._near, compares=compares)
        self.project = project
        found = tuple(item for item in self._near.found if item.file in own or item.code == "CW001")
        return Patch(changed, found, self._desired(own))

    def _desired(self, own: frozenset[str]) -> Desired:
        """What the use cases in `own` ask for."""
        kept = own | set(self._by_unit.get(REST, ()))
        documents = tuple(each for each in self.project.documents if each.path in kept or each.kind in SHARED)
        whole = desired(replace(self.project, documents=documents, diagnostics=()), self._source)
        use_cases = tuple(item for item in whole.use_cases if item.path in own)
        names = {item.name for item in use_cases}
        instances = tuple(item for item in whole.instances if item.use_case in names)
        return replace(whole, use_cases=use_cases, instances=instances)


def _fresh(project: LoadedProject, paths: Iterable[str]) -> dict[str, tuple[bytes, Examined]] | None:
    """Each file that may hold documents and has another content now; None when one is no plain file."""
    tree = WorkTreeReader(project.tree)
    found: dict[str, tuple[bytes, Examined]] = {}
    for path in paths:
        content = tree.read(project.root + path)
        if content is None:
            return None
        if path in project.roles and blob_id(content) != project.blobs.get(path):
            found[path] = content, examine(content, path, project.roles[path])
    return found


class WorkTreeReader:
    """Reads single files of a tree again, as they are now."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree

    def read(self, path: str) -> bytes | None:
        """The content of a file that the tree lists; None when it cannot be read, or is a link."""
        files = self._tree.files()
        if not isinstance(self._tree, WorkTree) or path not in files or files[path].is_link:
            return None
        try:
            return self._tree.read(path)
        except UnreadableError:
            return None


def _with(project: LoadedProject, fresh: Mapping[str, tuple[bytes, Examined]]) -> LoadedProject:
    """The project with these files as they are now."""
    documents = [each for each in project.documents if each.path not in fresh]
    diagnostics = [each for each in project.diagnostics if each.file not in fresh]
    for path, (content, found) in fresh.items():
        documents += _documents(path, content, found)
        diagnostics += [replace(item, file=path) for item in found.diagnostics]
    documents.sort(key=lambda each: (each.path, each.index))
    contents = {path: content for path, (content, _) in fresh.items()}
    return dataclasses.replace(
        project,
        documents=tuple(documents),
        diagnostics=tuple(sorted(diagnostics)),
        blobs={**project.blobs, **{path: blob_id(content) for path, content in contents.items()}},
        kept={**project.kept, **{project.root + path: content for path, content in contents.items()}},
    )


def _documents(path: str, content: bytes, found: Examined) -> Iterable[Document]:
    is_json = path.endswith(".json")
    for each in found.documents:
        places = Positions(partial(_same, content), each.number, is_json=is_json)
        yield Document(each.kind, each.name, path, each.number, each.value, places, each.is_valid)


def _same(content: bytes) -> bytes:
    return content


def _identities(project: LoadedProject, paths: Iterable[str]) -> list[tuple[Any, ...]]:
    """What the documents of `paths` say they are, and lead to: on it the division into use cases rests."""
    wanted = set(paths)
    return [
        (each.path, each.index, each.kind, each.name, *_leads(each))
        for each in project.documents
        if each.path in wanted and each.kind in {"UseCase", "Instance", "Overlay", "Project"} | SHARED
    ]


def _outline(project: LoadedProject, paths: Collection[str]) -> list[Any]:
    """Everything in `paths` that other use cases may have to do with: of a workflow who it is and whom it
    calls, of a test nothing, of anything else all."""
    found: list[Any] = []
    for each in project.documents:
        if each.path not in paths or each.kind == "WorkflowTest":
            continue
        is_workflow = each.kind == "Workflow"
        content: Any = (identity(each), list(read_calls(each.value))) if is_workflow else each.value
        found.append((each.path, each.index, each.kind, each.name, each.is_valid, content))
    return found


def _leads(document: Document) -> tuple[Any, ...]:
    spec = document.value.get("spec") if isinstance(document.value, dict) else None
    if not isinstance(spec, dict):
        return ()
    workflows = spec.get("workflows")
    files = [
        str(item.get("file"))
        for item in (workflows if isinstance(workflows, list) else ())
        if isinstance(item, dict)
    ]
    return str(spec.get("useCase")), tuple(files), str(spec.get("docs")), str(spec.get("skills"))
