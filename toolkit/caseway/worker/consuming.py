"""Takes the messages of one queue, for as long as this process has its lease.

Rule: a message is acknowledged after its execution is in the store; whatever dies before, it comes again, and
its id makes it start no second one."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from caseway.model.errors import CasewayError
from caseway.platform import credentials, lease
from caseway.platform.intake import failing, messages
from caseway.platform.intake.messages import Fate, Letter
from caseway.platform.intake.watched import Watched
from caseway.platform.masking import masker, strings_of
from caseway.platform.resource_bodies import connection_bodies, connection_slot
from caseway.worker.letters import letter_of
from caseway.worker.run import Worker
from caseway_runner.errors import Fault
from caseway_runner.queues.opening import QUEUE_KINDS, consume
from caseway_runner.queues.queue import Queue, QueueMessage, Source

LOG = logging.getLogger("caseway.worker")
WAIT = 1.0  # seconds that one look for messages may take
LAST_WAIT = 3.0  # the same, where nobody looks again
FULL = 0.25  # seconds until it is looked again whether there is room
ATTEMPTS = 5
PREFETCH = 10
AGAIN = (1.0, 2.0, 4.0, 8.0)  # seconds until a message is tried again that could not start an execution
MOST_AT_ONCE = 100


@dataclass(slots=True)
class Consumer:
    """One queue. `stop` ends it when what is in hand is done."""

    worker: Worker
    watched: Watched
    held: lease.Lease
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    is_once: bool = False
    started: int = 0
    _again: list[tuple[float, QueueMessage]] = field(default_factory=list)

    async def run(self) -> None:
        """Take messages until told to stop, or the lease or the trigger is gone; when the broker is, try
        again later and later. With `is_once`, until none comes or there is no room."""
        try:
            while not self.stop.is_set():
                problem = await self._consume()
                if not problem:
                    return
                count = await asyncio.to_thread(
                    messages.fail, self.worker.platform, self.held, self.watched, problem
                )
                if self.is_once:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), failing.pause(count) / failing.FIRST)
        except CasewayError as error:
            if error.code not in messages.STOPPING:
                raise
            LOG.info("%s of %s: %s", self.watched.trigger_id, self.watched.instance, error.message)

    async def _consume(self) -> str:
        """Take messages while the broker is there; why it is not, "" at the end."""
        platform = self.worker.platform
        queue = await asyncio.to_thread(queue_of, self.worker, self.watched)
        hide = masker(strings_of(queue.login))
        self._again.clear()
        try:
            async with consume(queue, self.worker.policy) as source:
                await asyncio.to_thread(messages.opened, platform, self.held, self.watched)
                validator = await asyncio.to_thread(messages.schema_of, platform, self.watched)
                await self._take_all(source, queue.prefetch, validator)
        except Fault as error:
            return hide(f"{error.error.title}: {error.error.detail}")
        return ""

    async def _take_all(self, source: Source, prefetch: int, validator: Any) -> None:
        while not self.stop.is_set():
            room = (
                prefetch
                - await asyncio.to_thread(messages.under_way, self.worker.platform, self.watched)
                - len(self._again)
            )
            taken = [*self._due()]
            if room > 0:
                wait = 0.1 if taken or self._again else LAST_WAIT if self.is_once else WAIT
                taken += await source.take(min(room, MOST_AT_ONCE), wait)
            elif not taken and not self.is_once:
                await asyncio.sleep(FULL)
            if taken:
                await self._settle(source, taken, validator)
            elif self.is_once and not self._again:
                return

    def _due(self) -> list[QueueMessage]:
        """What is to be tried again now."""
        now = asyncio.get_running_loop().time()
        due = [message for at, message in self._again if at <= now]
        self._again = [(at, message) for at, message in self._again if at > now]
        return due

    async def _settle(self, source: Source, taken: Sequence[QueueMessage], validator: Any) -> None:
        definition = self.watched.definition
        letters = await asyncio.to_thread(
            lambda: [letter_of(message, definition, validator) for message in taken]
        )
        fates = await asyncio.to_thread(messages.take, self.worker.platform, self.held, self.watched, letters)
        self.started += sum(bool(fate.execution) for fate in fates)
        for message, letter, fate in zip(taken, letters, fates, strict=True):
            if fate.is_over or await self._is_given_up(letter, fate):
                await source.done(message)
            else:
                later = AGAIN[min(fate.attempt, len(AGAIN)) - 1]
                self._again.append((asyncio.get_running_loop().time() + later, message))

    async def _is_given_up(self, letter: Letter, fate: Fate) -> bool:
        if fate.attempt < int(self.watched.definition.get("attempts") or ATTEMPTS):
            return False
        LOG.warning(
            "%s of %s: a message was set aside: %s",
            self.watched.trigger_id,
            self.watched.instance,
            fate.problem,
        )
        await asyncio.to_thread(
            messages.set_aside, self.worker.platform, self.held, self.watched, letter, fate.problem
        )
        return True


def queue_of(worker: Worker, watched: Watched) -> Queue:
    """Where a trigger takes its messages from, with what it signs in with now."""
    definition, name = watched.definition, str(watched.definition.get("connection") or "")
    with worker.platform.database.reading() as connection:
        known = connection_bodies(connection, watched.organization, watched.project, [name])
    body: Mapping[str, Any] = known.get(name, {})
    kinds = QUEUE_KINDS.get(str(body.get("type") or ""), frozenset())
    written = [kind for kind in sorted(frozenset().union(*QUEUE_KINDS.values())) if definition.get(kind)]
    kind = next((each for each in written if each in kinds), written[0] if written else "")
    return Queue(
        type=str(body.get("type") or ""),
        url=str(body.get("url") or ""),
        kind=kind,
        address=str(definition.get(kind) or ""),
        group=str(definition.get("group") or group_of(watched)),
        prefetch=int(definition.get("prefetch") or PREFETCH),
        is_from_now=definition.get("first") == "skip",
        login=_login(worker, watched, name) if body.get("credential") else {},
        options=dict(body.get("options") or {}),
    )


def group_of(watched: Watched) -> str:
    """A name of the trigger's own, the same for every version: short enough for a client id of MQTT."""
    return "caseway-" + hashlib.sha256(":".join(watched.key).encode()).hexdigest()[:15]


def _login(worker: Worker, watched: Watched, name: str) -> Mapping[str, Any]:
    try:
        value = credentials.secrets_for(worker.platform, watched.instance_id)(connection_slot(name))
    except KeyError:
        return {}
    return value if isinstance(value, Mapping) else {"token": value}
