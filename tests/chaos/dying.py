"""Applies repos in child processes that kill themselves at a given boundary; asked line by line on stdin.

A process of its own, so that forking needs no thought for the threads of the tests."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from caseway.platform.apply import apply
from caseway.platform.compose import this_process
from chaos.scenarios import SCENARIOS
from chaos.store_builders import a_platform, planned


def killer(at: int) -> Callable[[str], None]:
    """A boundary hook that dies the hard way at the boundary number `at`: within a transaction just before it
    would commit, or between two actions. Between two commits, one place to die is as good as another."""
    passed = 0

    def count(name: str) -> None:
        nonlocal passed
        passed += name == "before-commit" or name.startswith("action:")
        if passed == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def run(url: str, scenario: str, at: int) -> None:
    """Apply the last step of the scenario, to die on the way."""
    step = SCENARIOS[scenario][-1]
    with a_platform(url, holder=this_process(), on_boundary=killer(at)) as platform:
        made = planned(platform, step.repo, **step.options)
        apply(platform, made, actor="tests")


def main() -> None:
    """Answer every request with `killed`, `finished`, or what went wrong."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                run(**request)
            except BaseException as error:  # noqa: BLE001 - the child must never return into the parent's code
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            answer = "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"signal {os.WTERMSIG(status)}"
        else:
            answer = "finished" if os.WEXITSTATUS(status) == 0 else "failed"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
