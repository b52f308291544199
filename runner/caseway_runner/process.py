"""Runs one process on this host: own group, own empty directory, only the environment given, with limits.

Whatever ends the wait (timeout, cancellation, too much output), the whole group is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caseway_runner.errors import Fault, LimitExceeded, fault
from caseway_runner.lines import Hear, Splitter

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 0.5
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `files` are written into the working directory first; `{dir}` in arguments stands for it.
    `memory_bytes` 0 means no bound on address space, for runtimes that reserve far more than they use."""

    arguments: Sequence[str]
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    cpu_seconds: int = 3600
    memory_bytes: int = 2 * 1024 * 1024 * 1024
    output_bytes: int = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended; `code` is negative for a signal."""

    code: int
    stdout: str
    stderr: str


async def run_process(command: Command, hear: Hear | None = None) -> Result:
    """Run `command` to its end; `hear` gets its lines as they come. Raises LimitExceeded for too much
    output."""
    try:
        directory = Path(tempfile.mkdtemp(prefix="caseway-"))
    except OSError as error:
        raise _no_room(error) from error
    try:
        try:
            for name, text in command.files.items():
                (directory / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise _no_room(error) from error
        return await _run(command, directory, hear)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _no_room(error: OSError) -> Fault:
    return fault("runtime", f"the scratch folder cannot be written: {error.strerror or error}")


async def _run(command: Command, directory: Path, hear: Hear | None) -> Result:
    environment = {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        **command.environment,
    }
    arguments = [argument.replace("{dir}", str(directory)) for argument in command.arguments]
    try:
        process = await _started(
            "/bin/sh",
            "-c",
            _limits(command) + 'exec "$@"',
            "sh",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=directory,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise fault("runtime", f"the process could not be started: {error}") from error
    stdout, stderr = bytearray(), bytearray()
    code, exceeded = 0, ""
    try:
        async with asyncio.TaskGroup() as group:
            readers = [
                group.create_task(
                    _collect(process.stdout, stdout, command.output_bytes, _of("stdout", hear))
                ),
                group.create_task(
                    _collect(process.stderr, stderr, command.output_bytes, _of("stderr", hear))
                ),
            ]
            others = [
                group.create_task(_feed(process, command.stdin)),
                group.create_task(_let_go(process, readers)),
            ]
            await asyncio.wait(readers)
            for other in others:
                other.cancel()
        code = await process.wait()
    except* LimitExceeded as group:
        exceeded = str(group.exceptions[0])  # raised here, some versions of Python would wrap it in a group
    finally:
        await _end(process)
    if exceeded:
        raise LimitExceeded(exceeded)
    return Result(code, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))


async def _started(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
    """The process. When the wait for it is cancelled its whole group is killed: asyncio itself would kill the
    first process only."""
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*arguments, **options))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            await _end(await starting)
        raise


async def _let_go(process: asyncio.subprocess.Process, readers: list[asyncio.Task[None]]) -> None:
    """Stop reading soon after the process ended: a child that left its group may keep the pipes open."""
    while process.returncode is None:
        await asyncio.sleep(_POLL_SECONDS)
    _kill(process)
    await asyncio.sleep(_GRACE_SECONDS)
    for reader in readers:
        reader.cancel()


def _limits(command: Command) -> str:
    memory = f"ulimit -v {command.memory_bytes // 1024}; " if command.memory_bytes else ""
    # When memory runs out it is the task's process that the kernel shall end, not this one.
    first = "echo 500 2>/dev/null >/proc/self/oom_score_adj; "
    return f"{first}ulimit -c 0; ulimit -t {command.cpu_seconds}; {memory}"


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the process does not want its input; that is its right


async def _collect(
    stream: asyncio.StreamReader | None, into: bytearray, limit: int, hear: Callable[[str], None] | None
) -> None:
    assert stream is not None
    splitter = Splitter()
    try:
        while chunk := await stream.read(65_536):
            into += chunk
            if len(into) > limit:
                raise LimitExceeded(f"a process wrote more than {limit} bytes")
            if hear is not None:
                for line in splitter.feed(chunk):
                    hear(line)
    finally:
        if hear is not None:
            for line in splitter.end():
                hear(line)


def _of(stream: str, hear: Hear | None) -> Callable[[str], None] | None:
    return None if hear is None else lambda line: hear(stream, line)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the group may be gone already
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    _kill(process)
    # asyncio has no public way to let go of pipes that somebody else keeps open.
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()
