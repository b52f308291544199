"""Schedulers in child processes: each fires what is due while its clock runs, and may be told to die at a
boundary. Asked line by line on stdin; a process of its own, so that forking needs no thought for threads."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from datetime import datetime, timedelta
from typing import Any

from caseway.platform import schedules
from caseway.platform.compose import Platform, this_process
from caseway.platform.tables import instant
from chaos.dying import killer
from chaos.store_builders import ORGANIZATION, a_platform

COMPLAINT = 8000  # characters of a traceback: a pipe takes them without anybody reading


def run(url: str, begin: str, end: str, seed: int, die_at: int) -> None:
    """Fire from one moment to the other in uneven steps, each shorter than ten firings."""
    chance = random.Random(seed)
    now, last = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    options: dict[str, Any] = {"holder": this_process(), "clock": lambda: now}
    if die_at:
        options["on_boundary"] = killer(die_at)
    with a_platform(url, ids=lambda: f"{os.getpid()}-{chance.getrandbits(64):x}", **options) as platform:
        while now < last:
            now = min(now + timedelta(seconds=chance.randint(1, 400)), last)
            # One that was only slower than another has made nothing, and yet not everything is made: while it
            # went on, its clock would leave behind more firings than are made up for.
            while _is_any_due(platform, now):
                schedules.due(platform)


def _is_any_due(platform: Platform, now: datetime) -> bool:
    listed = schedules.list_schedules(platform, ORGANIZATION)
    return any("" < item.next_at <= instant(now) for item in listed)


def main() -> None:
    """Answer a list of schedulers, run side by side, with how each ended; one that failed says why."""
    for line in sys.stdin:
        children = [_started(request) for request in json.loads(line)]
        sys.stdout.write(json.dumps([_end(*child) for child in children]) + "\n")
        sys.stdout.flush()


def _started(request: dict[str, Any]) -> tuple[int, int]:
    """A child that is a scheduler, and where it says what went wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run(**request)
        except BaseException:  # noqa: BLE001 - the child must never return into the parent's code
            os.write(writing, traceback.format_exc()[-COMPLAINT:].encode())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    return child, reading


def _end(child: int, complaints: int) -> str:
    _, status = os.waitpid(child, 0)
    with os.fdopen(complaints) as file:
        said = file.read()
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "killed"
    return "finished" if status == 0 else f"failed with {os.waitstatus_to_exitcode(status)}: {said}"


if __name__ == "__main__":
    main()
