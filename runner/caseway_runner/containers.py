"""What `run: container` asks of a container engine. Data and one protocol; nothing here runs anything.

Rule: the engine decides what may run (images, mounts, ports); the interpreter only says what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ContainerRequest:
    """One container to run. `key` is the idempotency key of the task: a container that a crashed run left
    behind under the same key is this one's predecessor. `name` may be "". `arguments` are the argv given to
    `command` (run by a shell in the container) or to the image's own. `cleanup` is `always`, `eventually`
    (then `cleanup_after` seconds after its end) or `never`; `pull_policy` is `ifNotPresent`, `always` or
    `never`. `reference` is the task's, as in its record."""

    key: str
    image: str
    name: str = ""
    command: str = ""
    arguments: tuple[str, ...] = ()
    stdin: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    pull_policy: str = "ifNotPresent"
    cleanup: str = "never"
    cleanup_after: float = 0.0
    output_bytes: int = 10 * 1024 * 1024
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ContainerResult:
    """How it ended: its exit code and what it wrote. `is_heard` when the engine told `on_line` of every line
    as it came."""

    code: int
    stdout: str = ""
    stderr: str = ""
    is_heard: bool = False


class ContainerError(Exception):
    """The engine could not run the container. `kind` is the kind of workflow error it becomes:
    `authorization` when the policy forbids it, `configuration` when it cannot be done as asked, else
    `runtime`."""

    def __init__(self, message: str, kind: str = "runtime") -> None:
        super().__init__(message)
        self.kind = kind


class Containers(Protocol):
    """A container engine. `run` returns when the container has ended; cancelling it stops the container.
    Raises ContainerError."""

    async def run(self, request: ContainerRequest, /) -> ContainerResult: ...
