"""The open standard input and output of a container, on asyncio.

Rule: what is attached before the container starts misses nothing that it says. The engine's own protocol is
spoken here, as the SDK's attach would hold a thread for each container."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from caseway.containers.engine import Address
from caseway.containers.errors import ContainerFailed, ContainerLost, lost
from caseway.containers.sdk_errors import of
from caseway.model.errors import CasewayError

STDOUT, STDERR = 1, 2
_HEADER = 8
_HEAD_LIMIT = 65_536
_CONNECT_SECONDS = 10.0
_TAIL = 16_384
_CHUNK = 1 << 18


class Attached:
    """A container's pipes. Use `frames` once; `send` at any time."""

    def __init__(self, container: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.container = container
        self._reader, self._writer = reader, writer
        self._tail: deque[bytes] = deque()
        self._kept = 0

    async def frames(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pieces of what it says, `(STDOUT or STDERR, bytes)`, until it ends or the engine goes away."""
        while True:
            try:
                head = await self._reader.readexactly(_HEADER)
                left = int.from_bytes(head[4:8], "big")
                while left:
                    data = await self._reader.read(min(left, _CHUNK))
                    if not data:
                        return
                    left -= len(data)
                    if head[0] == STDERR:
                        self._keep(data)
                    yield head[0], data
            except (asyncio.IncompleteReadError, OSError):
                return

    async def send(self, data: bytes) -> None:
        """Write to its standard input; raises `ContainerLost`."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise lost(self.container, str(error)) from error

    async def end_input(self) -> None:
        """Close its standard input."""
        try:
            if self._writer.can_write_eof():
                self._writer.write_eof()
        except (OSError, RuntimeError):
            return  # it is closed already

    async def close(self) -> None:
        """Let go."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return  # the engine was quicker

    @property
    def is_ended(self) -> bool:
        """Whether the other side has closed the pipes, as far as is known."""
        return self._reader.at_eof() or self._writer.is_closing()

    @property
    def complaints(self) -> str:
        """The end of what it wrote to standard error."""
        return b"".join(self._tail).decode("utf-8", "replace")[-4000:]

    def _keep(self, data: bytes) -> None:
        self._tail.append(data)
        self._kept += len(data)
        while self._kept - len(self._tail[0]) > _TAIL:
            self._kept -= len(self._tail.popleft())


async def attach(address: Address, container: str) -> Attached:
    """Attach to a container that was created. Raises `ContainerLost`, `ContainerFailed`."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await _connect(address)
            writer.write(_request(container))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise of(error if isinstance(error, OSError) else OSError(str(error)), address.url) from error
    status = head.split(b" ", 2)[1]
    if status not in {b"101", b"200"}:
        writer.close()
        raise _refused(container, status.decode("ascii", "replace"))
    return Attached(container, reader, writer)


def _request(container: str) -> bytes:
    return (
        f"POST /containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
        "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    ).encode("ascii")


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(address.url)
    if parts.scheme in {"unix", "http+unix"}:
        return await asyncio.open_unix_connection(parts.path, limit=_HEAD_LIMIT)
    if parts.scheme not in {"tcp", "http", "https"} or not parts.hostname:
        raise ContainerFailed(
            f"containers cannot be spoken to over {address.url}",
            code="no-such-engine",
            place=address.url,
            hint="give a unix:// or tcp:// address; an engine behind SSH can be forwarded to a unix socket",
        )
    context = _tls(address)
    port = parts.port or (2376 if context else 2375)
    return await asyncio.open_connection(parts.hostname, port, ssl=context, limit=_HEAD_LIMIT)


def _tls(address: Address) -> ssl.SSLContext | None:
    folder = address.certificates
    if folder is None:
        return None
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
    return context


def _refused(container: str, status: str) -> CasewayError:
    if status == "404":
        return lost(container, "there is no such container")
    return ContainerLost(
        f"the container engine answered {status} to an attach",
        code="engine-unreachable",
        place=container,
        hint="see the engine's own log",
    )
