"""Who made a container: a process of a machine, by which it is known later whether anybody still wants it.

Rule: only this module reads what the machine says about processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LABEL = "dev.caseway.owner"
OURS = {"dev.caseway": "1"}
_START = 19  # the field of /proc/<pid>/stat, counted after the name


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its machine (name and boot), its number, and when it started, for numbers come again."""

    machine: str
    pid: int
    started: int

    @property
    def text(self) -> str:
        """As it is written in labels."""
        return f"{self.machine}:{self.pid}:{self.started}"


def this_owner() -> Owner:
    """This process."""
    return Owner(_machine(), os.getpid(), _started(os.getpid()) or 0)


def is_gone(labels: Mapping[str, str]) -> bool:
    """Whether the process that made it has ended. One of another machine is not known to have."""
    machine, _, rest = labels.get(LABEL, "").rpartition(":")[0].rpartition(":")
    started = labels.get(LABEL, "").rpartition(":")[2]
    if machine != _machine() or not rest.isdecimal() or not started.isdecimal():
        return False
    return _started(int(rest)) != int(started)


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot[:8]}/{_processes()}"


def _processes() -> str:
    """The namespace of process numbers: two containers of one machine see different ones."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[_START])
    except (OSError, IndexError, ValueError):
        return None
