"""Everything in one process on one machine: serves, runs what is due, and brings each save live."""

from __future__ import annotations

import asyncio
import sys
import threading
import webbrowser
from contextlib import ExitStack
from typing import TYPE_CHECKING

from caseway.cli.output import clean, paint, say
from caseway.cli.serving import Working, require_server, serve_log, starting, working
from caseway.cli.session import Session
from caseway.cli.watching import a_watch, say_outcome, watch_until

if TYPE_CHECKING:
    from caseway.operations.client import Client
    from caseway.platform.bundle import Platform

_SHOWN = 10  # instances whose addresses are told


def develop(session: Session, *, port: int, opens: bool | None, processes: bool, takes_over: bool) -> int:
    """Serve, work and watch until told to stop."""
    require_server()
    from caseway.platform.access.caller import caller_of
    from caseway.server.app import create_app
    from caseway.server.running import run
    from caseway.server.settings import ServerSettings

    serve_log()
    host = "127.0.0.1"
    settings = ServerSettings(host=host, port=port or _free_port(host), drain=0.0, grace=5.0)
    url = f"http://{host}:{settings.port}"
    with ExitStack() as opened:
        platform = opened.enter_context(session.platform(create=True, base_url=url))
        work = opened.enter_context(working(platform, Working(processes=processes, grace=5.0)))
        start, hear = starting(platform, work, opened)
        app = create_app(platform, authenticate=caller_of, settings=settings, start=start, hear=hear)

        async def beside(stop: asyncio.Event) -> None:
            watching = asyncio.create_task(_watch(session, platform, stop, takes_over=takes_over))
            await asyncio.gather(work(stop), watching)

        run(app, settings, on_listening=lambda _: _greet(url, opens=opens), beside=beside)
    return 0


async def _watch(session: Session, platform: Platform, stop: asyncio.Event, *, takes_over: bool) -> None:
    """Watch in a thread of its own until `stop`."""
    from caseway.model.access import local
    from caseway.operations.local_client import LocalClient

    client = LocalClient(platform, local(session.organization(), session.actor()))
    ended = threading.Event()

    def go() -> None:
        watch = a_watch(session, client, takes_over=takes_over)
        first = watch.begin()
        if first is not None:
            say_outcome(first)
        _say_addresses(client)
        watch_until(watch, session.project_root().resolve(), ended, say_outcome)

    thread = asyncio.create_task(asyncio.to_thread(go))
    told = asyncio.create_task(stop.wait())
    await asyncio.wait({thread, told}, return_when=asyncio.FIRST_COMPLETED)
    ended.set()
    told.cancel()
    await thread


def _say_addresses(client: Client) -> None:
    """Where the HTTP triggers of what is live are reached."""
    found = client.call("instances.list", limit=_SHOWN)
    for instance in found["items"]:
        for workflow in instance["workflows"]:
            for trigger in workflow["triggers"]:
                if trigger.get("type") == "http":
                    say(f"  {clean(trigger.get('method') or 'POST')} {clean(trigger['url'])}", err=True)


def _greet(url: str, *, opens: bool | None) -> None:
    say(f"{paint('ready', 'green', bold=True, err=True)} at {url}; ^C ends it", err=True)
    if opens or (opens is None and sys.stdout.isatty()):
        webbrowser.open(url)


def _free_port(host: str) -> int:
    """A port nobody listens on now; the address must be known before anything is deployed."""
    import socket

    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
