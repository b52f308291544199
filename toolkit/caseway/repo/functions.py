"""The project's own functions: `functions/<name>/<version>/function.yaml` at its root, the default catalog.

Rule: a workflow that calls one carries it along, so that its digest says which one it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from caseway.repo.parse import parse
from caseway_runner import function_path, with_functions

if TYPE_CHECKING:
    from caseway.repo.load import LoadedProject

FOLDER = "functions/"


def functions_of(project: LoadedProject) -> set[str]:
    """The files that any workflow of the project may depend on."""
    return {path for path in project.paths if path.startswith(FOLDER)}


def inlined(project: LoadedProject, document: Any) -> Any:
    """`document` with the functions of the project that it calls; itself when there are none."""
    if not any(path.startswith(FOLDER) for path in project.paths):
        return document
    return with_functions(document, lambda name, version: _of_project(project, name, version))


def inlined_from(read: Callable[[str], bytes | None], document: Any) -> Any:
    """As `inlined`, with another way to read the project's files by path."""

    def source(name: str, version: str) -> Any:
        content = read(function_path(name, version))
        return definition(content) if content is not None else None

    return with_functions(document, source)


def _of_project(project: LoadedProject, name: str, version: str) -> Any:
    path = function_path(name, version)
    return definition(project.text(path).encode()) if path in project.paths else None


@lru_cache(maxsize=512)
def definition(content: bytes) -> Any:
    """The function in a file, None when it holds none."""
    parsed = parse(content, "function.yaml")
    values = [each.value for each in parsed] if parsed.is_sound else []
    return values[0] if len(values) == 1 and isinstance(values[0], Mapping) else None
