"""Runs `caseway ci` in child processes that kill themselves at a given moment; asked line by line on stdin.

A process of its own, so that forking needs no thought for the threads of the tests."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx

from caseway.cli.main import cli
from github.github_world import Pipeline, Repo


class Death:
    """Comes at moment number `at`: a commit of the platform, or just before or after a request of ours."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.passed = 0

    def step(self) -> None:
        """One moment more."""
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def boundary(self, name: str) -> None:
        """A moment of the platform's."""
        if name == "before-commit" or name.startswith(("action:", "preview:")):
            self.step()


class DeadlyTransport(httpx.BaseTransport):
    """The forge at another address, reached by somebody mortal."""

    def __init__(self, death: Death, address: str) -> None:
        self._death = death
        self._inner = httpx.HTTPTransport()
        self._address = httpx.URL(address)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._death.step()
        url = request.url.copy_with(scheme="http", host=self._address.host, port=self._address.port)
        moved = httpx.Request(request.method, url, headers=request.headers, content=request.read())
        answer = self._inner.handle_request(moved)
        answer.read()
        self._death.step()
        return answer


def command(asked: dict[str, Any]) -> int:
    """The command itself, ended by an alarm `within` so many seconds, wherever it is then; its exit code."""
    os.environ.update(asked["environment"])
    said = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    if asked["within"]:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # nobody is asked: as if it were killed
        signal.setitimer(signal.ITIMER_REAL, asked["within"])
    try:
        cli(["-C", asked["repo"], "ci"], prog_name="caseway")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def run(asked: dict[str, Any]) -> int:
    """One run of the pipeline; its moments when it lived through them."""
    if "environment" in asked:
        return command(asked)
    death = Death(asked["at"])
    pipeline = Pipeline(
        Repo(Path(asked["repo"])),
        asked["url"],
        DeadlyTransport(death, asked["forge"]),
        number=asked["number"],
        on_boundary=death.boundary,
    )
    if asked["do"] == "push":
        pipeline.push()
    else:
        pipeline.request(asked["do"], is_merged=True)
    return death.passed


def main() -> None:
    """Answer every request with `killed`, how many moments there were, or what went wrong."""
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, str(run(json.loads(line))).encode())
            except BaseException as error:  # noqa: BLE001 - the child must never return into the parent's code
                os.write(writing, f"failed: {type(error).__name__}: {error}".encode())
                os._exit(1)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            answer = told.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            signals = {signal.SIGKILL, signal.SIGALRM}
            answer = "killed" if os.WTERMSIG(status) in signals else f"signal {os.WTERMSIG(status)}"
        sys.stdout.write(answer.replace("\n", " ") + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
