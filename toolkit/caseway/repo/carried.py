"""Files that a workflow's calls name as `file://…`: they travel within its document.

Rule: only what stands where a call looks for a document is taken, and only from the use case's folder."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from caseway_runner import function_path, parse_reference, with_carried

Read = Callable[[str], bytes | None]

MOST = 200
_IMPORT = re.compile(r"""^\s*import\s+(?:public\s+|weak\s+)?["']([^"']+)["']\s*;""", re.MULTILINE)
_REFERENCE = re.compile(r"""["']?\$ref["']?\s*:\s*["']?([^"'#\s,}]+)""")


def with_files_of_calls(read: Read, document: Any) -> Any:
    """`document` with the files that its calls name; itself when there are none."""
    if not isinstance(document, Mapping):
        return document
    files: dict[str, bytes] = {}
    waiting = list(_named(document))
    while waiting and len(files) < MOST:
        path = waiting.pop()
        content = None if path in files else read(path)
        if content is None:
            continue
        files[path] = content
        waiting += _further(path, content.decode("utf-8", "replace"))
    return with_carried(document, files)


def _further(path: str, text: str) -> Iterator[str]:
    """The files that a file refers to: a proto file by its imports, a document by its references."""
    folder = posixpath.dirname(path)
    if path.endswith(".proto"):
        yield from (posixpath.join(folder, one) for one in _IMPORT.findall(text) if ".." not in one)
    elif path.endswith((".json", ".yaml", ".yml")):
        for one in _REFERENCE.findall(text):
            joined = posixpath.normpath(posixpath.join(folder, one))
            if ":" not in joined and not joined.startswith(("..", "/")):
                yield joined


def _named(document: Mapping[str, Any]) -> Iterator[str]:
    """The paths that endpoints name; of a catalog those of the functions that are called."""
    catalogs = _catalogs(document)
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            path = path_of(value.get("endpoint"))
            if path:
                yield path
            reference = parse_reference(value["call"]) if isinstance(value.get("call"), str) else None
            if reference is not None and reference.catalog in catalogs:
                yield posixpath.join(
                    catalogs[reference.catalog], function_path(reference.name, reference.version)
                )
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _catalogs(document: Mapping[str, Any]) -> dict[str, str]:
    use = document.get("use")
    catalogs = use.get("catalogs") if isinstance(use, Mapping) else None
    found = {}
    for name, value in catalogs.items() if isinstance(catalogs, Mapping) else ():
        path = path_of(value.get("endpoint")) if isinstance(value, Mapping) else ""
        if path:
            found[str(name)] = path
    return found


def path_of(endpoint: Any) -> str:
    """The path that an endpoint names as `file://…`, "" when it names none."""
    uri = endpoint.get("uri") if isinstance(endpoint, Mapping) else endpoint
    if not isinstance(uri, str) or not uri.startswith("file:"):
        return ""
    parts = urlsplit(uri)
    path = unquote(f"{parts.netloc}/{parts.path.lstrip('/')}").strip("/")
    return "" if ".." in path.split("/") else path
