"""How values become JSON: one rule for the command line, the API and the clients.

Rule: names of fields become camelCase; the names inside of a user's own values are left as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from caseway.operations.fields import json_name


def facts_of(view: Any) -> dict[str, Any]:
    """A view (a dataclass, perhaps holding others) as a JSON object. A field whose metadata says
    `optional` is left out when it is empty."""
    return {
        json_name(field): _fact(value)
        for field in fields(view)
        if (value := getattr(view, field.name)) or not field.metadata.get("optional")
    }


def _fact(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return facts_of(value)
    if isinstance(value, (tuple, list)):
        return [_fact(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value
