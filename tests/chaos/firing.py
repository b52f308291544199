"""Schedulers in child processes: each fires what is due while its clock runs, and may be told to die at a
boundary. Asked line by line on stdin; a process of its own, so that forking needs no thought for threads."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from datetime import datetime, timedelta
from typing import Any

from caseway.platform import schedules
from caseway.platform.compose import this_process
from chaos.dying import killer
from chaos.store_builders import a_platform


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
            while schedules.due(platform):
                pass


def main() -> None:
    """Answer a list of schedulers, run side by side, with how each ended."""
    for line in sys.stdin:
        children = []
        for request in json.loads(line):
            child = os.fork()
            if child == 0:
                try:
                    run(**request)
                except BaseException as error:  # noqa: BLE001 - the child must never return into the parent's code
                    sys.stderr.write(f"{type(error).__name__}: {error}\n")
                    os._exit(1)
                os._exit(0)
            children.append(child)
        answers = []
        for child in children:
            _, status = os.waitpid(child, 0)
            is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            answers.append("killed" if is_killed else "finished" if status == 0 else "failed")
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
