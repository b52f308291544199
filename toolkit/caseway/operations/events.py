"""Server-sent events as a client hears them (WHATWG HTML, 9.2). Pure: lines in, events out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """One event: the id to go on after, its kind, and its data, a JSON object."""

    id: str
    kind: str
    data: dict[str, Any]


def heard_in(lines: Iterable[str]) -> Iterator[Heard]:
    """The events in the lines of a stream. One that was cut off in the middle is not told."""
    last, kind, data = "", "message", ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Heard(last, kind, _object(data))
            kind, data = "message", ""
        elif name == "id":
            last = value
        elif name == "event":
            kind = value
        elif name == "data":
            data += ("\n" if data else "") + value


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {"value": value}
