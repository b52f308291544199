"""Streams and lists of Redis.

Rule: what was taken and is not done lies in Redis under the group's name, so that the next one finds it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from caseway_runner.calls.brokers.link import Link
from caseway_runner.calls.brokers.redis import connected
from caseway_runner.calls.extras import needed
from caseway_runner.queues.queue import Queue, QueueMessage, Source

_CONSUMER = "caseway"  # one at a time takes messages of a group, so all may go by one name
_PAYLOAD = b"payload"
# Takes up to ARGV[1] items off the list, each under an id of its own: an item of a list has none.
_TAKE = """
local found = {}
while #found < 2 * tonumber(ARGV[1]) do
  local item = redis.call('RPOP', KEYS[2]) or redis.call('RPOP', KEYS[1])
  if not item then break end
  local time = redis.call('TIME')
  local number = redis.call('INCR', KEYS[4])
  local id = string.format('%s%06d-%d', time[1], tonumber(time[2]), number)
  redis.call('HSET', KEYS[3], id, item)
  found[#found + 1] = id
  found[#found + 1] = item
end
return found
"""


@asynccontextmanager
async def consume(link: Link, queue: Queue) -> AsyncIterator[Source]:
    """The stream or list."""
    async with connected(link) as client:
        if queue.kind == "list":
            yield await _list(client, queue)
        else:
            yield await _stream(client, queue)


@dataclass(slots=True)
class _Stream:
    """`after` is the last of those that were taken before and not done; None when there are no more."""

    client: Any
    queue: Queue
    after: bytes | None = b"0"

    async def take(self, most: int, seconds: float) -> Sequence[QueueMessage]:
        if self.after is not None:
            found = await self._read(self.after, most, None)
            self.after = found[-1][0] if found else None
            if found:
                return [_entry(id, fields) for id, fields in found]
        found = await self._read(b">", most, max(1, round(seconds * 1000)))
        return [_entry(id, fields) for id, fields in found]

    async def done(self, message: QueueMessage) -> None:
        await self.client.xack(self.queue.address, self.queue.group, message.handle)

    async def _read(self, after: bytes, most: int, wait: int | None) -> list[tuple[bytes, Any]]:
        queue = self.queue
        found = await self.client.xreadgroup(
            queue.group, _CONSUMER, {queue.address: after}, count=most, block=wait
        )
        return list(_entries(found))


def _entries(answer: Any) -> Iterator[tuple[bytes, Any]]:
    """`(id, fields)` of what one stream gave: a mapping, or pairs of its name and its entries."""
    streams = answer.items() if isinstance(answer, Mapping) else answer or ()
    for _, found in streams:
        # one protocol wraps the entries of a stream in another list
        is_wrapped = bool(found) and isinstance(found[0], list)
        yield from found[0] if is_wrapped else found


async def _stream(client: Any, queue: Queue) -> Source:
    errors = needed("redis.exceptions", "asyncapi")
    try:
        start = "$" if queue.is_from_now else "0"
        await client.xgroup_create(queue.address, queue.group, id=start, mkstream=True)
    except errors.ResponseError as error:
        if "BUSYGROUP" not in str(error):  # it is there, as it should be
            raise
    return _Stream(client, queue)


def _entry(id: bytes, fields: Any) -> QueueMessage:
    """The field `payload` is the message and the others its headers; without it the fields are the message.
    An entry that was deleted meanwhile has none."""
    known = dict(fields or {})
    payload = known.pop(_PAYLOAD, None)
    texts = {_text(name): _text(value) for name, value in known.items()}
    if payload is None:
        return QueueMessage(json.dumps(texts).encode(), {}, _text(id), id)
    return QueueMessage(payload, texts, _text(id), id)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@dataclass(slots=True)
class _List:
    """`kept` are those that were taken before and not done."""

    client: Any
    queue: Queue
    script: Any
    kept: list[QueueMessage] = field(default_factory=list)

    async def take(self, most: int, seconds: float) -> Sequence[QueueMessage]:
        if self.kept:
            found, self.kept = self.kept[:most], self.kept[most:]
            return found
        found = await self._taken(most)
        if not found:
            await self.client.blmove(self.queue.address, _key(self.queue, "moving"), seconds, "RIGHT", "LEFT")
            found = await self._taken(most)
        return found

    async def done(self, message: QueueMessage) -> None:
        await self.client.hdel(_key(self.queue, "taken"), message.handle)

    async def _taken(self, most: int) -> list[QueueMessage]:
        keys = [self.queue.address, *(_key(self.queue, name) for name in ("moving", "taken", "number"))]
        flat = await self.script(keys=keys, args=[most])
        return [_item(id, item) for id, item in zip(flat[::2], flat[1::2], strict=True)]


def _key(queue: Queue, name: str) -> str:
    return f"{queue.address}:{queue.group}:{name}"


def _item(id: bytes, item: bytes) -> QueueMessage:
    return QueueMessage(item, {}, _text(id), id)


async def _list(client: Any, queue: Queue) -> Source:
    kept = await client.hgetall(_key(queue, "taken"))
    script = client.register_script(_TAKE)
    return _List(client, queue, script, [_item(id, kept[id]) for id in sorted(kept)])
