"""An API server of the tests' own with one node: every object it is given is checked against Kubernetes' own
schemas, and a pod's container is a real process, with the runner, that is spoken to over a real WebSocket.

It is no Kubernetes: it schedules at once, bounds nothing, and enforces no network policy. Import the fixture
`kubernetes_cluster` where it is needed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from caseway.containers.kubernetes.manifests import START
from caseway.containers.kubernetes.settings import ClusterSettings
from kubernetes_schemas import problems_of

CLONE = Path(__file__).parents[1]
TOKEN = "token-of-the-worker"
_STARTER = """import sys
sys.path[:0] = {paths!r}
from caseway_runner.stdio import serve_stdio
sys.exit(serve_stdio(owns_container={owns!r}))
"""
_INSIDE = 'mount -t tmpfs tmpfs /tmp; mount -t tmpfs tmpfs /dev/shm; cd /tmp; "$@"; exit $?'


def _can_isolate() -> bool:
    """Whether a process here can have processes and scratch folders of its own, as in a pod."""
    hidden = any(str(path).startswith("/tmp/") for path in (CLONE, sys.prefix))
    if os.geteuid() != 0 or hidden or shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*_unshared(), "true"], capture_output=True)
    return tried.returncode == 0


def _unshared() -> list[str]:
    own = ["unshare", "--pid", "--ipc", "--fork", "--kill-child", "--mount", "--mount-proc"]
    return [*own, "sh", "-c", _INSIDE, "sh"]


@dataclass
class Node:
    """Runs what pods ask for, in the folder `home`."""

    home: Path
    isolates: bool

    async def start(self, container: dict[str, Any]) -> asyncio.subprocess.Process:
        """The container's process; its image is this machine's Python with the runner."""
        starter = self.home / "start.py"
        paths = [str(CLONE / "runner"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        starter.write_text(_STARTER.format(paths=paths, owns=self.isolates))
        command = [part.replace(START, str(starter)) for part in container["command"]]
        command[0] = sys.executable
        own = {item["name"]: item["value"] for item in container["env"]}
        return await asyncio.create_subprocess_exec(
            *(_unshared() if self.isolates else []),
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **own},
            cwd="/",
            limit=1 << 20,
        )


@dataclass
class Pod:
    """A pod, its process, and who is attached."""

    manifest: dict[str, Any]
    process: asyncio.subprocess.Process | None = None
    attached: Any = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def told(self, phase: str, state: dict[str, Any], **more: Any) -> None:
        """Set its status."""
        one = {
            "name": "runner",
            "ready": False,
            "restartCount": 0,
            "image": "",
            "imageID": "",
            "state": state,
        }
        self.manifest["status"] = {"phase": phase, "containerStatuses": [one], **more}

    async def ended(self, why: str = "") -> None:
        """Follow the process to its end."""
        assert self.process is not None
        code = await self.process.wait()
        if "terminated" in self.manifest["status"]["containerStatuses"][0]["state"]:
            return  # somebody has said why already
        ended = {"exitCode": code if code >= 0 else 128 - code, "reason": "Error" if code else "Completed"}
        self.told("Failed" if code else "Succeeded", {"terminated": ended})

    def kill(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)


class Server:
    """What the cluster has, and what it was asked."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.pods: dict[tuple[str, str], Pod] = {}
        self.asked: set[tuple[str, str, str]] = set()
        self.problems: list[str] = []
        self.statuses: dict[str, dict[str, Any]] = {}  # an image, and the status of pods that never start
        self.answers: dict[tuple[str, str], tuple[int, str]] = {}  # a verb and resource, and a refusal
        self.rights: frozenset[tuple[str, str, str]] | None = None  # what its callers may ask; None is all
        self.on_job: Callable[[dict[str, Any]], object] = lambda job: None  # hears of new Jobs
        self.url = ""
        self.loop: asyncio.AbstractEventLoop | None = None

    def client(self, **settings: Any) -> Any:
        """A `Cluster` that speaks to it."""
        from kubernetes.client import Configuration  # noqa: PLC0415 - slow to import

        from caseway.containers.kubernetes.cluster import Cluster  # noqa: PLC0415 - as above

        configuration = Configuration()
        configuration.host, configuration.retries = self.url, False
        configuration.api_key = {"authorization": f"Bearer {TOKEN}"}
        return Cluster(ClusterSettings(**settings), configuration)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind."""
        return [item for key, item in sorted(self.objects.items()) if key[0] == kind]

    def end(self, status: dict[str, Any] | None) -> None:
        """Kill what runs, and say so: with that status, or with no pod at all."""
        for key, pod in list(self.pods.items()):
            if status is None:
                del self.pods[key]
            else:
                state = status.pop("state", {"terminated": {"exitCode": 137, "reason": "Error"}})
                pod.told("Failed", state, **status)
            assert self.loop is not None
            self.loop.call_soon_threadsafe(pod.kill)

    def forget(self, kind: str, space: str, name: str) -> None:
        """Remove an object, and the pods of a Job."""
        del self.objects[(kind, space, name)]
        for key, pod in list(self.pods.items()):
            if pod.manifest["metadata"]["labels"]["batch.kubernetes.io/job-name"] == name:
                self.pods.pop(key).kill()

    async def start_pod(self, job: dict[str, Any]) -> None:
        """What the Job controller, the scheduler and the kubelet do."""
        template, name = job["spec"]["template"], f"{job['metadata']['name']}-x7k2p"
        labels = {**template["metadata"]["labels"], "batch.kubernetes.io/job-name": job["metadata"]["name"]}
        metadata = {**template["metadata"], "name": name, "namespace": job["metadata"]["namespace"]}
        pod = Pod({"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "labels": labels}})
        pod.manifest["spec"] = template["spec"]
        self.pods[(job["metadata"]["namespace"], name)] = pod
        container = template["spec"]["containers"][0]
        if container["image"] in self.statuses:
            pod.manifest["status"] = self.statuses[container["image"]]
            return
        pod.told("Pending", {"waiting": {"reason": "ContainerCreating"}})
        pod.process = await self.node.start(container)
        pod.tasks = [
            asyncio.create_task(_pump(pod, pod.process.stdout, 1)),
            asyncio.create_task(_pump(pod, pod.process.stderr, 2)),
        ]
        pod.told("Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
        pod.tasks.append(asyncio.create_task(pod.ended()))


async def _pump(pod: Pod, source: Any, channel: int) -> None:
    """What nobody is attached to hear is lost."""
    while data := await source.read(1 << 16):
        if pod.attached is not None:
            with suppress(Exception):
                await pod.attached.send_bytes(bytes([channel]) + data)


def _status(code: int, message: str) -> Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return JSONResponse(body, code)


@dataclass
class Api:
    """Kubernetes' paths, as far as an executor may need them."""

    server: Server

    def app(self) -> Starlette:
        """The application of these paths."""
        n, b = "/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies", "/apis/batch/v1"
        spaces = partial(self.handle, ("", "namespaces", "Namespace"))
        rules = partial(self.handle, ("networking.k8s.io", "networkpolicies", "NetworkPolicy"))
        jobs = partial(self.handle, ("batch", "jobs", "Job"))
        routes = [
            Route("/api/v1/namespaces", spaces, methods=["POST"]),
            Route("/api/v1/namespaces/{name}", spaces),
            Route(n, rules, methods=["POST"]),
            Route(n + "/{name}", rules, methods=["GET", "PUT"]),
            Route(b + "/jobs", jobs),
            Route(b + "/namespaces/{space}/jobs", jobs, methods=["POST"]),
            Route(b + "/namespaces/{space}/jobs/{name}", jobs, methods=["DELETE"]),
            Route("/api/v1/namespaces/{space}/pods", self.pods),
            WebSocketRoute("/api/v1/namespaces/{space}/pods/{name}/attach", self.attach),
        ]
        return Starlette(routes=routes)

    def refusal(self, request: Any, verb: str, group: str, resource: str) -> Response | None:
        """Why it may not, or None."""
        self.server.asked.add((verb, group, resource))
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if (scheme.lower(), token) != ("bearer", TOKEN):
            return _status(401, "Unauthorized")
        if self.server.rights is not None and (verb, group, resource) not in self.server.rights:
            return _status(403, f"{resource} is forbidden: cannot {verb}")
        answer = self.server.answers.get((verb, resource))
        return None if answer is None else _status(*answer)

    async def handle(self, what: tuple[str, str, str], request: Request) -> Response:
        """Anything but pods."""
        group, plural, kind = what
        space, name = request.path_params.get("space", ""), request.path_params.get("name", "")
        verb = {"GET": "get" if name else "list", "POST": "create", "PUT": "update", "DELETE": "delete"}
        if (refused := self.refusal(request, verb[request.method], group, plural)) is not None:
            return refused
        if request.method in {"POST", "PUT"}:
            return await self.put(kind, space, await request.json(), is_new=request.method == "POST")
        if not name:
            items = [one for one in self.server.of_kind(kind) if _is_selected(one, request)]
            return JSONResponse({"kind": f"{kind}List", "metadata": {}, "items": items})
        found = self.server.objects.get((kind, space, name))
        if found is None:
            return _status(404, f"{plural} {name!r} not found")
        if request.method == "DELETE":
            self.server.forget(kind, space, name)
        return JSONResponse(found)

    async def put(self, kind: str, space: str, body: dict[str, Any], *, is_new: bool) -> Response:
        """Keep an object that Kubernetes takes."""
        wrong, name = problems_of(body), body["metadata"]["name"]
        self.server.problems += wrong
        if wrong:
            return _status(422, "; ".join(wrong))
        if space and ("Namespace", "", space) not in self.server.objects:
            return _status(404, f"namespaces {space!r} not found")
        if is_new and (kind, space, name) in self.server.objects:
            return _status(409, f"{name!r} already exists")
        body["metadata"]["resourceVersion"] = str(len(self.server.objects))
        self.server.objects[(kind, space, name)] = body
        if kind == "Job":
            self.server.on_job(body)
            await self.server.start_pod(body)
        return JSONResponse(body, 201)

    async def pods(self, request: Request) -> Response:
        """Some pods of a namespace."""
        if (refused := self.refusal(request, "list", "", "pods")) is not None:
            return refused
        space = request.path_params["space"]
        items = [pod.manifest for key, pod in self.server.pods.items() if key[0] == space]
        found = [one for one in items if _is_selected(one, request)]
        return JSONResponse({"kind": "PodList", "metadata": {}, "items": found})

    async def attach(self, socket: WebSocket) -> None:
        """The pipes of a pod's process."""
        refused = self.refusal(socket, "get", "", "pods/attach")
        pod = self.server.pods.get((socket.path_params["space"], socket.path_params["name"]))
        if refused is None and (pod is None or pod.process is None or pod.process.returncode is not None):
            refused = _status(400, "container not found or not running")
        if refused is not None:
            await socket.send_denial_response(refused)
            return
        assert pod is not None
        assert pod.process is not None
        assert "v4.channel.k8s.io" in socket.scope["subprotocols"]
        await socket.accept(subprotocol="v4.channel.k8s.io")
        await socket.send_bytes(b"\x01")
        pod.attached = socket
        listening = asyncio.create_task(_listen(socket, pod.process))
        over = asyncio.gather(*pod.tasks)
        await asyncio.wait({listening, over}, return_when=asyncio.FIRST_COMPLETED)
        if over.done():
            with suppress(Exception):
                await socket.send_bytes(b"\x03" + json.dumps({"status": "Success"}).encode())
                await socket.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(socket: WebSocket, process: asyncio.subprocess.Process) -> None:
    """What comes goes to the process; its input ends with whoever is attached (stdinOnce)."""
    assert process.stdin is not None
    try:
        while True:
            data = await socket.receive_bytes()
            assert data[0] == 0
            process.stdin.write(data[1:])
            await process.stdin.drain()
    except (WebSocketDisconnect, ConnectionError, RuntimeError):
        with suppress(Exception):
            process.stdin.close()


