"""Finds the WorkflowTests of a loaded project and what each is about. No effects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from caseway.worker.local import LocalWorkflow, Neighbour
from caseway.worker.suite import Case
from caseway.worker.surroundings import Identity, find_among, identity_of

if TYPE_CHECKING:
    from caseway.repo.load import Document, LoadedProject


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a project's tests: use cases by folder, workflow documents by file and by identity,
    connections by name."""

    use_cases: Mapping[str, Document]
    files: Mapping[str, Mapping[str, Any]]
    known: Mapping[Identity, Neighbour]
    connections: Mapping[str, Mapping[str, Any]]


def cases(project: LoadedProject, below: str = "") -> Iterator[Case]:
    """Every test of the project whose file lies in `below` (relative to the project), in file order."""
    use_cases = {_folder(item.path): item for item in project.documents if item.kind == "UseCase"}
    files = {item.path: item.value for item in project.documents if item.kind == "Workflow"}
    around = Around(
        use_cases, files, dict(_workflows(project.documents, use_cases)), _connections(project.documents)
    )
    for document in project.documents:
        if document.kind == "WorkflowTest" and _is_below(document.path, below):
            yield _case(document, around)


def _case(document: Document, around: Around) -> Case:
    spec = document.value.get("spec", {})
    wanted = str(spec.get("workflow", ""))
    line = (document.positions.at("") or (1, 1))[0]
    place = f"{document.path}:{line}"
    folder = _home(document.path, around.use_cases)
    if not folder:
        return Case(document.name, "", wanted, place, spec, None, "this test belongs to no use case's folder")
    use_case = around.use_cases[folder]
    listed: Iterable[Mapping[str, Any]] = use_case.value.get("spec", {}).get("workflows", ())
    file = next((str(item.get("file")) for item in listed if item.get("id") == wanted), None)
    path = str(PurePosixPath(folder) / file) if file else ""
    if path not in around.files:
        problem = f"use case {use_case.name} has no workflow {wanted!r} that could run here"
        return Case(document.name, use_case.name, wanted, place, spec, None, problem)
    local = LocalWorkflow(
        Path(path), around.files[path], use_case.value, partial(find_among, around.known), around.connections
    )
    return Case(document.name, use_case.name, wanted, place, spec, local)


def _workflows(
    documents: Iterable[Document], use_cases: Mapping[str, Document]
) -> Iterator[tuple[Identity, Neighbour]]:
    for item in documents:
        if item.kind == "Workflow":
            home = _home(item.path, use_cases)
            yield identity_of(item.value), Neighbour(item.value, use_cases[home].value if home else {})


def _home(path: str, use_cases: Mapping[str, Document]) -> str:
    """The folder of the use case that `path` lies in, "" when it lies in none."""
    return next((str(up) for up in PurePosixPath(path).parents if str(up) in use_cases), "")


def _connections(documents: Iterable[Document]) -> dict[str, Mapping[str, Any]]:
    return {item.name: item.value.get("spec", {}) for item in documents if item.kind == "Connection"}


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _is_below(path: str, below: str) -> bool:
    return below in {"", ".", path} or path.startswith(below.rstrip("/") + "/")
