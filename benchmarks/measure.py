"""Measures commands from outside: wall time, processor time and peak memory of a process and its children.

Rule: everything that is compared in one table is measured in one run, on the same single core. Processor time
is what stays true when other programs want the core too.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measurement:
    """What running a command some times gave: medians of wall and processor time in seconds, and the greatest
    memory in megabytes."""

    name: str
    wall: float
    cpu: float
    peak: float


def in_words(seconds: float) -> str:
    """A time as people read it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def pin_to_one_core() -> None:
    """Keep this process and everything it starts on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@dataclass(frozen=True)
class Command:
    """What is measured: its name in the table, how it is run. With another exit code than `codes` it fails,
    and what fails is not a result."""

    name: str
    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str] | None = None
    codes: tuple[int, ...] = (0,)


def measure(
    command: Command, *, times: int = 5, warm: int = 1, before: Callable[[], None] = lambda: None
) -> Measurement:
    """Run `command` `warm` times unmeasured, then `times` times measured; `before` prepares each of them."""
    seen = []
    for turn in range(warm + times):
        before()
        run = _run(command)
        if run.code not in command.codes:
            sys.exit(f"{command.name}: {' '.join(command.words)} ended with {run.code}")
        if turn >= warm:
            seen.append(run)
    wall = statistics.median(run.wall for run in seen)
    cpu = statistics.median(run.cpu for run in seen)
    return Measurement(command.name, wall, cpu, max(run.peak for run in seen))


@dataclass(frozen=True)
class _Run:
    wall: float
    cpu: float
    peak: float
    code: int


def _run(command: Command) -> _Run:
    sys.stdout.flush()
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        os.chdir(command.folder)
        try:
            os.execvpe(
                command.words[0], list(command.words), _with_bytecode(command.environment or os.environ)
            )
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)  # its usage includes that of the children it waited for
    wall = time.perf_counter() - began
    return _Run(
        wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)
    )


def _with_bytecode(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the variable that would make every Python program compile itself anew."""
    return {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """One line about where this was measured."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in _lines(Path("/proc/cpuinfo"))
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    return f"Python {sys.version.split()[0]}, one core of {cpu}, load {os.getloadavg()[0]:.1f}"


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
