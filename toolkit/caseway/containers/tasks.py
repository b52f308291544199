"""Runs the containers of `run: container` tasks: each hardened like all of ours, bounded by a policy.

Rule: the policy decides, before the engine is asked, which images, folders and ports a task may have; what a
task leaves is gone with its execution at the latest."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shlex
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from caseway.containers.attach import STDOUT, Attached, attach
from caseway.containers.engine import Engine
from caseway.containers.errors import ContainerFailed, ContainerLost
from caseway.containers.images import find_image, pull_image, require_image
from caseway.containers.owner import LABEL, OURS
from caseway.containers.sandbox import USER, Network, Resources, hardened
from caseway.containers.sdk_errors import engine_errors
from caseway.model.errors import CasewayError
from caseway_runner import ContainerError, ContainerRequest, ContainerResult, Line
from caseway_runner.lines import Splitter

KEY = "dev.caseway.task"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,60}")
Heard = Callable[[Line], None]


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """What tasks may have. `images` and `folders` are globs and host folders; a folder is mounted read-only.
    Volumes with a plain name are the execution's own scratch space, always allowed."""

    images: tuple[str, ...] = ("*",)
    folders: tuple[Path, ...] = ()
    network: Network = Network.NONE
    publishes: bool = False
    resources: Resources = field(default_factory=Resources)
    user: str = USER


