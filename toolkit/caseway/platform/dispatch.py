"""Executions made, claimed and ended by a process that runs many: through its writer, few commits for all.

The one rule: what a draft is bound to is checked in the transaction that stores it. A stale draft is drawn up
anew, so that caching what serves an instance never decides anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from caseway.model.errors import CasewayError
from caseway.model.states import ExecutionStatus
from caseway.platform import claims, creation, ending, prepared
from caseway.platform.admission import Room
from caseway.platform.bundle import Platform
from caseway.platform.commits import Commits
from caseway.platform.creation import Draft, Made, NewExecution
from caseway.platform.held import Claim, Progress
from caseway.platform.references import References
from caseway.platform.remembered import Remembered
from caseway.platform.serving import Known, Serving, serving_of
from caseway.platform.statements import Raw
from caseway.platform.tables import instant

if TYPE_CHECKING:
    from caseway_runner import Outcome

TRIES = 5  # of drafting while deployments change; after that, drafting and storing share a transaction


@dataclass(frozen=True, slots=True)
class Begun:
    """An execution that was asked for. `claim` is the right to run it, None when it was there already, or its
    instance runs as many as it may: then it is pending."""

    id: str
    is_new: bool
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A draft to be stored, and for how long it is claimed at once: 0 for not at all."""

    draft: Draft
    seconds: float


class Dispatcher:
    """The four steps of an execution's life that every one of them takes. For one event loop."""

    def __init__(self, platform: Platform, writer: Commits) -> None:
        self._platform = platform
        self._writer = writer
        self._known = Known()
        self._remembered = Remembered()

    async def create(self, new: NewExecution) -> Made:
        """A pending execution; as `creation.create`, and raises the same."""
        begun = await self._stored(new, 0.0)
        self._platform.bell.ring([begun.id] if begun.is_new else [])
        return Made(begun.id, begun.is_new)

    async def begin(self, new: NewExecution, *, seconds: float = 30.0) -> Begun:
        """An execution that is made and claimed in one commit; raises as `creation.create`."""
        return await self._stored(new, seconds)

    async def claim(self, execution_id: str, *, seconds: float = 30.0) -> Claim | None:
        """As `claims.claim`, for this process."""
        wanted = claims.Wanted(execution_id, self._platform.holder, seconds)
        taken: Claim | None = await self._writer.store(self._claim_all, wanted)
        return taken

    async def finish(self, held: Claim, outcome: Outcome, progress: Progress | None = None) -> None:
        """As `ending.finish`; `progress` has the last entries of its journal, which nobody waited for."""
        ended = ending.Ended(held, outcome, progress or Progress())
        await self._writer.store(self._end_all, ended)

    async def serving(self, organization: str, instance: str) -> Serving:
        """What serves an instance, read when it was last needed; raises as `creation.create`."""
        return self._known.get(organization, instance) or await self._read(organization, instance)

    async def _stored(self, new: NewExecution, seconds: float) -> Begun:
        serving = await self.serving(new.organization, new.instance)
        for _ in range(TRIES):
            asked = _Asked(await self._draft(new, serving), seconds)
            begun: Begun = await self._writer.store(self._store_all, asked)
            if begun.id:
                return begun
            serving = await self._read(new.organization, new.instance)
        execution_id = await asyncio.to_thread(creation.create, self._platform, new)
        return Begun(execution_id, True, await self.claim(execution_id, seconds=seconds) if seconds else None)

    async def _read(self, organization: str, instance: str) -> Serving:
        serving = await asyncio.to_thread(_serving, self._platform, organization, instance)
        self._known.put(serving)
        return serving

    async def _draft(self, new: NewExecution, serving: Serving) -> Draft:
        if serving.has_secrets:
            return await asyncio.to_thread(_drafted, self._platform, new, serving)
        served = serving.chosen(new.workflow, new.trigger, new.trigger_id)
        plain = References(()).hide(new.input)
        return Draft(self._platform.ids(), new, serving, served, plain, self._platform.clock())

    def _store_all(self, connection: Raw, asked: Sequence[_Asked]) -> list[Begun]:
        """In the writer's thread: pending or running executions of the drafts that are right still."""
        right = {draft.id for draft in creation.still_serving(connection, [one.draft for one in asked])}
        room = Room(connection, instant(self._platform.clock()))
        fresh = [one for one in asked if one.draft.id in right]
        running = {one.draft.id for one in fresh if one.seconds and _has_room(connection, room, one.draft)}
        rows = [self._row(one, is_running=one.draft.id in running) for one in fresh]
        prepared.insert_executions(connection, rows)
        drafts = [one.draft for one in fresh]
        stored = creation.stored(connection, drafts)
        made = {draft.id: one for draft, one in zip(drafts, stored, strict=True)}
        return [self._begun(connection, one, made.get(one.draft.id), running) for one in asked]

    def _row(self, asked: _Asked, *, is_running: bool) -> dict[str, Any]:
        draft = asked.draft
        if not is_running:
            return creation.row(draft)
        return creation.row(
            draft,
            status=ExecutionStatus.RUNNING.value,
            dispatches=1,
            claimed_by=self._platform.holder,
            claim_token=1,
            claim_expires_at=instant(draft.at + timedelta(seconds=asked.seconds)),
            started_at=instant(draft.at),
        )

    def _begun(self, connection: Raw, asked: _Asked, made: Made | None, running: set[str]) -> Begun:
        if made is None:
            return Begun("", False, None)
        draft = asked.draft
        if not made.is_new or draft.id not in running:
            return Begun(made.id, made.is_new, None)
        document = self._remembered.document(connection, draft.served.definition)
        return Begun(made.id, True, claims.first(draft, document, self._platform.holder))

    def _claim_all(self, connection: Raw, wanted: Sequence[claims.Wanted]) -> list[claims.Taken]:
        return claims.take(connection, wanted, self._platform.clock(), self._remembered)

    def _end_all(self, connection: Raw, ended: Sequence[ending.Ended]) -> list[CasewayError | None]:
        return ending.end(connection, ended, self._platform.clock())


def _has_room(connection: Raw, room: Room, draft: Draft) -> bool:
    """Whether the execution may run at once; one that was made before takes no place."""
    concurrency = draft.serving.concurrency
    key = draft.new.idempotency_key
    if concurrency is not None and key and prepared.of_key(connection, draft.serving.instance_id, key):
        return False
    return room.take(draft.serving.instance_id, concurrency)


def _serving(platform: Platform, organization: str, instance: str) -> Serving:
    with platform.database.reading() as connection:
        return serving_of(connection, organization, instance)


def _drafted(platform: Platform, new: NewExecution, serving: Serving) -> Draft:
    with platform.database.reading() as connection:
        return creation.drafted(connection, platform, new, serving, platform.ids())
