"""The bytes of one file to its documents: YAML or JSON, plain values, every trouble a diagnostic.

Rule: no input raises, hangs or fills the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo import json_values, yaml_values
from caseway.repo.findings import finding
from caseway.repo.limits import DEFINITION_BYTES, FILE_BYTES, FINDINGS_PER_FILE
from caseway.repo.positions import Positions
from caseway.repo.quote import printable
from caseway.repo.yaml_errors import place

_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """One document: its value, where things stand in it, its first line, and its number in the file."""

    value: Any
    positions: Positions
    line: int = 1
    index: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """The documents of one file, what was wrong with it, and how many values it holds."""

    documents: tuple[ParsedDocument, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    nodes: int = 0

    def __iter__(self) -> Iterator[ParsedDocument]:
        return iter(self.documents)

    @property
    def is_sound(self) -> bool:
        """Whether nothing worse than a note or a warning was found."""
        return not any(item.severity is Severity.ERROR for item in self.diagnostics)


@dataclass(slots=True)
class _Findings:
    """Collects a file's diagnostics, each once, up to a bound."""

    file: str
    found: dict[Diagnostic, None] = field(default_factory=dict)

    def __call__(self, code: str, message: str, hint: str, at: tuple[int, int], pointer: str) -> None:
        if len(self.found) < FINDINGS_PER_FILE:
            self.found[finding(code, self.file, message, at=at, pointer=printable(pointer), hint=hint)] = None


def parse(data: bytes, path: str) -> Parsed:
    """The documents in `data`. `path` decides the language (`.json` is JSON, all else YAML) and is what the
    diagnostics name."""
    report = _Findings(printable(path))
    is_json = path.endswith(".json")
    text = _text(data, report)
    if text is None:
        return Parsed(diagnostics=tuple(report.found))
    if len(data) > DEFINITION_BYTES:
        report(
            "CW120", f"the file has {len(data) / 1e6:.1f} MB", "split it, or keep data outside", (0, 0), ""
        )
    if is_json:
        values, nodes = json_values.read_json(text, report)
    else:
        values, nodes = yaml_values.read_yaml(data.removeprefix(_MARK), report)
    documents = tuple(
        ParsedDocument(value, Positions(lambda: data, index, is_json=is_json), line, index)
        for index, (value, line) in enumerate(values)
        if value is not None
    )
    return Parsed(documents, tuple(report.found), nodes)


def _text(data: bytes, report: _Findings) -> str | None:
    """The text of `data`, None (and a finding) when it cannot be one."""
    if len(data) > FILE_BYTES:
        report("CW107", f"the file has {len(data) / 1e6:.0f} MB, at most 10 are read", "split it", (0, 0), "")
        return None
    if data.startswith(_WIDE_MARKS):
        report("CW103", "the file is UTF-16 or UTF-32", "save it as UTF-8", (1, 1), "")
        return None
    if data.startswith(_MARK):
        hint = "save the file as UTF-8 without a byte order mark"
        report("CW104", "the file begins with a byte order mark", hint, (1, 1), "")
    try:
        text = data.removeprefix(_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        report("CW103", message, "save the file as UTF-8", place(before + "?", len(before)), "")
        return None
    if "\0" in text:
        report("CW104", "a NUL byte stands in the text", "remove it", place(text, text.index("\0")), "")
        return None
    return text
