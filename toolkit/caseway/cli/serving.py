"""Wires the processes of a platform: which parts run, on which database, with which settings."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caseway.cli.output import print_json, say
from caseway.cli.session import Session
from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from caseway.platform.bundle import Platform
    from caseway.platform.triggers.results import Result
    from caseway.platform.triggers.start import Start
    from caseway.server.app import Hear
    from caseway.worker.pool import Pool

MEGABYTE = 1024 * 1024
BEAT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Working:
    """How executions are run: how many at once, how long they get to end, with processes or without."""

    concurrency: int = 10
    grace: float = 20.0
    processes: bool = False
    once: bool = False
    executor: str = "docker"
    heartbeat: Path | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """The executions that run here, and what runs them until the event it is given is set; without one it
    hears signals itself."""

    pool: Pool
    run: Callable[[asyncio.Event | None], Coroutine[Any, Any, int]]

    def __call__(self, stop: asyncio.Event | None) -> Coroutine[Any, Any, int]:
        """Run until then; how many executions ended."""
        return self.run(stop)


@contextmanager
def working(platform: Platform, asked: Working) -> Iterator[Work]:
    """What runs executions, taking them from the queue of CASEWAY_QUEUE_URL if there is one."""
    import caseway_runner as runner
    from caseway.cli.engine import cluster_for, task_policy, the_engine
    from caseway.delivery.pull_upkeep import keep_up
    from caseway.platform.journal import JournalWriter
    from caseway.platform.queue_saq import SaqQueue
    from caseway.worker.contained import contained
    from caseway.worker.pool import Pool
    from caseway.worker.run import Worker
    from caseway.worker.serve import ended_by_signals, serve_pool

    queue_url, cluster = os.environ.get("CASEWAY_QUEUE_URL", ""), cluster_for(asked.executor)
    os.environ["CASEWAY_EXECUTOR"] = asked.executor  # what this process builds and plans is for the same one
    if asked.heartbeat is not None:
        require_writable(asked.heartbeat)
    with JournalWriter(platform.database) as writer:
        worker = Worker(platform, writer, runner.Policy(processes=asked.processes), house=house())

        pool = Pool(worker, asked.concurrency)

        async def run(stop: asyncio.Event | None) -> int:
            queue = SaqQueue(queue_url) if queue_url else None
            ending = stop or asyncio.Event()
            upkeep = None if asked.once else asyncio.create_task(keep_up(platform, repositories(), ending))
            beating = None if asked.heartbeat is None else asyncio.create_task(beat(asked.heartbeat))
            heard = ended_by_signals(ending) if stop is None else nullcontext()
            try:
                with heard:
                    async with contained(worker, the_engine, task_policy, cluster):
                        return await serve_pool(
                            pool, grace=asked.grace, once=asked.once, stop=ending, queue=queue
                        )
            finally:
                ending.set()
                if beating is not None:
                    beating.cancel()
                if upkeep is not None:
                    await upkeep
                if queue is not None:
                    await queue.close()

        yield Work(pool, run)


async def beat(file: Path) -> None:
    """Touch the file as long as this loop turns, for whoever watches the process."""
    while True:
        with suppress(OSError):  # whoever watches sees that it grows old
            file.touch()
        await asyncio.sleep(BEAT_SECONDS)


def require_writable(file: Path) -> None:
    """Touch the file; raises `CasewayError` (`setting`) when that cannot be."""
    try:
        file.touch()
    except OSError as error:
        raise CasewayError(
            f"--heartbeat {file} cannot be written: {error.strerror}",
            code="setting",
            hint="name a file in a folder that this user may write",
        ) from error


def serve_web(session: Session, asked: Mapping[str, Any], beside: Working | None) -> None:
    """Answer requests until told to stop; with `beside`, run executions in the same process."""
    require_server()
    from caseway.operations.carrying_out import go_on
    from caseway.platform.access.caller import caller_of
    from caseway.server.app import create_app
    from caseway.server.running import run
    from caseway.server.settings import ServerSettings

    serve_log()
    settings = ServerSettings(
        host=asked["host"],
        port=asked["port"],
        drain=asked["drain"],
        grace=asked["grace"],
        max_body=asked["max_body"] * MEGABYTE,
        max_rate=asked["max_rate"],
        trusted_proxies=tuple(asked["proxies"]),
    )
    with ExitStack() as opened:
        platform = opened.enter_context(session.platform(create=True, base_url=_base_url(asked)))
        work = opened.enter_context(working(platform, beside)) if beside is not None else None
        start, hear = starting(platform, work, opened)
        go_on(platform)  # applies that another server left unfinished
        app = create_app(platform, authenticate=caller_of, settings=settings, start=start, hear=hear)
        run(app, settings, on_listening=lambda url: _tell(session, url), beside=work)


def house() -> Mapping[str, Callable[[Platform], object]]:
    """What is done besides in each turn of the house: spans go to where OTEL_EXPORTER_OTLP_ENDPOINT says."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not endpoint:
        return {}
    try:
        from caseway.worker.otlp import export, sender
    except ImportError as error:
        raise CasewayError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and the exporter is not installed",
            code="not-installed",
            hint="install caseway[otlp]",
        ) from error
    send = sender(endpoint)
    return {"export": lambda platform: export(platform, send)}


def repositories() -> Path:
    """Where what is pulled is kept between two looks."""
    from caseway.repo.cache import user_folder

    return user_folder() / "repositories"


def starting(platform: Platform, work: Work | None, opened: ExitStack) -> tuple[Start, Hear | None]:
    """How triggers start executions: here, where there is who runs them, else for workers to find."""
    from caseway.platform.dispatch import Dispatcher
    from caseway.platform.journal import JournalWriter
    from caseway.platform.triggers.results import result_from

    if work is None:
        return Dispatcher(platform, opened.enter_context(JournalWriter(platform.database))).create, None
    heard = work.pool.heard

    def hear(listener: Callable[[Result], None]) -> None:
        heard.append(lambda held, outcome: listener(result_from(held, outcome)))

    return work.pool.start, hear


def _base_url(asked: Mapping[str, Any]) -> str:
    if asked["base_url"]:
        return str(asked["base_url"]).rstrip("/")
    return f"http://{asked['host']}:{asked['port']}" if asked["port"] else ""


def _tell(session: Session, url: str) -> None:
    """Where it listens, once it does."""
    if session.is_json:
        print_json({"listening": url})
        sys.stdout.flush()
    else:
        say(f"listening on {url}", err=True)


def serve_log() -> None:
    """One line per request and what went wrong, on stderr."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("caseway").setLevel(logging.INFO)


def require_server() -> None:
    """Raise `extra-missing` when the server's own dependencies are not installed."""
    try:
        import fastapi  # noqa: F401 - whether it is there is the question
        import prometheus_client  # noqa: F401 - as above
        import uvicorn  # noqa: F401 - as above
    except ImportError as error:
        raise CasewayError(
            f"the server needs {error.name}, which is not installed",
            code="extra-missing",
            hint="pip install 'caseway[server]'",
        ) from error
