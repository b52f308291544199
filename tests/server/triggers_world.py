"""What the tests of triggers share: an instance with http triggers, its doors, and a worker to run them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from caseway.platform import credentials, keys
from caseway.platform.compose import Platform
from caseway.platform.database import migrate
from caseway.platform.journal import JournalWriter
from caseway.platform.triggers.doors import networks
from caseway.platform.views import get_instance
from caseway.server.hooks.triggers import doors_of, router
from caseway.worker.fire import drain
from caseway.worker.run import Worker
from chaos.store_builders import (
    ORGANIZATION,
    a_document,
    a_platform,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
)

NAME = "invoice-dev"
ECHO = {"do": [{"echo": {"set": "${ {got: .} }"}}]}


@dataclass
class MovingClock:
    """The real time, moved on when told to."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **length: float) -> None:
        self.ahead += timedelta(**length)


@dataclass
class World:
    """An instance on a platform of its own, its address and its key."""

    platform: Platform
    clock: MovingClock
    trusted: str = ""

    @property
    def id(self) -> str:
        return get_instance(self.platform, ORGANIZATION, NAME).id

    def deploy(self, *triggers: dict[str, Any], document: dict[str, Any] | None = None, **body: Any) -> None:
        """Put a workflow `main` with these http triggers live; it gives back what it got."""
        whole = [{"id": "http", "type": "http", "path": "/start", **each} for each in triggers]
        made = a_workflow(triggers=whole, definition=a_document("main", **(document or ECHO)))
        deployed(self.platform, a_repo(a_use_case(workflows=[made], **body), an_instance()))

    def key(self, **options: Any) -> str:
        return keys.create(self.platform, ORGANIZATION, NAME, actor="tests", **options)[1]

    def secret(self, value: Any, name: str = "hook") -> None:
        credentials.set_credential(self.platform, ORGANIZATION, name, value, actor="tests")

    @asynccontextmanager
    async def calling(self, *, peer: str = "192.0.2.7", worker: bool = False) -> AsyncIterator[Call]:
        """A client of the doors, with a worker beside it when asked for."""
        app = FastAPI(openapi_url=None)
        doors = doors_of(self.platform, trusted=networks(self.trusted.split(",")))
        app.include_router(router(doors))
        transport = httpx.ASGITransport(app, client=(peer, 1234))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://caseway.test", timeout=60
        ) as client:
            stop = asyncio.Event()
            working = asyncio.create_task(self._work(stop)) if worker else None
            try:
                yield Call(client, self.id, doors.ends.ending)
            finally:
                stop.set()
                if working is not None:
                    await working

    async def _work(self, stop: asyncio.Event) -> None:
        with JournalWriter(self.platform.database) as writer:
            while not stop.is_set():
                await drain(Worker(self.platform, writer))
                await asyncio.sleep(0.01)


@dataclass
class Call:
    """Requests to one instance."""

    client: httpx.AsyncClient
    instance_id: str
    ending: asyncio.Event

    async def __call__(
        self, path: str = "/start", body: Any = None, *, method: str = "POST", key: str = "", **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if key:
            headers["X-API-Key"] = key
        if body is not None:
            headers.setdefault("content-type", "application/json")
            more["content"] = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.request(method, f"/hooks/{self.instance_id}{path}", headers=headers, **more)

    async def ended(self, answer: httpx.Response, *, key: str = "") -> dict[str, Any]:
        """The execution of an answer once it has ended."""
        while True:
            found = await self.client.get(answer.json()["url"], headers={"X-API-Key": key} if key else {})
            assert found.status_code == 200, found.text
            if found.json()["endedAt"]:
                return dict(found.json())
            await asyncio.sleep(0.01)


def a_migrated_file(folder: Path) -> Path:
    """A migrated database to copy: migrating takes longer than most tests."""
    file = folder / "migrated.db"
    migrate(f"sqlite:///{file}")
    return file


def a_world(folder: Path, migrated: Path, **changes: Any) -> World:
    """A world on a database in `folder`."""
    shutil.copy(migrated, folder / "state.db")
    clock = MovingClock()
    return World(a_platform(f"sqlite:///{folder / 'state.db'}", clock=clock, base_url=""), clock, **changes)


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())
