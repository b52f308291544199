"""A server to talk to: the real application on a real uvicorn, on a free port, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import sqlalchemy as sa

from caseway.model.access import ALL_SCOPES, ANONYMOUS, Caller, local
from caseway.platform.access.people import add_user
from caseway.platform.bundle import Platform
from caseway.platform.tables import users
from caseway.server.app import create_app
from caseway.server.auth import Authenticate
from caseway.server.edge import Edge
from caseway.server.running import serve
from caseway.server.settings import ServerSettings
from chaos.store_builders import (
    ORGANIZATION,
    a_platform,
    a_repo,
    a_resource,
    a_use_case,
    an_instance,
    deployed,
)

TOKEN = "cws_tests"
ENOUGH = 120.0  # seconds after which something hangs


def known(platform: Platform, token: str) -> Caller:
    """Whom the tests' tokens belong to: `cws_tests` may everything in acme, `ORG:NAME` is a person."""
    if token == TOKEN:
        return Caller(ORGANIZATION, "user", "ann", "ann", organization_role="owner", scopes=tuple(ALL_SCOPES))
    organization, colon, name = token.partition(":")
    return _person(platform, organization, name) if colon else ANONYMOUS


def _person(platform: Platform, organization: str, name: str) -> Caller:
    """An owner, who is in the database where `a_served_platform` made them."""
    with platform.database.reading() as connection:
        found = connection.scalar(sa.select(users.c.id).where(users.c.name == name)) or name
    return Caller(organization, "user", found, name, organization_role="owner", scopes=tuple(ALL_SCOPES))


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    url: str
    app: Edge
    platform: Platform
    token: str = TOKEN


@contextmanager
def running(
    platform: Platform, settings: ServerSettings | None = None, authenticate: Authenticate = known
) -> Iterator[Running]:
    """A server for `platform`, ended in good order."""
    settings = settings or ServerSettings(port=0, drain=0.0, grace=5.0)
    app = create_app(platform, authenticate=authenticate, settings=settings)
    told: queue.Queue[str] = queue.Queue()
    loops: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def main() -> None:
        stop = asyncio.Event()
        loops.put((asyncio.get_running_loop(), stop))
        await serve(app, settings, on_listening=told.put, stop=stop)

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="server")
    thread.start()
    try:
        yield Running(told.get(timeout=ENOUGH), app, platform)
    finally:
        loop, stop = loops.get()
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=ENOUGH)


def where(process: subprocess.Popen[str]) -> str:
    """Where `caseway serve --format json` listens: what it says first. Fails with what it says else."""
    assert process.stdout is not None
    said = "".join(takewhile(lambda line: line.rstrip() != "}", process.stdout)) + "}"
    if '"listening"' not in said:
        process.kill()
        raise AssertionError(f"the server did not start: {said} {process.communicate()}")
    return str(json.loads(said)["listening"])


def a_served_platform(folder: Path) -> Platform:
    """A platform on SQLite with one use case deployed."""
    platform = a_platform(f"sqlite:///{folder / 'state.db'}")
    for name in ("ann", "olive"):
        add_user(platform, local(ORGANIZATION, "tests"), name, role="owner")
    deployed(platform, a_repo(a_use_case(), an_instance(), runtimes=(a_resource("python"),)))
    return platform