class TaskContainers:
    """The `Containers` of one execution; `close` removes what it has left. `on_line` hears every line as
    it is written."""

    def __init__(
        self, engine: Engine, policy: TaskPolicy, labels: Mapping[str, str], on_line: Heard | None = None
    ) -> None:
        self._engine, self._policy = engine, policy
        self._labels = {**OURS, **labels, "dev.caseway.kind": "task"}
        self._heard = on_line
        self._kept: set[str] = set()
        self._volumes: set[str] = set()
        self._later: set[asyncio.Task[None]] = set()

    async def run(self, request: ContainerRequest, /) -> ContainerResult:
        """Run the container to its end. Raises `ContainerError`."""
        try:
            settings = self._settings(request)
            await self._image(request)
            return await self._run(request, settings)
        except ContainerLost as error:
            raise ContainerError(error.message) from error
        except ContainerFailed as error:
            raise ContainerError(error.message, "configuration") from error
        except CasewayError as error:
            raise ContainerError(error.message) from error

    async def close(self) -> None:
        """Remove every container and volume of the execution."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        for container in self._kept:
            await asyncio.to_thread(self._engine.remove, container)
        for volume in self._volumes:
            await asyncio.to_thread(_remove_volume, self._engine, volume)
        self._kept, self._volumes = set(), set()

    async def _image(self, request: ContainerRequest) -> None:
        if not any(fnmatchcase(request.image, glob) for glob in self._policy.images):
            raise ContainerError(f"the policy does not allow the image {request.image}", "authorization")
        match request.pull_policy:
            case "always":
                await asyncio.to_thread(pull_image, self._engine, request.image)
            case "never":
                if await asyncio.to_thread(find_image, self._engine, request.image) is None:
                    raise ContainerError(
                        f"there is no image {request.image}, and it may not be pulled", "configuration"
                    )
            case _:
                await asyncio.to_thread(require_image, self._engine, request.image)

    async def _run(self, request: ContainerRequest, settings: Mapping[str, Any]) -> ContainerResult:
        for before in await asyncio.to_thread(self._engine.ours, {KEY: _digest(request.key)}):
            await asyncio.to_thread(self._engine.remove, before.id)  # of a run that crashed
        capacity = await asyncio.to_thread(self._engine.capacity)
        settings = {**hardened(self._policy.resources, capacity), **settings}
        await asyncio.to_thread(self._make_volumes, request)
        container = await asyncio.to_thread(self._engine.create, request.image, _command(request), settings)
        self._kept.add(container)
        try:
            result = await self._watched(request, container)
        except BaseException:
            await self._removed(container)
            raise
        await self._ended(request, container)
        return result

    async def _watched(self, request: ContainerRequest, container: str) -> ContainerResult:
        attached = await attach(self._engine.address, container)
        try:
            await asyncio.to_thread(self._engine.start, container, place=request.image)
            feeding = asyncio.ensure_future(_feed(attached, request.stdin))
            out, err = await self._collected(attached, request)
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        finally:
            await attached.close()
        state = await self._final_state(container)
        if state.was_killed_for_memory and state.exit_code == 137:
            raise ContainerError(
                f"the container used more than its {self._policy.resources.memory_bytes // 1_000_000} MB"
            )
        return ContainerResult(state.exit_code, out, err, is_heard=self._heard is not None)

    async def _final_state(self, container: str) -> Any:
        """How it stands once it has ended: its output ends a moment before."""
        while True:
            state = await asyncio.to_thread(self._engine.state, container)
            if not state.is_running:
                return state
            await asyncio.sleep(0.01)

    async def _collected(self, attached: Attached, request: ContainerRequest) -> tuple[str, str]:
        written = {"stdout": bytearray(), "stderr": bytearray()}
        lines = {stream: Splitter() for stream in written}
        async for number, data in attached.frames():
            stream = "stdout" if number == STDOUT else "stderr"
            written[stream].extend(data)
            self._hear(request, stream, lines[stream].feed(data))
            if sum(map(len, written.values())) > request.output_bytes:
                raise ContainerError(f"the container wrote more than {request.output_bytes} bytes")
        for stream, splitter in lines.items():
            self._hear(request, stream, splitter.end())
        out, err = (text.decode("utf-8", "replace") for text in written.values())
        return out, err

    def _hear(self, request: ContainerRequest, stream: str, lines: Iterable[str]) -> None:
        if self._heard is not None:
            position = request.key.partition(":")[2]
            for text in lines:
                self._heard(Line(position, request.reference, stream, text))

    async def _ended(self, request: ContainerRequest, container: str) -> None:
        """`never` keeps it as long as the execution runs; `eventually` for a while of that."""
        if request.cleanup == "always":
            await self._removed(container)
        elif request.cleanup == "eventually":
            self._after(request.cleanup_after, lambda: self._removed(container))

    def _after(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            await work()

        task = asyncio.ensure_future(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _removed(self, container: str) -> None:
        await asyncio.shield(asyncio.to_thread(self._engine.remove, container))
        self._kept.discard(container)

    def _settings(self, request: ContainerRequest) -> dict[str, Any]:
        bridged = self._policy.network is Network.BRIDGE
        if request.ports and not (self._policy.publishes and bridged):
            raise ContainerError("the policy does not allow a container to publish ports", "authorization")
        settings: dict[str, Any] = {
            "labels": {**self._labels, KEY: _digest(request.key)},
            "environment": dict(request.environment),
            "network_mode": "bridge" if bridged else "none",
            "user": self._policy.user,
            "stdin_open": True,
            "detach": False,
            "volumes": dict(self._mount(*pair) for pair in request.volumes.items()),
            "ports": {f"{inner}/tcp": ("127.0.0.1", int(outer)) for outer, inner in request.ports.items()},
        }
        if request.name:
            settings["name"] = (
                f"caseway-{re.sub(r'[^a-zA-Z0-9_.-]+', '-', request.name)}-{_digest(request.key)}"
            )
        if request.command:
            settings["entrypoint"] = ["/bin/sh"]
        return settings

    def _mount(self, source: str, target: str) -> tuple[str, dict[str, str]]:
        if not PurePosixPath(target).is_absolute() or ".." in PurePosixPath(target).parts:
            raise ContainerError(f"a volume is mounted at an absolute path, not at {target}", "configuration")
        if _NAME.fullmatch(source):
            return self._volume(source), {"bind": target, "mode": "rw"}
        real = Path(source).resolve()  # through every link, so that none leads out
        for folder in self._policy.folders:
            if Path(source).is_absolute() and real.is_relative_to(folder.resolve()):
                return str(real), {"bind": target, "mode": "ro"}
        raise ContainerError(
            f"the policy does not allow to mount {source}: a plain name is a folder of the execution's own",
            "authorization",
        )

    def _volume(self, name: str) -> str:
        execution = self._labels.get("dev.caseway.execution", "local")
        return f"caseway-{_digest(execution)}-{name}"

    def _make_volumes(self, request: ContainerRequest) -> None:
        for source in request.volumes:
            if not _NAME.fullmatch(source) or self._volume(source) in self._volumes:
                continue
            name = self._volume(source)
            with engine_errors(name):
                self._engine.client.volumes.create(name, labels=self._labels)
            self._volumes.add(name)
            self._open_to_user(name, request.image)

    def _open_to_user(self, name: str, image: str) -> None:
        """A new volume is root's: give it to the user that the containers run as."""
        with engine_errors(image):
            self._engine.client.containers.run(
                image,
                ["-c", f"chown {shlex.quote(self._policy.user)} /scratch"],
                entrypoint="/bin/sh",
                remove=True,
                network_mode="none",
                user="0:0",
                cap_drop=["ALL"],
                cap_add=["CHOWN"],
                security_opt=["no-new-privileges:true"],
                read_only=True,
                pids_limit=16,
                mem_limit="64m",
                volumes={name: {"bind": "/scratch", "mode": "rw"}},
                labels=self._labels,
            )


def _command(request: ContainerRequest) -> list[str]:
    arguments = list(request.arguments)
    return ["-c", request.command, "sh", *arguments] if request.command else arguments


async def _feed(attached: Attached, text: str) -> None:
    with contextlib.suppress(CasewayError):  # it does not want its input; that is its right
        if text:
            await attached.send(text.encode())
        await attached.end_input()


def _remove_volume(engine: Engine, name: str) -> None:
    with contextlib.suppress(CasewayError), engine_errors(name):
        engine.client.api.remove_volume(name, force=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def task_labels(owner: str, execution: str, organization: str) -> dict[str, str]:
    """The labels of an execution's containers."""
    return {LABEL: owner, "dev.caseway.execution": execution, "dev.caseway.organization": organization}
