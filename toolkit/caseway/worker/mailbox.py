"""The events of one execution, in and out: a `Mailbox` and an `EventBus` on the platform's inbox.

Rule: what an execution publishes carries no secret, for others read it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caseway.platform import inbox
from caseway.platform.compose import Platform
from caseway.platform.executions import Claim
from caseway.worker.masking import Masked
from caseway_runner import Arrival

LIFECYCLE = "caseway.dev/lifecycle"  # the member of a document's metadata that wants its lifecycle published
LOOK_AGAIN = 0.5  # seconds between two looks of an execution that stays awake


def is_told(document: Mapping[str, Any]) -> bool:
    """Whether the workflow wants others to hear, as events, what becomes of it and its tasks."""
    metadata = document["document"].get("metadata")
    return isinstance(metadata, Mapping) and metadata.get(LIFECYCLE) is True


@dataclass(frozen=True, slots=True)
class StoreEvents:
    """Both directions, for one claimed execution."""

    platform: Platform
    held: Claim
    masked: Masked

    async def after(self, number: int, /) -> Sequence[Arrival]:
        """The next events later than that."""
        found = await asyncio.to_thread(inbox.events_for, self.platform, self.held.execution_id, number)
        return [Arrival(at, event) for at, event in found]

    async def arrival(self, number: int, /) -> None:
        """Return when there is a later one."""
        while not await self.after(number):
            await asyncio.sleep(LOOK_AGAIN)

    async def publish(self, event: Mapping[str, Any]) -> None:
        """Deliver to everybody of the organization, this execution among them; from a preview, within it."""
        await asyncio.to_thread(
            inbox.deliver,
            self.platform,
            self.held.organization,
            self.masked.value(dict(event)),
            actor=f"execution:{self.held.execution_id}",
            emitter=self.held.execution_id,
        )
