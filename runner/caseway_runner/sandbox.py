"""Runs jq programs that may be hostile in helper processes with a memory limit and a time limit.

A helper that overruns is killed and replaced; the caller gets a `SandboxError`, never a hang."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_CHUNK = 1 << 16
_PATIENCE = 60.0  # seconds that a machine may leave a helper waiting


class SandboxError(Exception):
    """The program failed, ran too long, or asked for too much memory."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds of computing and bytes one evaluation may use, and how long its result may be as JSON text."""

    seconds: float = 5.0
    memory_bytes: int = 256 * 1024 * 1024
    result_bytes: int = 10 * 1024 * 1024


@dataclass(slots=True)
class _Helper:
    process: subprocess.Popen[bytes]
    selector: selectors.BaseSelector
    buffer: bytearray = field(default_factory=bytearray)

    def close(self) -> None:
        self.selector.close()
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # broken: the helper is gone, which is what we want
                    pipe.close()
        self.process.wait()


class Sandbox:
    """A pool of helpers, started on demand and kept warm. Safe to use from several threads."""

    def __init__(self, bounds: Bounds, *, keep: int = 2) -> None:
        self._bounds = bounds
        self._keep = keep
        self._idle: list[_Helper] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def run(self, program: str, text: str) -> list[Any]:
        """All results of `program` on the JSON `text`."""
        answer = self._ask({"program": program, "text": text})
        results = answer["results"]
        assert isinstance(results, list)
        return results

    def check(self, program: str, arguments: Mapping[str, None]) -> str:
        """Why `program` does not compile, or ""."""
        return str(self._ask({"check": program, "arguments": list(arguments)})["error"])

    def close(self) -> None:
        """Stop the idle helpers."""
        with self._lock:
            helpers, self._idle = self._idle, []
        for helper in helpers:
            helper.close()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        helper = self._take()
        try:
            line = self._exchange(helper, json.dumps(request).encode() + b"\n")
        except BaseException:
            helper.close()
            raise
        self._give_back(helper)
        answer: dict[str, Any] = json.loads(line)
        if "failure" in answer:
            raise SandboxError(str(answer["failure"]))
        return answer

    def _take(self) -> _Helper:
        with self._lock:
            if self._owner != os.getpid():  # after a fork the pipes belong to the parent
                self._owner, self._idle = os.getpid(), []
            while self._idle:
                helper = self._idle.pop()
                if helper.process.poll() is None:
                    return helper
                helper.close()
        return self._start()

    def _give_back(self, helper: _Helper) -> None:
        with self._lock:
            if len(self._idle) < self._keep and helper.process.poll() is None:
                self._idle.append(helper)
                return
        helper.close()

    def _start(self) -> _Helper:
        bounds = self._bounds
        process = subprocess.Popen(  # noqa: S603 - our own helper, fixed arguments
            [
                sys.executable,
                *("-I", "-S", "-E"),
                _HELPER,
                _folder_of_jq(),
                str(bounds.memory_bytes),
                str(bounds.seconds),
                str(bounds.result_bytes),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
            close_fds=True,
        )
        assert process.stdin is not None and process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        return _Helper(process, selector)

    def _exchange(self, helper: _Helper, request: bytes) -> bytes:
        assert helper.process.stdin is not None and helper.process.stdout is not None
        # The helper's own alarm fires first; this deadline is for a helper that cannot even do that.
        deadline = time.monotonic() + self._bounds.seconds + _PATIENCE
        source, sink = helper.process.stdout, helper.process.stdin
        pending = memoryview(request)
        helper.selector.register(sink, selectors.EVENT_WRITE)
        writing = True
        try:
            while b"\n" not in helper.buffer:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise SandboxError(f"took longer than {self._bounds.seconds:g} s")
                for key, _ in helper.selector.select(remaining):
                    if key.fileobj is sink:
                        pending = pending[os.write(sink.fileno(), pending[:_CHUNK]) :]
                        if not pending:
                            helper.selector.unregister(sink)
                            writing = False
                    elif not self._read(helper, source.fileno()):
                        raise SandboxError(self._epitaph(helper))
        except BrokenPipeError:
            raise SandboxError(self._epitaph(helper)) from None
        finally:
            if writing:
                helper.selector.unregister(sink)
        line, _, rest = bytes(helper.buffer).partition(b"\n")
        helper.buffer[:] = rest
        return line

    def _read(self, helper: _Helper, source: int) -> bool:
        chunk = os.read(source, _CHUNK)
        helper.buffer += chunk
        return bool(chunk)

    def _epitaph(self, helper: _Helper) -> str:
        code = helper.process.wait()
        if code == -signal.SIGPROF:  # the helper's own clock
            return f"took longer than {self._bounds.seconds:g} s"
        return f"used more than {self._bounds.memory_bytes // (1024 * 1024)} MB of memory"


# Run as a file: as a module of the package it would import the whole package, ten times its own work.
_HELPER = str(Path(__file__).with_name("sandbox_helper.py"))


@lru_cache(maxsize=1)
def _folder_of_jq() -> str:
    """Where jq lies; with -S the helper does not know, and looks nowhere else but in the standard library."""
    found = find_spec("jq")
    if found is None or not found.origin:
        raise SandboxError("jq is not installed")
    return str(Path(found.origin).parent)


@lru_cache(maxsize=8)
def shared_sandbox(bounds: Bounds) -> Sandbox:
    """The process-wide pool for these bounds: helpers are costly to start and hold no state."""
    pool = Sandbox(bounds)
    atexit.register(pool.close)
    return pool
