"""What a worker holds while it runs an execution. Plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from caseway.model.canonical import Json, JsonObject

if TYPE_CHECKING:
    from caseway_runner import Entry


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run an execution, while `token` is the latest, and all that running it needs.

    `definition` is the digest of `document`; without `has_secrets` there is no secret to look for;
    one that `is_new` has no journal yet."""

    execution_id: str
    token: int
    worker: str
    document: JsonObject
    input: Json
    instance_id: str
    instance: str
    organization: str
    process: str
    workflow: str
    version: str
    limits: JsonObject = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    depth: int = 0
    definition: str = ""
    deployment_id: str = ""
    has_secrets: bool = True
    is_new: bool = False


@dataclass(slots=True)
class Progress:
    """How far the journal of a claimed execution got: the numbers of its next entry and task (None when only
    the database knows), and its `last` entries, which become durable with the outcome."""

    numbers: tuple[int, int] | None = None
    last: Sequence[Entry] = ()
