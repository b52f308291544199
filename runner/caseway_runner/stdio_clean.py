"""Leaves nothing of an execution to the next one in the same container: processes, files, shared memory.

Rule: what cannot be cleaned is said, so that the container is thrown away instead of being used again."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_PR_SET_DUMPABLE = 4
_TRIES = 50
_PAUSE = 0.002
_SYSV = ("shm", "sem", "msg")


def shield() -> None:
    """Keep this process's memory, environment and pipes from other processes of the same user."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def is_cleaned(scratch: Iterable[Path]) -> bool:
    """Kill every other process of the container and empty the scratch folders; false when something stays.

    Only for a runner that has its container, and so its process namespace, to itself."""
    return _is_alone() and all(_is_emptied(folder) for folder in scratch) and not _has_shared_memory()


def _is_alone() -> bool:
    """Kill everybody; true when only this process and the container's init are left."""
    for _ in range(_TRIES):
        with suppress(ProcessLookupError, PermissionError):  # nobody else is there, or not ours to kill
            os.kill(-1, signal.SIGKILL)
        while _is_reaped():
            pass
        if not _others():
            return True
        time.sleep(_PAUSE)
    return False


def _is_reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _others() -> list[int]:
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [pid for pid in found if pid not in {1, os.getpid()} and not _is_zombie(pid)]


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and waits for its parent only. One that is gone is no zombie, and no bother."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except (OSError, IndexError):
        return True


def _is_emptied(folder: Path) -> bool:
    for item in _items(folder):
        if item.is_dir() and not item.is_symlink():
            _open_up(item)
            shutil.rmtree(item, ignore_errors=True)
        else:
            with suppress(OSError):
                item.unlink()
    return not _items(folder)


def _open_up(folder: Path) -> None:
    """Give ourselves the right to remove what is below."""
    for path, names, _ in os.walk(folder):
        for name in (".", *names):
            with suppress(OSError):
                Path(path, name).chmod(0o700, follow_symlinks=name == ".")


def _items(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _has_shared_memory() -> bool:
    """Whether System V shared memory, semaphores or message queues are left."""
    for kind in _SYSV:
        with suppress(OSError):
            if len(Path(f"/proc/sysvipc/{kind}").read_text().splitlines()) > 1:
                return True
    return False
