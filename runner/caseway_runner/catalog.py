"""Functions of catalogs: how a call names one, and how those of the project become part of a document. Pure.

Rule: `with_functions` puts what a workflow uses of the project's `functions/` folder into `use.functions`, so
that the document is whole: what is checked, hashed and deployed is what runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DEFAULT = "default"
_REFERENCE = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*):(?P<version>[0-9][\w.+-]*)(?:@(?P<catalog>[\w.-]+))?$"
)
_GITHUB = re.compile(r"^/(?P<owner>[^/]+)/(?P<repo>[^/]+)/(?:tree|blob)/(?P<rest>.+)$")
_MOST = 1000

FunctionSource = Callable[[str, str], Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """`name:version@catalog`; without a catalog it is the default one."""

    name: str
    version: str
    catalog: str


def parse_reference(text: str) -> Reference | None:
    """The function that `call` names, None when it names none of a catalog."""
    found = _REFERENCE.match(text)
    return Reference(found["name"], found["version"], found["catalog"] or DEFAULT) if found else None


def function_path(name: str, version: str) -> str:
    """Where a catalog keeps a function."""
    return f"functions/{name}/{version}/function.yaml"


def raw_url(url: str) -> str:
    """The address of a file's content, where `url` is that of its page on GitHub."""
    parts = urlsplit(url)
    found = _GITHUB.match(parts.path) if parts.netloc == "github.com" else None
    if found is None:
        return url
    return f"https://raw.githubusercontent.com/{found['owner']}/{found['repo']}/{found['rest']}"


def with_functions(document: Any, source: FunctionSource) -> Any:
    """`document` with the functions that it calls from the default catalog. `source(name, version)` gives a
    definition, None when there is none: then the call stays as it is, and is reported when it is compiled."""
    if not isinstance(document, Mapping):
        return document
    use = document.get("use")
    known = use.get("functions") if isinstance(use, Mapping) else None
    catalogs = use.get("catalogs") if isinstance(use, Mapping) else None
    if isinstance(catalogs, Mapping) and DEFAULT in catalogs:
        return document
    taken = dict(known) if isinstance(known, Mapping) else {}
    found: dict[str, Any] = {}
    todo: list[Any] = [document]
    while todo and len(found) < _MOST:
        for text in _calls(todo.pop()):
            reference = parse_reference(text)
            if reference is None or reference.catalog != DEFAULT or text in taken or text in found:
                continue
            definition = source(reference.name, reference.version)
            if definition is not None:
                found[text] = definition
                todo.append(definition)
    if not found:
        return document
    functions = {**taken, **dict(sorted(found.items()))}
    return {**document, "use": {**(use if isinstance(use, Mapping) else {}), "functions": functions}}


def _calls(value: Any) -> Iterator[str]:
    """Every text that is called somewhere in `value`."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            if isinstance(item.get("call"), str):
                yield item["call"]
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
