"""Speaks to a Docker engine through its SDK: what containers there are, and making and removing them.

Rule: no SDK error gets past here; see `errors`. Calls block; whoever must not wait calls them in a thread."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container as SdkContainer

from caseway.containers.sandbox import Capacity, labelled
from caseway.containers.sdk_errors import engine_errors

DEFAULT_URL = "unix:///var/run/docker.sock"
_TIMEOUT = 60
_POOL = 32


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens: a URL such as `unix:///var/run/docker.sock` or `tcp://10.0.0.7:2376`, and the
    folder with `ca.pem`, `cert.pem` and `key.pem` when it wants TLS."""

    url: str = DEFAULT_URL
    certificates: Path | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A container that was found; `created` in seconds since 1970."""

    id: str
    name: str
    status: str
    labels: Mapping[str, str]
    created: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """How a container stands; `was_killed_for_memory` when the kernel ended a process of it."""

    is_running: bool
    exit_code: int
    was_killed_for_memory: bool
    error: str


def address_from(environment: Mapping[str, str]) -> Address:
    """As Docker's own tools read their surroundings."""
    url = environment.get("DOCKER_HOST") or DEFAULT_URL
    folder = environment.get("DOCKER_CERT_PATH") or str(Path.home() / ".docker")
    return Address(url, Path(folder) if environment.get("DOCKER_TLS_VERIFY") else None)


class Engine:
    """One Docker engine. Connecting happens with the first call; an answer may take `seconds`."""

    def __init__(self, address: Address, *, seconds: int = _TIMEOUT) -> None:
        self.address = address
        self._seconds = seconds
        self._client: docker.DockerClient | None = None
        self._pid = 0

    @property
    def client(self) -> docker.DockerClient:
        """The SDK's client; raises `ContainerLost` (`engine-unreachable`)."""
        if self._client is None or self._pid != os.getpid():  # connections do not survive a fork
            with engine_errors(self.address.url):
                self._client = docker.DockerClient(
                    base_url=self.address.url,
                    version="auto",
                    timeout=self._seconds,
                    tls=self._tls(),
                    max_pool_size=_POOL,
                )
            self._pid = os.getpid()
        return self._client

    def create(self, image: str, command: Sequence[str], settings: Mapping[str, Any]) -> str:
        """The id of a new container; `settings` as the SDK's `containers.create` takes them."""
        with engine_errors(image):
            return str(self.client.containers.create(image, list(command), **settings).id)

    def start(self, container: str, *, place: str) -> None:
        """Start what was created."""
        with engine_errors(place):
            self.client.api.start(container)

    def state(self, container: str) -> State:
        """How it stands; raises `ContainerLost` when it is gone."""
        with engine_errors(container):
            found = self.client.api.inspect_container(container)["State"]
        return State(
            bool(found["Running"]),
            int(found["ExitCode"]),
            bool(found["OOMKilled"]),
            str(found.get("Error") or ""),
        )

    def remove(self, container: str) -> None:
        """Remove it with its volumes, running or not; nothing happens when it is gone."""
        with engine_errors(container):
            try:
                self.client.api.remove_container(container, force=True, v=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if "already in progress" not in str(error):
                    raise

    def ours(self, labels: Mapping[str, str]) -> list[Created]:
        """All containers with these labels, whatever their status."""
        with engine_errors(self.address.url):
            found = self.client.api.containers(all=True, filters={"label": labelled(labels)})
        return [
            Created(
                str(item["Id"]),
                str((item.get("Names") or [""])[0]).lstrip("/"),
                str(item["State"]),
                dict(item.get("Labels") or {}),
                int(item.get("Created") or 0),
            )
            for item in found
        ]

    def capacity(self) -> Capacity:
        """What its machine has."""
        with engine_errors(self.address.url):
            facts = self.client.info()
        return Capacity(
            cpus=int(facts.get("NCPU") or 0),
            memory_bytes=int(facts.get("MemTotal") or 0),
            has_gpus=any("nvidia" in name for name in facts.get("Runtimes") or {}),
        )

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _tls(self) -> docker.tls.TLSConfig | bool:
        folder = self.address.certificates
        if folder is None:
            return False
        return docker.tls.TLSConfig(
            client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")),
            ca_cert=str(folder / "ca.pem"),
            verify=True,
        )


def sdk_container(engine: Engine, container: str) -> SdkContainer:
    """The SDK's own object, for what only it can."""
    with engine_errors(container):
        return engine.client.containers.get(container)
