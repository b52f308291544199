"""What a workflow takes from its project: functions of `functions/`, schemas and scripts of its use case.

Rule: a workflow carries along what it uses, so that its digest says what that is."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from caseway.repo.carried import with_files_of_calls
from caseway.repo.parse import parse
from caseway_runner import function_path, with_functions

if TYPE_CHECKING:
    from caseway.repo.load import LoadedProject

FOLDER = "functions/"
_LEAVES = frozenset({str, int, float, bool, type(None)})  # most of all values


def functions_of(project: LoadedProject) -> set[str]:
    """The files that any workflow of the project may depend on."""
    return {path for path in project.paths if path.startswith(FOLDER)}


def inlined(project: LoadedProject, document: Any, folder: str = "") -> Any:
    """`document` with the functions of the project that it calls and the schemas and scripts of `folder` that
    it names as `file://…`; itself when there are none."""
    known = project.known

    def read(path: str) -> bytes | None:
        full = posixpath.normpath(posixpath.join(folder, path))
        return project.text(full).encode() if full in known and ".." not in path.split("/") else None

    document = with_files_of_calls(read, with_files(read, document))
    if FOLDER.rstrip("/") not in project.folders:
        return document
    return with_functions(document, lambda name, version: _of_project(project, name, version))


def with_files(read: Callable[[str], bytes | None], value: Any) -> Any:
    """`value` with the content of `file://` schemas and scripts in their place; others stay as they are."""
    if isinstance(value, Mapping):
        filled = _filled(read, value) if "resource" in value or "source" in value else None
        if filled is not None:
            return filled
        changed = {
            key: item if type(item) in _LEAVES else with_files(read, item) for key, item in value.items()
        }
        return changed if any(changed[key] is not value[key] for key in changed) else value
    if isinstance(value, list):
        items = [with_files(read, item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _filled(read: Callable[[str], bytes | None], value: Mapping[str, Any]) -> Any:
    """A schema or script with its file's content, None when `value` is neither."""
    for key, instead, is_it in (("resource", "document", "format"), ("source", "code", "language")):
        path = _file_of(value.get(key))
        if path is None or (key == "source" and is_it not in value) or not set(value) <= _BESIDE[key]:
            continue
        content = read(path)
        if content is None:
            continue
        rest = {name: item for name, item in value.items() if name != key}
        if key == "source":
            return {**rest, instead: content.decode("utf-8", "replace")}
        found = definition(content)
        return None if found is None else {**rest, instead: found}
    return None


_BESIDE = {
    "resource": {"format", "resource"},
    "source": {"language", "source", "arguments", "stdin", "environment"},
}


def _file_of(resource: Any) -> str | None:
    """The path that an external resource names as `file://…`."""
    endpoint = resource.get("endpoint") if isinstance(resource, Mapping) else None
    uri = endpoint.get("uri") if isinstance(endpoint, Mapping) else endpoint
    return (
        uri.removeprefix("file://").lstrip("/")
        if isinstance(uri, str) and uri.startswith("file://")
        else None
    )


def inlined_from(read: Callable[[str], bytes | None], document: Any) -> Any:
    """As `inlined`, with another way to read the project's files by path."""

    def source(name: str, version: str) -> Any:
        content = read(function_path(name, version))
        return definition(content) if content is not None else None

    return with_functions(document, source)


def _of_project(project: LoadedProject, name: str, version: str) -> Any:
    path = function_path(name, version)
    return definition(project.text(path).encode()) if path in project.known else None


@lru_cache(maxsize=512)
def definition(content: bytes) -> Any:
    """The function in a file, None when it holds none."""
    parsed = parse(content, "function.yaml")
    values = [each.value for each in parsed] if parsed.is_sound else []
    return values[0] if len(values) == 1 and isinstance(values[0], Mapping) else None
