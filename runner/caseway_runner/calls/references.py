"""References of a document into other files: what they name is embedded, so that all of them are local.

Rule: only what a call can need is followed; schemas and examples are never fetched for their own sake."""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from caseway_runner.errors import fault

Read = Callable[[str], Awaitable[Mapping[str, Any]]]

EMBEDDED = "x-caseway-files"  # the member that holds the other files
MAX_FILES = 100
_UNNEEDED_WORDS = "schema schemas payload headers examples example responses callbacks links"
_UNNEEDED = frozenset(_UNNEEDED_WORDS.split())


async def bundled(document: Mapping[str, Any], url: str, read: Read) -> Mapping[str, Any]:
    """`document`, which was at `url`, with what it refers to in other files; itself when there is nothing."""
    bundle = _Bundle(read)
    whole = copy.deepcopy(dict(document))
    await bundle.follow(whole, _Source("", url, whole))
    return {**whole, EMBEDDED: [source.document for source in bundle.sources]} if bundle.sources else document


@dataclass(frozen=True, slots=True)
class _Source:
    """A document, the pointer of its root in the bundle, and where it comes from."""

    root: str
    url: str
    document: dict[str, Any]


@dataclass(slots=True)
class _Bundle:
    read: Read
    sources: list[_Source] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    async def follow(self, value: Any, source: _Source) -> None:
        """Make the references in `value`, a part of `source`, local to the bundle; and those they lead to."""
        todo: list[tuple[Any, _Source]] = [(value, source)]
        while todo:
            part, home = todo.pop()
            if id(part) in self._seen or not isinstance(part, dict | list):
                continue
            self._seen.add(id(part))
            if isinstance(part, list):
                todo += [(item, home) for item in part]
                continue
            if isinstance(part.get("$ref"), str):
                todo.append(await self._moved(part, home))
            todo += [(item, home) for key, item in part.items() if key not in _UNNEEDED]

    async def _moved(self, part: dict[str, Any], home: _Source) -> tuple[Any, _Source]:
        """Point the reference of `part` into the bundle; what it leads to, and where that is from."""
        file, _, fragment = str(part["$ref"]).partition("#")
        target = await self._source(beside(home.url, file)) if file else home
        part["$ref"] = f"#{target.root}{fragment}"
        return found(target.document, fragment), target

    async def _source(self, url: str) -> _Source:
        for known in self.sources:
            if known.url == url:
                return known
        if len(self.sources) >= MAX_FILES:
            raise fault("configuration", f"the document refers to more than {MAX_FILES} files")
        content = copy.deepcopy(dict(await self.read(url)))
        self.sources.append(_Source(f"/{EMBEDDED}/{len(self.sources)}", url, content))
        return self.sources[-1]


def beside(url: str, reference: str) -> str:
    """The URL of the file that the document at `url` refers to."""
    if not url.startswith("file:"):
        target = urljoin(url, reference)
        if target.startswith("file:"):
            raise fault("configuration", f"a document of the network may not refer to '{reference[:200]}'")
        return target
    if urlsplit(reference).scheme:
        return reference
    parts = urlsplit(url)
    folder = posixpath.dirname(f"{parts.netloc}/{parts.path.lstrip('/')}".strip("/"))
    return "file://" + posixpath.normpath(posixpath.join(folder, reference))


def found(document: Any, fragment: str) -> Any:
    """What a JSON Pointer (of a URL's fragment) leads to, None when there is nothing."""
    value = document
    for part in unquote(fragment).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(name)] if name.isdecimal() and int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value
