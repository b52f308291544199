"""The image of `deploy/Dockerfile`, built off the network on a base made here, serves the compose file."""

from __future__ import annotations

import hashlib
import io
import shlex
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from deploy_images import image, packed  # noqa: F401 - a fixture
from deploy_world import DEPLOY, compose

from caseway.containers.engine import Engine
from docker_daemon import docker_daemon, engine, runtime_image  # noqa: F401 - fixtures

pytestmark = pytest.mark.timeout(300)  # whichever is first builds the image

SECONDS = 120.0
SERVICES = compose()["services"]
FLOW = """document: {dsl: 1.0.0, namespace: a, name: b, version: 1.0.0}
do: [{x: {set: "${ {n: (20 + 22)} }"}}]
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that the containers share, as they would a database."""
    with tempfile.TemporaryDirectory(prefix="caseway-deploy-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def start(engine: Engine, image: str, place: Path) -> Iterator[Any]:  # noqa: F811 - the fixture
    """Starts services of the compose file, hardened as there, on SQLite, and removes them."""
    started = []

    def go(service: str, *words: str) -> Any:
        told = SERVICES[service]
        container = engine.client.containers.create(
            image,
            list(words) or told["command"],
            user=told["user"],
            read_only=told["read_only"],
            cap_drop=told["cap_drop"],
            security_opt=told["security_opt"],
            init=told["init"],
            pids_limit=told["pids_limit"],
            network_mode="none",
            tmpfs={path: options for path, _, options in (one.partition(":") for one in told["tmpfs"])},
            volumes={str(place): {"bind": "/data", "mode": "rw"}},
            environment={
                "CASEWAY_DATABASE_URL": "sqlite:////data/state.db",
                "CASEWAY_SECRET_KEY": "a key of the tests",
            },
        )
        started.append(container)
        container.start()
        return container

    yield go
    for container in started:
        container.remove(force=True, v=True)


def passes(container: Any, service: str) -> None:
    """Return when the health check of the compose file passes."""
    kind, *check = SERVICES[service]["healthcheck"]["test"]
    words = [part.replace("$$", "$") for part in check]
    deadline = time.monotonic() + SECONDS
    while container.exec_run(["sh", "-c", *words] if kind == "CMD-SHELL" else words).exit_code != 0:
        container.reload()
        log = container.logs().decode()[-3000:]
        assert container.status == "running", log
        assert time.monotonic() < deadline, log
        time.sleep(0.2)


def test_server_and_worker_start_in_it_and_are_healthy(start):
    migrated = start("migrate").wait(timeout=SECONDS)
    assert migrated["StatusCode"] == 0
    web, worker = start("web"), start("worker")
    passes(web, "web")
    passes(worker, "worker")
    ask = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/healthz').status)"
    assert web.exec_run(["python3", "-c", ask]).output == b"200\n"
    assert web.exec_run(["caseway", "db", "status"]).exit_code == 0
    for container in (worker, web):
        container.kill("SIGTERM")
    assert [container.wait(timeout=SECONDS)["StatusCode"] for container in (worker, web)] == [0, 0]


def test_nobody_in_it_is_root_and_nothing_of_it_can_be_written(start):
    container = start("web")
    passes(container, "web")
    assert container.exec_run(["id", "-u"]).output == b"10001\n"
    assert container.exec_run(["touch", "/opt/caseway/x"]).exit_code != 0
    assert container.exec_run(["sh", "-c", "grep NoNewPrivs /proc/self/status"]).output.split()[-1] == b"1"


def test_workflows_are_checked_and_run_in_it(start):
    """Helpers that Caseway starts as programs of their own find what they need."""
    container = start("web")
    passes(container, "web")
    told = container.exec_run(
        ["sh", "-c", f"echo {shlex.quote(FLOW)} >/tmp/f.yaml && caseway run /tmp/f.yaml"]
    )
    assert (told.exit_code, b"42" in told.output) == (0, True), told.output


def test_the_image_names_its_user_its_command_and_how_to_stop_it(engine, image):  # noqa: F811
    told = engine.client.images.get(image).attrs["Config"]
    assert (told["User"], told["Entrypoint"], told["StopSignal"]) == ("10001:10001", ["caseway"], "SIGTERM")


def test_a_base_without_python_is_noticed_when_the_image_is_built(engine):  # noqa: F811 - the fixture
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"))
    name = f"deploy-test-empty:{hashlib.sha256(str(time.time_ns()).encode()).hexdigest()[:12]}"
    engine.client.api.import_image_from_data(empty.getvalue(), *name.split(":"))
    try:
        with pytest.raises(docker.errors.BuildError):
            engine.client.images.build(
                fileobj=packed({}),
                custom_context=True,
                buildargs={"BASE": name},
                network_mode="none",
                rm=True,
            )
    finally:
        engine.client.images.remove(name, force=True)


def test_the_dockerfile_fetches_nothing_by_itself():
    text = (DEPLOY / "Dockerfile").read_text()
    assert "://" not in text
    assert [line for line in text.splitlines() if line.startswith("FROM")] == ["FROM ${BASE}"]
