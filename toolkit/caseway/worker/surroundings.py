"""Finds what stands around a workflow file on disk: its use case, the workflows it may call, connections.

Rule: neighbours are read only when one is called, the nearest folder first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import semver

import caseway_runner as runner
from caseway.model.diagnostic import Severity
from caseway.model.errors import CasewayError
from caseway.model.project_files import PROJECT_FILES
from caseway.repo.functions import inlined_from
from caseway.repo.parse import Parsed, ParsedDocument, parse
from caseway.repo.schema import violations
from caseway.repo.violation import Violation
from caseway.worker.local import LocalWorkflow, Neighbour

USE_CASE_FILES = ("usecase.yaml", "usecase.yml", "usecase.json")
SUFFIXES = {".yaml", ".yml", ".json"}
MAX_FILE = 10_000_000

Identity = tuple[str, str, str]


def open_workflow(path: Path) -> LocalWorkflow:
    """The workflow in `path` with its surroundings. Raises `CasewayError` with file:line:col when it is no
    workflow that could run."""
    parsed = workflow_of(path)
    folder = _folder_with(path, USE_CASE_FILES)
    root = _folder_with(path, PROJECT_FILES)
    nearby = [folder or path.resolve().parent, *([root] if root else [])]
    connections = dict(_connections(root)) if root else {}
    use_case = _use_case_in(folder) if folder else {}
    document = inlined_from(lambda name: _content(root, name), parsed.value)
    return LocalWorkflow(path, document, use_case, Neighbourhood(nearby).find, connections)


def _content(root: Path | None, name: str) -> bytes | None:
    """The project's file of that name."""
    file = root / name if root is not None else None
    return file.read_bytes() if file is not None and file.is_file() and not file.is_symlink() else None


def check_workflow(local: LocalWorkflow) -> None:
    """Raise `CasewayError` `invalid-workflow` naming every problem of the document: what the interpreter
    finds, else what the schema does, which sees the file as it is written, with its placeholders."""
    parsed = workflow_of(local.path)
    found: list[runner.Problem | Violation] = [
        problem for problem in runner.problems(local.document) if problem.severity == "error"
    ]
    found = found or [*violations("Workflow", parsed.value, is_plain=True)]
    if not found:
        return
    positions = parsed.positions
    lines = []
    for problem in found:
        line, column = positions.at(problem.pointer) or (0, 0)
        hint = f" ({problem.hint})" if problem.hint else ""
        lines.append(f"{local.path}:{line}:{column}: {problem.message}{hint}")
    raise CasewayError(
        "\n".join(lines), code="invalid-workflow", hint="'caseway validate' checks the whole project"
    )


class Neighbourhood:
    """The workflows below some folders, the nearest first; a folder is read when the ones before lack one."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._unread = list(dict.fromkeys(folders))
        self._known: dict[Identity, Neighbour] = {}

    def find(self, namespace: str, name: str, version: str) -> Neighbour | None:
        """The workflow of that identity; `latest` or "" takes the highest version known."""
        found = find_among(self._known, namespace, name, version)
        while found is None and self._unread:
            self._known = {**dict(_workflows(self._unread.pop(0))), **self._known}
            found = find_among(self._known, namespace, name, version)
        return found


def find_among(
    known: Mapping[Identity, Neighbour], namespace: str, name: str, version: str
) -> Neighbour | None:
    """The workflow of that identity; `latest` or "" takes the highest version."""
    if version not in {"", "latest"}:
        return known.get((namespace, name, version))
    versions = [key[2] for key in known if key[:2] == (namespace, name) and semver.Version.is_valid(key[2])]
    return known[namespace, name, max(versions, key=semver.Version.parse)] if versions else None


def identity_of(document: Mapping[str, Any]) -> Identity:
    """Namespace, name and version of a workflow document."""
    head = document.get("document", {})
    return str(head.get("namespace", "")), str(head.get("name", "")), str(head.get("version", ""))


def workflow_of(path: Path) -> ParsedDocument:
    """The first workflow in the file. Raises `CasewayError` when it holds none or cannot be read."""
    if not path.is_file():
        raise CasewayError("no such file", code="no-such-path", place=str(path))
    if path.stat().st_size > MAX_FILE:
        raise CasewayError("the file is larger than 10 MB", code="too-large", place=str(path))
    for document in _sound(path.read_bytes(), str(path)):
        if is_workflow(document.value):
            return document
    hint = "a workflow has 'document' and 'do'"
    raise CasewayError("no workflow in this file", code="no-workflow", place=str(path), hint=hint)


def parsed_values(data: bytes, name: str) -> list[Any]:
    """The values in a YAML or JSON text; raises `CasewayError` with the place of what is wrong with it."""
    return [document.value for document in _sound(data, name)]


def is_workflow(value: object) -> bool:
    """Whether `value` looks like a document of the workflow language."""
    return isinstance(value, Mapping) and isinstance(value.get("document"), Mapping) and "do" in value


def _sound(data: bytes, name: str) -> Parsed:
    parsed = parse(data, name)
    if not parsed.is_sound:
        first = next(item for item in parsed.diagnostics if item.severity is Severity.ERROR)
        place = f"{name}:{first.line}:{first.column}"
        raise CasewayError(first.message, code=first.code, place=place, hint=first.hint)
    return parsed


def _folder_with(path: Path, names: Iterable[str]) -> Path | None:
    """The nearest folder upwards that holds one of `names`."""
    return next((up for up in path.resolve().parents if any((up / name).is_file() for name in names)), None)


def _use_case_in(folder: Path) -> Mapping[str, Any]:
    for name in USE_CASE_FILES:
        if (folder / name).is_file():
            for document in parse((folder / name).read_bytes(), name):
                if isinstance(document.value, Mapping) and document.value.get("kind") == "UseCase":
                    return document.value
    return {}


def _connections(root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for value in _values_below(root / "connections"):
        if isinstance(value, Mapping) and value.get("kind") == "Connection":
            yield str(value.get("metadata", {}).get("name", "")), value.get("spec", {})


def _workflows(folder: Path) -> Iterator[tuple[Identity, Neighbour]]:
    use_cases: dict[Path | None, Mapping[str, Any]] = {None: {}}
    for file in _files_below(folder):
        for document in parse(file.read_bytes(), file.name):
            if is_workflow(document.value):
                home = _folder_with(file, USE_CASE_FILES)
                if home not in use_cases:
                    use_cases[home] = _use_case_in(home) if home else {}
                yield identity_of(document.value), Neighbour(document.value, use_cases[home])


def _values_below(folder: Path) -> Iterator[Any]:
    for file in _files_below(folder):
        for document in parse(file.read_bytes(), file.name):
            yield document.value


def _files_below(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in file.relative_to(folder).parts):
            continue
        is_plain = file.suffix in SUFFIXES and not file.is_symlink() and file.is_file()
        if is_plain and file.stat().st_size <= MAX_FILE:
            yield file
