"""What values look like in the API's document and its reference: one table by the name of the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, Literal, get_args, get_origin

from caseway.operations.fields import Described, described

_MOMENT = "2026-11-21T10:00:00.000000Z"
_DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

EXAMPLES: Mapping[str, Any] = {
    "actor": "ann",
    "archived": False,
    "author": "Ann <ann@example.com>",
    "autoPausedBy": "",
    "bump": "minor",
    "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "conditions": ["UpdateAvailable"],
    "createdAt": _MOMENT,
    "credentials": {"mail": "smtp-main"},
    "deployedAt": _MOMENT,
    "desiredVersion": "^1.2",
    "digest": _DIGEST,
    "enabled": True,
    "endedAt": _MOMENT,
    "id": "5f0d3c6b9a1e4f7788c2d0aa",
    "input": {"invoice": "2026-0042"},
    "instance": "billing-dev",
    "kind": "call",
    "latest": "1.3.0",
    "limit": 50,
    "message": "Invoices carry their tax number",
    "name": "billing-dev",
    "nextAt": _MOMENT,
    "output": {"sent": True},
    "owner": "ann",
    "parameters": {"currency": "EUR"},
    "phase": "active",
    "process": "billing",
    "processType": "organizational",
    "project": "acme",
    "published": "1.2.0",
    "reference": "/do/0/send",
    "position": "/do/0/send",
    "resources": {"cpu": 0.5, "memory": "1GB"},
    "result": {"version": "1.2.0"},
    "revision": 42,
    "seconds": 0.31,
    "sharing": {"mode": "users", "users": [{"user": "bob", "role": "viewer"}]},
    "stage": "dev",
    "startedAt": _MOMENT,
    "status": "completed",
    "templateDigest": _DIGEST,
    "title": "Billing",
    "trigger": "http",
    "updateAvailable": "1.3.0",
    "updatedAt": _MOMENT,
    "version": "1.2.0",
    "workflow": "send-invoice",
}


def example_of(item: Described) -> Any:
    """A value as the field may hold; None when nothing better is known than its type."""
    if item.about.example is not None:
        return item.about.example
    known = EXAMPLES.get(item.json)
    return known if known is not None and _fits(item.type, known) else None


def whole_example(kind: type, leave: frozenset[str] = frozenset()) -> dict[str, Any]:
    """An object as the dataclass makes it, every field filled."""
    return {item.json: _filled(item) for item in described(kind) if item.name not in leave}


def _filled(item: Described) -> Any:
    known = example_of(item)
    if known is not None:
        return known
    if get_origin(item.type) is tuple:
        inner = get_args(item.type)[0]
        return [whole_example(inner)] if isinstance(inner, type) and is_dataclass(inner) else []
    if isinstance(item.type, type) and is_dataclass(item.type):
        return whole_example(item.type)
    if get_origin(item.type) is Literal:
        return get_args(item.type)[0]
    if item.is_nullable:
        return None
    blanks: dict[Any, Any] = {str: "", bool: False, int: 0, float: 0.0, Any: None}
    return blanks.get(item.type, {})


def _fits(kind: Any, value: Any) -> bool:
    if kind in {str, bool, int, float}:
        return isinstance(value, kind)
    if get_origin(kind) is tuple:
        return isinstance(value, list)
    return kind is Any or (isinstance(value, dict) and get_origin(kind) not in {None, Literal})
