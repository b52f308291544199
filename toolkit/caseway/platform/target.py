"""Where workflows go live. A target is a module that satisfies `Target`; the rest is its own affair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from caseway.model.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class Rendered:
    """One workflow of one instance with its placeholders resolved; `digest` is of `document`.

    `settings` are the use case's: triggers, response, limits."""

    instance_id: str
    instance: str
    workflow: str
    digest: str
    document: JsonObject
    settings: JsonObject


@dataclass(frozen=True, slots=True)
class Live:
    """What a target holds for one workflow now; `digest` is of what is really there."""

    live_id: str
    workflow: str
    digest: str
    active: bool


class Target(Protocol):
    """Publishes rendered workflows and takes them away.

    Every call may be repeated: publishing what is there, or retiring what is gone, changes nothing. A failed
    call raises `CasewayError` and leaves what served before. `fires_schedules` says that the target runs
    schedule triggers itself, so that the platform must not."""

    @property
    def name(self) -> str: ...

    @property
    def fires_schedules(self) -> bool: ...

    def publish(self, workflows: Sequence[Rendered]) -> Mapping[str, str]:
        """Put all workflows of an instance live beside what serves now; their live ids by workflow."""
        ...

    def activate(self, live_ids: Sequence[str], *, active: bool) -> None:
        """Let them answer triggers, or not."""
        ...

    def retire(self, live_ids: Sequence[str]) -> None:
        """Take them away."""
        ...

    def live(self, instance_id: str) -> Sequence[Live]:
        """All that it holds for an instance, whatever deployment it came from."""
        ...
