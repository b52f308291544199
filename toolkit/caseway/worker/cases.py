"""Finds the WorkflowTests of a loaded project and what each is about. No effects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from caseway.worker.local import LocalWorkflow
from caseway.worker.suite import Case

if TYPE_CHECKING:
    from caseway.repo.load import Document, LoadedProject

Known = Mapping[tuple[str, str, str], Mapping[str, Any]]


def cases(project: LoadedProject, below: str = "") -> Iterator[Case]:
    """Every test of the project whose file lies in `below` (relative to the project), in file order."""
    use_cases = {_folder(item.path): item for item in project.documents if item.kind == "UseCase"}
    known = dict(_workflows(project.documents))
    files = {item.path: item.value for item in project.documents if item.kind == "Workflow"}
    connections = {
        item.name: item.value.get("spec", {}) for item in project.documents if item.kind == "Connection"
    }
    for document in project.documents:
        if document.kind == "WorkflowTest" and _is_below(document.path, below):
            case = _case(document, use_cases, files, known)
            local = case.local and replace(case.local, connections=connections)
            yield replace(case, local=local)


def _case(
    document: Document,
    use_cases: Mapping[str, Document],
    files: Mapping[str, Mapping[str, Any]],
    known: Known,
) -> Case:
    spec = document.value.get("spec", {})
    wanted = str(spec.get("workflow", ""))
    line = (document.positions.at("") or (1, 1))[0]
    place = f"{document.path}:{line}"
    folder = next((str(up) for up in PurePosixPath(document.path).parents if str(up) in use_cases), None)
    if folder is None:
        return Case(document.name, "", wanted, place, spec, None, "this test belongs to no use case's folder")
    use_case = use_cases[folder]
    listed: Iterable[Mapping[str, Any]] = use_case.value.get("spec", {}).get("workflows", ())
    file = next((str(item.get("file")) for item in listed if item.get("id") == wanted), None)
    path = str(PurePosixPath(folder) / file) if file else ""
    if path not in files:
        problem = f"use case {use_case.name} has no workflow {wanted!r} that could run here"
        return Case(document.name, use_case.name, wanted, place, spec, None, problem)
    local = LocalWorkflow(Path(path), files[path], use_case.value, known)
    return Case(document.name, use_case.name, wanted, place, spec, local)


def _workflows(documents: Iterable[Document]) -> Iterator[tuple[tuple[str, str, str], Mapping[str, Any]]]:
    for item in documents:
        if item.kind == "Workflow":
            head = item.value.get("document", {})
            yield (str(head.get("namespace")), str(head.get("name")), str(head.get("version"))), item.value


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _is_below(path: str, below: str) -> bool:
    return below in {"", ".", path} or path.startswith(below.rstrip("/") + "/")
