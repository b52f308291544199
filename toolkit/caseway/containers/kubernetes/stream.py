"""The open standard input and output of a pod's container, over the cluster's WebSocket of `attach`.

Rule: where the cluster is and who we are comes from the official client's configuration. Its own stream is
not used: it needs a thread for each pod, and reads and writes one TLS connection from two of them."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from caseway.containers.errors import ContainerFailed, lost
from caseway.containers.kubernetes.api_errors import unreachable
from caseway.containers.kubernetes.manifests import CONTAINER
from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from kubernetes.client import Configuration

STDIN, STDOUT, STDERR, ERROR = 0, 1, 2, 3
PROTOCOL = Subprotocol("v4.channel.k8s.io")
_CONNECT_SECONDS = 15.0
_PING_SECONDS = 30.0  # what lies between may close what is silent
_LOST_SECONDS = 120.0
_PIECE = 1 << 16
_TAIL = 16_384


class PodPipes:
    """A container's pipes. Use `frames` once; `send` at any time."""

    def __init__(self, container: str, connection: ClientConnection) -> None:
        self.container = container
        self._connection = connection
        self._tail: deque[bytes] = deque()
        self._kept = 0
        self._is_ended = False

    async def frames(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pieces of what it says, `(STDOUT or STDERR, bytes)`, until it ends or the cluster goes away."""
        try:
            async for message in self._connection:
                data = message if isinstance(message, bytes) else message.encode()
                if len(data) < 2:
                    continue  # each channel opens with an empty piece
                if data[0] in {STDERR, ERROR}:
                    self._keep(data[1:])
                if data[0] in {STDOUT, STDERR}:
                    yield data[0], data[1:]
        except (WebSocketException, OSError):
            return
        finally:
            self._is_ended = True

    async def send(self, data: bytes) -> None:
        """Write to its standard input; raises `ContainerLost`."""
        try:
            for start in range(0, len(data), _PIECE):
                await self._connection.send(bytes([STDIN]) + data[start : start + _PIECE])
        except (WebSocketException, OSError) as error:
            raise lost(self.container, str(error)) from error

    async def close(self) -> None:
        """Let go; with that its standard input ends."""
        self._is_ended = True
        try:
            await self._connection.close()
        except (WebSocketException, OSError):
            return  # the other side was quicker

    @property
    def is_ended(self) -> bool:
        """Whether the other side has closed the pipes, as far as is known."""
        return self._is_ended or self._connection.state.name != "OPEN"

    @property
    def complaints(self) -> str:
        """The end of what it wrote to standard error, and what the cluster said of the stream."""
        return b"".join(self._tail).decode("utf-8", "replace")[-4000:]

    def _keep(self, data: bytes) -> None:
        self._tail.append(data)
        self._kept += len(data)
        while self._kept - len(self._tail[0]) > _TAIL:
            self._kept -= len(self._tail.popleft())


async def attach(configuration: Configuration, job: str, pod: str) -> PodPipes:
    """Attach to the running container of a pod. Raises `ContainerLost`, `ContainerFailed`."""
    url = _url(configuration.host, job.partition("/")[0], pod)
    headers = await asyncio.to_thread(_headers, configuration)
    try:
        connection = await connect(
            url,
            subprotocols=[PROTOCOL],
            additional_headers=headers,
            ssl=_tls(configuration) if url.startswith("wss:") else None,
            server_hostname=configuration.tls_server_name if url.startswith("wss:") else None,
            open_timeout=_CONNECT_SECONDS,
            ping_interval=_PING_SECONDS,
            ping_timeout=_LOST_SECONDS,
            close_timeout=2,
            compression=None,
            max_size=None,
            proxy=configuration.proxy or None,
        )
    except InvalidStatus as error:
        raise _refused(job, error.response.status_code, bytes(error.response.body or b"")) from error
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise unreachable(str(error) or "it took too long", job) from error
    return PodPipes(job, connection)


def _url(host: str, namespace: str, pod: str) -> str:
    """`https` becomes `wss`, `http` becomes `ws`."""
    query = {"container": CONTAINER, "stdin": "true", "stdout": "true", "stderr": "true", "tty": "false"}
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/attach?{urlencode(query)}"
    return "ws" + host.rstrip("/").removeprefix("http") + path


def _headers(configuration: Configuration) -> dict[str, str]:
    """Who we are: a token is asked for each time, for it may be renewed on the way."""
    held: Any = configuration.auth_settings()  # without types
    return {one["key"]: one["value"] for one in held.values() if one.get("in") == "header" and one["value"]}


def _tls(configuration: Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file or None)
    if configuration.assert_hostname is False:
        context.check_hostname = False
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refused(job: str, status: int, body: bytes) -> CasewayError:
    said = body.decode("utf-8", "replace")[:500]
    if status == 403:
        return ContainerFailed(
            f"the cluster refused to attach: {said}",
            code="container-refused",
            place=job,
            hint="the worker's service account needs get and create on pods/attach",
        )
    if status in {400, 404}:  # it has ended meanwhile, or was deleted
        return lost(job, said or "it is not running any more")
    return unreachable(f"{status} {said}", job)
