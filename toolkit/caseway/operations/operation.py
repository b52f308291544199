"""What an operation is: one thing that can be asked of a platform, in process or over HTTP alike.

Rule: an operation decides nothing twice; it calls what the rooms below already know how to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from caseway.model.access import Caller, Permission
from caseway.platform.bundle import Platform

PREFIX = "/api/v1"


class Answer(StrEnum):
    """What an operation answers with: one value, a page of a list, or a stream of events."""

    ONE = "one"
    LIST = "list"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Operating:
    """For whom an operation is carried out, and on what."""

    platform: Platform
    caller: Caller

    @property
    def organization(self) -> str:
        """The organization asked for: the caller's own, always."""
        return self.caller.organization

    @property
    def actor(self) -> str:
        """Who does it, for the audit."""
        return self.caller.name or self.caller.id or self.caller.kind


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a list; `next_cursor` is "" at the end."""

    items: Sequence[Any]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream. `id` is where to go on after, `kind` its name, `data` what it says."""

    id: str
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """What a stream had to tell since it was asked last, and whether that was the end."""

    events: Sequence[Event]
    is_over: bool


Follow = Callable[[str], Look]  # what came after the event of that id; "" is the beginning


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `name` is `<things>.<verb>`. Fields of `request` named in `path` travel there, the
    others in the query of a GET or DELETE and in the body of the rest.

    `about` names what kind of thing it is done to ("" the organization), `by` the field that says which.
    `run` gives a `response` (LIST: a `Page` of them; STREAM: a `Follow`). `has_etag`: the answer carries an
    ETag, or the request may say If-Match. `is_secret`: the answer is shown once, never kept in the clear."""

    name: str
    method: str
    path: str
    permission: Permission
    summary: str
    request: type
    response: type
    run: Callable[[Operating, Any], Any]
    answer: Answer = Answer.ONE
    about: str = ""
    by: str = "name"
    status: int = 200
    has_etag: bool = False
    is_secret: bool = False
    description: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"
