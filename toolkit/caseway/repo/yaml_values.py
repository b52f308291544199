"""YAML text to plain values, straight from the parser's events.

Rule: nothing but texts, numbers, booleans, null, lists and dicts comes out, and no input takes more time or
memory than its bounds allow: no recursion, aliases share their value and count as what they expand to.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn, Protocol

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from caseway.repo.json_pointer import token
from caseway.repo.limits import ALIAS_NODES, DEPTH, DOCUMENTS, NODES
from caseway.repo.quote import quoted
from caseway.repo.scalars import SUSPECTS, UnfitNumberError, is_doubtful, plain
from caseway.repo.yaml_errors import explain

_ABSENT = object()
_ODD_KEYS = frozenset({"", "<<"})
_TAG_DIRECTIVE = re.compile(rb"^%TAG\b", re.MULTILINE)
_Frame = tuple[
    Any, Any, bool, int, str | None, int
]  # into, key of the child, is_mapping, height, anchor, nodes


class Report(Protocol):
    """Takes one finding: code, message, hint, line and column (1-based), JSON Pointer."""

    def __call__(self, code: str, message: str, hint: str, at: tuple[int, int], pointer: str) -> None: ...


class StopReadingError(Exception):
    """The file cannot be read further; the finding has been reported."""


def read_yaml(data: bytes, report: Report) -> tuple[list[tuple[Any, int]], int]:
    """The documents of `data` (value and 1-based line of its start) and how many values they hold.

    `data` is UTF-8. What is wrong goes to `report`; the documents before a syntax error are kept.
    """
    builder = _Builder(report)
    try:
        if (directive := _TAG_DIRECTIVE.search(data)) is not None:
            # libyaml compares each directive with all before it: a file of them would take hours
            line = data.count(b"\n", 0, directive.start()) + 1
            builder.stop("CW108", "YAML tags are not used here", (line, 1), "remove the %TAG directive")
        builder.run(CParser(data))
    except StopReadingError:
        pass
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        explained = explain(error, data)
        report(explained.code, explained.message, explained.hint, explained.at, "")
    return builder.documents, builder.nodes


class _Builder:
    """The values being built. `into` is filled now; `stack` holds what waits to be filled further."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.documents: list[tuple[Any, int]] = []
        self.nodes = 0
        self.alias_nodes = 0
        self.anchors: dict[str, tuple[Any, int, int]] = {}  # value, nodes, height
        self.into: Any = []
        self.key: Any = _ABSENT
        self.is_mapping = False
        self.height = 0  # of the container being filled, so far
        self.anchor: str | None = None
        self.nodes_before = 0
        self.stack: list[_Frame] = []
        self.line = 1

    def run(self, parser: CParser) -> None:
        """Take every event. One dictionary look-up per event: this loop is where validation's time goes."""
        handlers = {
            ScalarEvent: self.scalar,
            MappingStartEvent: self.mapping_start,
            SequenceStartEvent: self.sequence_start,
            MappingEndEvent: self.end,
            SequenceEndEvent: self.end,
            AliasEvent: self.alias,
            DocumentStartEvent: self.document_start,
            DocumentEndEvent: self.document_end,
            StreamStartEvent: _nothing,
        }
        next_event = parser.get_event
        while (kind := type(event := next_event())) is not StreamEndEvent:
            handlers[kind](event)

    def document_start(self, event: Any) -> None:
        if len(self.documents) >= DOCUMENTS:
            self.stop(
                "CW106", f"the file holds more than {DOCUMENTS:,} documents", _at(event), "split the file"
            )
        self.anchors = {}
        self.line = event.start_mark.line + 1
        self.into, self.key, self.is_mapping, self.height = [], _ABSENT, False, 0

    def document_end(self, _: Any) -> None:
        self.documents.append((self.into[0], self.line))

    def scalar(self, event: Any) -> None:
        self.nodes += 1
        text = event.value
        if event.anchor is not None or event.tag is not None or self.nodes > NODES:
            self.marked_scalar(event)
        if self.is_mapping and self.key is _ABSENT:
            if text in self.into or text in _ODD_KEYS or "\0" in text:
                self.doubt_key(text, event)
            self.key = text
            return
        value: Any = text
        if event.style:
            if "\0" in text:
                self.tell("CW104", "the text holds a NUL character", event, "remove \\0: no store keeps it")
        elif not text or text[0] in SUSPECTS:
            value = self.plain(text, event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1, 0)
        if self.is_mapping:
            self.into[self.key] = value
            self.key = _ABSENT
        else:
            self.into.append(value)

    def marked_scalar(self, event: Any) -> None:
        """What few scalars have: an anchor or a tag. Or there are too many of them."""
        if self.nodes > NODES:
            self.stop("CW106", f"the file holds more than {NODES:,} values", _at(event), "split the file")
        if event.tag is not None:
            self.refuse_tag(event)
        if event.anchor is not None:  # what it is as a key; a value replaces it
            self.anchors[event.anchor] = (event.value, 1, 0)

    def plain(self, text: str, event: Any) -> Any:
        try:
            value = plain(text)
        except UnfitNumberError as error:
            hint = "write it in quotes when it is a text"
            self.tell("CW111", f"{quoted(text, 40)}: {error}", event, hint)
            return None
        if type(value) is int and is_doubtful(text):
            self.tell(
                "CW112",
                f"{quoted(text, 40)} is read as the number {value}",
                event,
                "quote it when it is a text",
            )
        return value

    def doubt_key(self, text: str, event: Any) -> None:
        """A key that is there already, or that cannot be one."""
        if text in self.into:
            self.tell(
                "CW102", f"the key {quoted(text)} is given twice", event, "keep one of the two", key=text
            )
        elif "\0" in text:
            self.tell("CW104", "the key holds a NUL character", event, "remove \\0", key=text)
        elif not event.style and text == "<<":
            hint = "write the keys out, or use an alias for the whole value"
            self.tell("CW109", "the merge key << is not supported", event, hint, key=text)
        elif not event.style:
            self.tell("CW113", "a key is empty", event, "give the key a name before the ':'", key=text)

    def put(self, value: Any) -> None:
        if self.is_mapping:
            self.into[self.key] = value
            self.key = _ABSENT
        else:
            self.into.append(value)

    def mapping_start(self, event: Any) -> None:
        self.start(event, {}, True)

    def sequence_start(self, event: Any) -> None:
        self.start(event, [], False)

    def start(self, event: Any, container: Any, is_mapping: bool) -> None:
        self.nodes += 1
        if event.tag is not None:
            self.refuse_tag(event)
        if self.is_mapping and self.key is _ABSENT:
            hint = "quote a value that begins with { or [" if event.flow_style else "a key is a text"
            self.stop("CW113", "a mapping or list stands where a key must be", _at(event), hint)
        if len(self.stack) >= DEPTH:
            self.stop(
                "CW105",
                f"values are nested more than {DEPTH} levels deep",
                _at(event),
                "flatten the document",
            )
        if self.nodes > NODES:
            self.stop("CW106", f"the file holds more than {NODES:,} values", _at(event), "split the file")
        key = self.key if self.is_mapping else len(self.into)
        self.put(container)
        self.stack.append((self.into, key, self.is_mapping, self.height, self.anchor, self.nodes_before))
        self.into, self.key, self.is_mapping, self.height = container, _ABSENT, is_mapping, 0
        self.anchor, self.nodes_before = event.anchor, self.nodes - 1

    def end(self, _: Any) -> None:
        height = self.height + 1
        if self.anchor is not None:
            self.anchors[self.anchor] = (self.into, self.nodes - self.nodes_before, height)
        self.into, self.key, self.is_mapping, outer, self.anchor, self.nodes_before = self.stack.pop()
        self.key = _ABSENT
        self.height = max(outer, height)

    def alias(self, event: Any) -> None:
        found = self.anchors.get(event.anchor)
        if found is None:
            hint = "an anchor (&name) must be complete before its alias (*name)"
            self.stop("CW110", f"there is no finished anchor {quoted(event.anchor)}", _at(event), hint)
        value, nodes, height = found
        self.nodes += nodes
        self.alias_nodes += nodes
        if self.alias_nodes > ALIAS_NODES or self.nodes > NODES:
            message = f"aliases expand to more than {min(ALIAS_NODES, NODES):,} values"
            self.stop("CW106", message, _at(event), "write the values out, or use fewer aliases")
        if len(self.stack) + height > DEPTH:
            self.stop(
                "CW105",
                f"values are nested more than {DEPTH} levels deep",
                _at(event),
                "flatten the document",
            )
        if self.is_mapping and self.key is _ABSENT:
            if not isinstance(value, str):
                self.stop(
                    "CW113", "a key is an alias of something that is no text", _at(event), "a key is a text"
                )
            self.key = value
            return
        self.height = max(self.height, height)
        self.put(value)

    def refuse_tag(self, event: Any) -> None:
        hint = "remove it: values are plain YAML, and quotes make a text"
        self.tell("CW108", f"the tag {quoted(event.tag, 60)} is not allowed", event, hint)

    def tell(self, code: str, message: str, event: Any, hint: str, key: str | None = None) -> None:
        self.report(code, message, hint, _at(event), self.pointer(key))

    def stop(self, code: str, message: str, at: tuple[int, int], hint: str) -> NoReturn:
        self.report(code, message, hint, at, self.pointer(None))
        raise StopReadingError

    def pointer(self, key: str | None) -> str:
        """Where in the document the builder is; below a mapping, at `key`."""
        last = key if key is not None else self.key if self.is_mapping else len(self.into)
        parts = [*(frame[1] for frame in self.stack), last][1:]  # the first is the document itself
        return "".join(f"/{token(part)}" for part in parts if part is not _ABSENT)


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _nothing(_: Any) -> None:
    return None
