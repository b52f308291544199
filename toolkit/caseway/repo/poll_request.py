"""The request of a poll trigger as a document of the workflow language, and its expressions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

NAME = "poll"


def request_document(trigger: Mapping[str, Any], slots: Iterable[str] = ()) -> dict[str, Any]:
    """A workflow of one task that makes the trigger's request; expressions see the credential `slots`."""
    head = {"dsl": "1.0.3", "namespace": "caseway", "name": NAME, "version": "1.0.0"}
    request = trigger.get("request")
    given = {"method": "GET", **(request if isinstance(request, Mapping) else {})}
    document: dict[str, Any] = {"document": head, "do": [{NAME: {"call": "http", "with": given}}]}
    secrets = sorted(slots)
    return {**document, "use": {"secrets": secrets}} if secrets else document


def items_program(trigger: Mapping[str, Any]) -> str:
    """The jq program that makes `[[{value, key}, …]]` of an answer; a list that `items` gives is taken
    apart."""
    keyed = f"map({{value: ., key: [{_inner(trigger.get('key'))}] | first}})"
    flat = 'if length == 1 and (.[0] | type) == "array" then .[0] else . end'
    return f"[[{_inner(trigger.get('items'))}] | {flat} | {keyed}]"


def _inner(text: object) -> str:
    """The program within `${ … }`; the line break ends a comment in it."""
    bare = str(text or ".").strip()
    is_wrapped = bare.startswith("${") and bare.endswith("}")
    return (bare[2:-1] if is_wrapped else bare) + "\n"
