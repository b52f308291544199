"""Everything that one file says by itself: its documents, and what is wrong with them.

Rule: a pure function of the file's bytes, name suffix and role, so that its answer can be kept by content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NamedTuple

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.discover import Role
from caseway.repo.findings import finding
from caseway.repo.parse import ParsedDocument, parse
from caseway.repo.positions import Positions
from caseway.repo.quote import printable, quoted

N8N = "N8nWorkflow"
N8N_SUFFIX = ".n8n.json"
_KINDS = ("Project", "UseCase", "Instance", "Overlay", "Runtime", "Connection", "WorkflowTest")
_MARKER = b"caseway/v"  # a file outside of Caseway's folders is ours when it says so
_UNREADABLE = frozenset({"CW104"})  # texts that no store keeps: the file's documents are not used at all

_CODES = {
    "additionalProperties": "CW201", "unevaluatedProperties": "CW201", "propertyNames": "CW201",
    "required": "CW202", "dependentRequired": "CW202", "dependencies": "CW202",
    "type": "CW203",
    "enum": "CW204", "const": "CW204",
    "pattern": "CW205", "format": "CW205",
    "minimum": "CW206", "maximum": "CW206", "exclusiveMinimum": "CW206", "exclusiveMaximum": "CW206",
    "multipleOf": "CW206", "minLength": "CW206", "maxLength": "CW206",  "minItems": "CW206",
    "maxItems": "CW206",
    "uniqueItems": "CW206", "minProperties": "CW206", "maxProperties": "CW206",
}  # fmt: skip
_OTHER_SHAPE = "CW207"


class Found(NamedTuple):
    """One document of a file, the `number`th. `is_valid`: its schema holds and its file is sound."""

    kind: str
    name: str
    number: int
    is_valid: bool
    value: Any


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file says. The diagnostics name no file: the same content may stand in several places."""

    documents: tuple[Found, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    nodes: int = 0

    def to_text(self) -> str:
        """JSON, for the cache."""
        found = [
            (item.line, item.column, item.pointer, item.code, str(item.severity), item.message, item.hint)
            for item in self.diagnostics
        ]
        return json.dumps([self.documents, found, self.nodes], ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_text(text: str) -> Examined:
        """The inverse of `to_text`. Raises ValueError or TypeError for anything else."""
        documents, found, nodes = json.loads(text)
        diagnostics = tuple(
            Diagnostic("", line, column, pointer, code, Severity(severity), message, hint)
            for line, column, pointer, code, severity, message, hint in found
        )
        return Examined(tuple(Found(*each) for each in documents), diagnostics, int(nodes))


def examine(data: bytes, path: str, role: Role) -> Examined:
    """What the file `path` says when it holds `data`."""
    if role is Role.OTHER and _MARKER not in data:
        return Examined()
    parsed = parse(data, path)
    if not parsed.is_sound and any(item.code in _UNREADABLE for item in parsed.diagnostics):
        return Examined((), _without_file(parsed.diagnostics), parsed.nodes)
    documents: list[Found] = []
    diagnostics = list(parsed.diagnostics)
    for document in parsed.documents:
        kind, trouble = _classify(document, path, role)
        if trouble is not None:
            diagnostics.append(trouble)
        if kind:
            broken = tuple(_schema_findings(kind, document.value, document.positions))
            diagnostics += broken
            is_valid = parsed.is_sound and not broken
            documents.append(
                Found(kind, _name(kind, document.value, path), document.index, is_valid, document.value)
            )
    if not parsed.documents and not parsed.diagnostics and role is not Role.OTHER:
        diagnostics.append(
            finding("CW119", path, "the file holds no document", hint="write it, or remove the file")
        )
    return Examined(tuple(documents), _without_file(diagnostics), parsed.nodes)


def _without_file(diagnostics: Any) -> tuple[Diagnostic, ...]:
    return tuple(replace(item, file="") for item in diagnostics)


def _classify(document: ParsedDocument, path: str, role: Role) -> tuple[str, Diagnostic | None]:
    """The kind of a document ("" when it is none of ours), or what is wrong with it."""
    value = document.value
    if not isinstance(value, dict):
        return "", _no_document(document, path, role)
    kind = value.get("kind")
    if path.endswith(N8N_SUFFIX) or (role is Role.WORKFLOW and _is_n8n(value)):
        return N8N, None
    if isinstance(kind, str) and kind in _KINDS and (role is not Role.OTHER or _is_ours(value)):
        return kind, None
    if _is_workflow(value, role):
        return "Workflow", None
    return "", None if role is Role.OTHER and not _is_ours(value) else _unknown_kind(document, path, kind)


def _is_workflow(value: dict[str, Any], role: Role) -> bool:
    """Whether it is meant as one: in a folder of workflows everything that says nothing else is."""
    if isinstance(value.get("document"), dict):
        return role is not Role.OTHER or "do" in value
    return role is Role.WORKFLOW and "kind" not in value


def _is_ours(value: dict[str, Any]) -> bool:
    version = value.get("apiVersion")
    return isinstance(version, str) and version.startswith("caseway/")


def _is_n8n(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("nodes"), list) and "connections" in value


def _no_document(document: ParsedDocument, path: str, role: Role) -> Diagnostic | None:
    if role is Role.OTHER:
        return None
    hint = "a document is a mapping with apiVersion, kind, metadata and spec"
    return finding("CW118", path, "this is no Caseway document", at=document.positions.at(""), hint=hint)


def _unknown_kind(document: ParsedDocument, path: str, kind: Any) -> Diagnostic:
    at = document.positions.at("/kind")
    if kind is None:
        hint = "add 'apiVersion: caseway/v1' and 'kind: …'; the kinds are " + ", ".join(_KINDS)
        return finding("CW118", path, "the document says no kind", at=at, hint=hint)
    near = get_close_matches(str(kind)[:40].lower(), [each.lower() for each in _KINDS], 1)
    meant = next((each for each in _KINDS if near and each.lower() == near[0]), "")
    hint = f"did you mean {meant}?" if meant else "the kinds are " + ", ".join(_KINDS)
    return finding("CW118", path, f"there is no kind {quoted(str(kind))}", at=at, pointer="/kind", hint=hint)


def _name(kind: str, value: Any, path: str) -> str:
    if kind == N8N:
        return path.rpartition("/")[2].removesuffix(".json").removesuffix(".n8n")
    head = value.get("document" if kind == "Workflow" else "metadata")
    name = head.get("name") if isinstance(head, dict) else None
    return name if isinstance(name, str) else ""


def _schema_findings(kind: str, value: Any, positions: Positions) -> Iterator[Diagnostic]:
    if kind == N8N:
        return
    from caseway.repo.schema import violations  # noqa: PLC0415 - a cached reading never needs it

    for broken in violations(kind, value, is_plain=True):
        code = _CODES.get(broken.keyword, _OTHER_SHAPE)
        at = positions.key(broken.pointer) if code == "CW201" else positions.at(broken.pointer)
        message, hint = printable(broken.message), printable(broken.hint)
        yield finding(code, "", message, at=at, pointer=printable(broken.pointer), hint=hint)
