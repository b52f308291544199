"""Where a value stands in its file, found again only when somebody asks.

Rule: reading is paid for by everyone, places only by those with findings. So nothing is recorded while values
are built; the text is read a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from caseway.repo import json_values
from caseway.repo.json_pointer import parent, token
from caseway.repo.limits import DEPTH, NODES

_VALUES = frozenset({ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent})

Place = tuple[int, int]
Places = Mapping[str, tuple[Place, Place]]  # pointer -> place of its key (or of itself), place of its value


class Positions:
    """The places of one document. `read` gives the file's bytes again; `index` is the document's number."""

    __slots__ = ("_index", "_is_json", "_places", "_read")

    def __init__(self, read: Callable[[], bytes], index: int, *, is_json: bool = False) -> None:
        self._read = read
        self._index = index
        self._is_json = is_json
        self._places: Places | None = None

    def at(self, pointer: str) -> Place:
        """Line and column (1-based) of the value at `pointer`, or of the nearest value around it."""
        return self._nearest(pointer)[1]

    def key(self, pointer: str) -> Place:
        """Line and column of the key that leads to `pointer`; of the value itself in a list."""
        return self._nearest(pointer)[0]

    def has(self, pointer: str) -> bool:
        """Whether the document holds `pointer` outside of aliases."""
        return pointer in self._all()

    def _nearest(self, pointer: str) -> tuple[Place, Place]:
        places = self._all()
        while pointer and pointer not in places:
            pointer = parent(pointer)
        return places.get(pointer, ((1, 1), (1, 1)))

    def _all(self) -> Places:
        if self._places is None:
            try:
                data = self._read()
            except OSError:  # gone since it was loaded: the finding still stands, its place is lost
                data = b""
            documents = json_places(data) if self._is_json else yaml_places(data)
            self._places = documents[self._index] if self._index < len(documents) else {}
        return self._places


def json_places(data: bytes) -> list[Places]:
    """The places of a JSON file, as a list of one."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    starts = [0]
    starts.extend(index + 1 for index, character in enumerate(text) if character == "\n")
    places: dict[str, tuple[Place, Place]] = {}
    line = 0

    def place(offset: int) -> Place:
        nonlocal line
        while line + 1 < len(starts) and starts[line + 1] <= offset:
            line += 1
        return line + 1, offset - starts[line] + 1

    for pointer, _, key_offset, offset in json_values.scan(text):
        key_place = place(key_offset)
        places.setdefault(pointer, (key_place, place(offset)))
        if len(places) > NODES or pointer.count("/") > DEPTH:
            break
    return [places]


def yaml_places(data: bytes) -> list[Places]:
    """The places of each document of a YAML file, up to the first error in it."""
    documents: list[dict[str, tuple[Place, Place]]] = []
    # reading has reported what is broken; what is recorded until there is what was loaded
    with suppress(yaml.YAMLError, ValueError):
        _record(CParser(data.removeprefix(b"\xef\xbb\xbf")), documents)
    return list(documents)


class _Frame:
    """A collection being walked: its pointer, and where in it the walk is."""

    __slots__ = ("is_mapping", "key", "key_place", "pointer", "position")

    def __init__(self, pointer: str, is_mapping: bool) -> None:
        self.pointer = pointer
        self.is_mapping = is_mapping
        self.key: str | None = None
        self.key_place: Place | None = None
        self.position = 0

    def next_pointer(self) -> str:
        """The pointer of the value that begins now; its key is used up."""
        if self.is_mapping:
            part: str | int = self.key or ""
            self.key = None
        else:
            part, self.position = self.position, self.position + 1
        return f"{self.pointer}/{token(part)}"


def _record(parser: Any, documents: list[dict[str, tuple[Place, Place]]]) -> None:
    frames: list[_Frame] = []
    anchors: dict[str, str] = {}
    while (kind := type(event := parser.get_event())) is not StreamEndEvent:
        if kind is DocumentStartEvent:
            documents.append({})
            frames, anchors = [], {}
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            frames.pop()
        elif kind in _VALUES and not _step(event, kind, frames, anchors, documents[-1]):
            return


def _step(event: Any, kind: type, frames: list[_Frame], anchors: dict[str, str], places: Any) -> bool:
    """Record what `event` begins; False when the bounds are reached."""
    mark = event.start_mark
    here = (mark.line + 1, mark.column + 1)
    top = frames[-1] if frames else None
    if top is not None and top.is_mapping and top.key is None:
        top.key = event.value if kind is ScalarEvent else anchors.get(event.anchor, "")
        top.key_place = here
        if kind is ScalarEvent and event.anchor:
            anchors[event.anchor] = event.value
        return kind is ScalarEvent or kind is AliasEvent
    key_place = top.key_place if top is not None and top.is_mapping and top.key_place else here
    pointer = top.next_pointer() if top is not None else ""
    places.setdefault(pointer, (key_place, here))
    if kind is ScalarEvent and event.anchor:
        anchors[event.anchor] = event.value
    if kind is MappingStartEvent or kind is SequenceStartEvent:
        frames.append(_Frame(pointer, kind is MappingStartEvent))
    return len(frames) <= DEPTH and len(places) <= NODES
