"""A load generator that costs little itself: keep-alive connections, each asking again when it was answered.

Rule: a request keeps its idempotency key until it is answered, whatever happens to the server meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

RETRY_SECONDS = 0.05


@dataclass
class Load:
    """What came of it: seconds of each request, and the ids answered, by key."""

    seconds: list[float] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    retries: int = 0


@dataclass
class Asker:
    """One connection, opened again when it breaks."""

    url: str
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, key: str, amount: int) -> tuple[int, str]:
        """Status, and the execution's id."""
        parts = urlsplit(self.url)
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(parts.hostname, parts.port)
        body = json.dumps({"customer": "acme", "amount": amount}).encode()
        head = (
            f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
            f"idempotency-key: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(lines[0].split(" ")[1]), headers.get("caseway-execution", "")

    def forget(self) -> None:
        """The connection is of no use any more."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def load(url: str, *, connections: int, requests: int, keyed: bool = True, name: str = "load") -> Load:
    """Ask so often over so many connections; until every request was answered."""
    made, numbers = Load(), iter(range(requests))

    async def one() -> None:
        asker = Asker(url)
        for number in numbers:
            key = f"{name}-{number}" if keyed else ""
            began = time.perf_counter()
            made.answers[f"{name}-{number}"] = await _answered(asker, key, number, made)
            made.seconds.append(time.perf_counter() - began)
        asker.forget()

    await asyncio.gather(*[one() for _ in range(connections)])
    return made


async def _answered(asker: Asker, key: str, number: int, made: Load) -> str:
    while True:
        try:
            status, execution_id = await asker.ask(key, number)
            if status == 200:
                return execution_id
            if status < 500 and status != 202:
                raise RuntimeError(f"the server answers {status}")
        except (OSError, asyncio.IncompleteReadError):
            asker.forget()
        made.retries += 1
        await asyncio.sleep(RETRY_SECONDS)
