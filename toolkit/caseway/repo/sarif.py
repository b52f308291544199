"""Findings as SARIF 2.1.0, the format that code scanning services read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import caseway
from caseway.model.canonical import JsonObject, digest
from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.rules import RULES
from caseway.repo.rules.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"


def sarif(diagnostics: Sequence[Diagnostic], *, prefix: str = "") -> JsonObject:
    """The log file: one run, the rules that found something, and every finding as a result."""
    codes = sorted({found.code for found in diagnostics})
    index = {code: number for number, code in enumerate(codes)}
    driver: dict[str, Any] = {
        "name": "Caseway",
        "semanticVersion": caseway.__version__,
        "rules": [_rule(code, RULES.get(code)) for code in codes],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "results": [_result(found, index, prefix) for found in diagnostics],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, rule: Rule | None) -> JsonObject:
    if rule is None:
        return {"id": code}
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary[0].upper() + rule.summary[1:] + "."},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.why, "markdown": rule.why},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _result(found: Diagnostic, index: dict[str, int], prefix: str) -> JsonObject:
    text = found.message + (f"\n{found.hint}" if found.hint else "")
    physical: dict[str, Any] = {
        "artifactLocation": {
            "uri": quote(prefix + found.file, safe="/", errors="replace"),
            "uriBaseId": _ROOT,
        }
    }
    if found.line:
        physical["region"] = {"startLine": found.line, "startColumn": max(found.column, 1)}
    location: dict[str, Any] = {"physicalLocation": physical}
    if found.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": found.pointer, "kind": "member"}]
    fingerprint = digest([found.code, found.file, found.pointer or found.line, found.message])
    return {
        "ruleId": found.code,
        "ruleIndex": index[found.code],
        "level": _LEVELS[found.severity],
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"casewayFinding/v1": fingerprint.removeprefix("sha256:")},
    }


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
