"""Runs the application on uvicorn until a signal, then lets go in good order.

Rule: first say not ready, then take no more requests, then let what is under way end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Generator

import uvicorn

from caseway.server.edge import Edge
from caseway.server.settings import ServerSettings

Listening = Callable[[str], None]
Beside = Callable[[asyncio.Event], Awaitable[object]]


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers of its own, which tells where it listens."""

    def __init__(self, config: uvicorn.Config, on_listening: Listening) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """The signals are ours."""
        yield

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override] # sockets are sockets
        """Listen, and tell where."""
        await super().startup(sockets)  # type: ignore[arg-type]
        for server in self.servers:
            for each in server.sockets:
                host, port = each.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                self._on_listening(f"http://{shown}:{port}")
                return


def run(
    app: Edge, settings: ServerSettings, *, on_listening: Listening, beside: Beside | None = None
) -> None:
    """Serve until SIGTERM or ^C. `beside` runs in the same process until the event it is given is set: the
    scheduler and the execution of `serve all`. A second signal ends at once."""
    asyncio.run(serve(app, settings, on_listening=on_listening, beside=beside))


async def serve(
    app: Edge,
    settings: ServerSettings,
    *,
    on_listening: Listening,
    beside: Beside | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """As `run`, within a loop; `stop` ends it as a signal would."""
    server = _Server(_config(app, settings), on_listening)
    told = stop or asyncio.Event()
    hurry = asyncio.Event()
    with _signals(told, hurry, server):
        web = asyncio.create_task(server.serve())
        work = asyncio.ensure_future(beside(told)) if beside is not None else None
        ending = asyncio.create_task(told.wait())
        parts = {web, ending, *({work} if work is not None else ())}
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        app.serving.ending.set()
        told.set()
        if not web.done():
            await _drained(settings, hurry)
        server.should_exit = True
        await asyncio.gather(web, ending, *((work,) if work is not None else ()))


async def _drained(settings: ServerSettings, hurry: asyncio.Event) -> None:
    """Not ready, but answering: whoever balances the load needs a moment to notice."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(hurry.wait(), settings.drain)


def _config(app: Edge, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        limit_concurrency=settings.max_concurrency,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
    )


@contextlib.contextmanager
def _signals(
    told: asyncio.Event, hurry: asyncio.Event, server: uvicorn.Server
) -> Generator[None, None, None]:
    loop = asyncio.get_running_loop()

    def hear() -> None:
        if told.is_set():
            hurry.set()
            server.force_exit = True
        told.set()

    handled = []
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, hear)
        except (ValueError, RuntimeError, NotImplementedError):  # not the main thread: somebody else decides
            continue
        handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
