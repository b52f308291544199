"""How documents were spelled before `caseway/v1`, and the edits that bring them up to date.

The one rule: a spelling is only ever added here, so that any document ever written can still be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from caseway.repo.edits import Edit
from caseway.repo.parse import ParsedDocument

CURRENT = "caseway/v1"
VERSIONS = frozenset({"caseway/v0", "caseway/v1alpha1", "caseway/v1alpha2", "caseway/v1beta1"})

# kind -> (where, `*` standing for every item; the key then; the key now)
_RENAMED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Project": (
        ("/spec", "environments", "stages"),
        ("/spec", "org", "organization"),
        ("/spec/defaults", "backend", "target"),
    ),
    "UseCase": (
        ("/spec", "displayName", "title"),
        ("/spec", "params", "parameters"),
        ("/spec", "secrets", "credentials"),
        ("/spec", "services", "connections"),
        ("/spec", "type", "processType"),
        ("/spec/workflows/*", "path", "file"),
        ("/spec/workflows/*/triggers/*", "schedule", "cron"),
        ("/spec/workflows/*/triggers/*", "tz", "timezone"),
    ),
    "Instance": (
        ("/spec", "process", "useCase"),
        ("/spec", "environment", "stage"),
        ("/spec", "active", "enabled"),
        ("/spec", "params", "parameters"),
        ("/spec", "secrets", "credentials"),
    ),
    "Connection": (("/spec", "kind", "type"), ("/spec", "secret", "credential")),
    "Runtime": (("/spec", "base", "baseImage"),),
    "WorkflowTest": (("/spec", "params", "parameters"), ("/spec", "mocks", "stubs")),
}


def updates(kind: str, document: ParsedDocument) -> Iterator[Edit]:
    """The edits that write an older document of `kind` as it is written now; none for a current one."""
    value = document.value
    if not isinstance(value, dict):
        return
    if value.get("apiVersion") in VERSIONS:
        yield Edit.of_value(document, "/apiVersion", CURRENT)
    for where, old, new in _RENAMED.get(kind, ()):
        for pointer, holder in _places(value, where.split("/")[1:], ""):
            if old in holder and new not in holder:
                line, column = document.positions.key(f"{pointer}/{old}")
                yield Edit(document.index, line, column, old, new, f"{pointer}/{old}", key=new)


def _places(value: Any, parts: list[str], pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not parts:
        if isinstance(value, dict):
            yield pointer, value
        return
    first, *others = parts
    if first == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, others, f"{pointer}/{index}")
    elif isinstance(value, dict) and first in value:
        yield from _places(value[first], others, f"{pointer}/{first}")
