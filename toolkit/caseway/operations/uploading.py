"""A desired state in two parts: what it is made of, by digest, and the rest. Pure.

Rule: only what is large is left out: the bodies of use cases, runtimes and connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.desired import Desired
from caseway.operations.desired_state import as_json

PARTS = ("useCases", "runtimes", "connections")


def taken_apart(desired: Desired) -> tuple[dict[str, Any], dict[str, JsonObject]]:
    """The desired state as JSON without bodies, and the bodies by digest."""
    whole = as_json(desired)
    bodies: dict[str, JsonObject] = {}
    for part in PARTS:
        for item in whole[part]:
            bodies[item["digest"]] = item["body"]
            item["body"] = {}
    return whole, bodies


def digests_in(manifest: Mapping[str, Any]) -> list[str]:
    """The digests of the bodies that were left out."""
    return [
        str(item["digest"])
        for part in PARTS
        for item in manifest.get(part) or ()
        if isinstance(item, Mapping) and item.get("digest")
    ]


def put_together(manifest: Mapping[str, Any], bodies: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with its bodies in their places."""
    whole = dict(manifest)
    for part in PARTS:
        items = whole.get(part) or ()
        whole[part] = [
            {**item, "body": bodies.get(str(item.get("digest")), {})} if isinstance(item, Mapping) else item
            for item in items
        ]
    return whole