def _is_selected(item: dict[str, Any], request: Any) -> bool:
    wanted = request.query_params.get("labelSelector", "")
    labels = item["metadata"].get("labels", {})
    return all(labels.get(pair.partition("=")[0]) == pair.partition("=")[2] for pair in wanted.split(","))


@contextmanager
def a_cluster(certificate: Path | None = None) -> Iterator[Server]:
    """A cluster that has nothing, over TLS with a certificate and key in one file. No request may have had an
    object that Kubernetes refuses."""
    pytest.importorskip("kubernetes", reason="install caseway[kubernetes]")
    uvicorn = pytest.importorskip("uvicorn", reason="install caseway[server]")
    home = Path(tempfile.mkdtemp(prefix="caseway-node-", dir="/var/tmp"))
    server = Server(Node(home, _can_isolate()))
    options = {"port": 0, "log_level": "error", "lifespan": "off", "ws": "websockets-sansio"}
    options |= {} if certificate is None else {"ssl_certfile": str(certificate)}
    web = uvicorn.Server(uvicorn.Config(Api(server).app(), **options))

    async def serve() -> None:
        server.loop = asyncio.get_running_loop()
        await web.serve()
        for pod in server.pods.values():
            pod.kill()
        await asyncio.gather(*(task for pod in server.pods.values() for task in pod.tasks))

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while not web.started and thread.is_alive():
        thread.join(0.01)
    scheme = "http" if certificate is None else "https"
    server.url = f"{scheme}://127.0.0.1:{web.servers[0].sockets[0].getsockname()[1]}"
    yield server
    web.should_exit = True
    thread.join(120)
    shutil.rmtree(home, ignore_errors=True)
    assert server.problems == []


@pytest.fixture(scope="module")
def kubernetes_cluster() -> Iterator[Server]:
    """A cluster that has nothing."""
    with a_cluster() as server:
        yield server
