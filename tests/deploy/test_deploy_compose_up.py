"""Docker Compose starts what the compose file says, on an engine of the tests' own, with the image that
`deploy/build.sh` builds; what docs/deploying.md says goes: the first apply, a backup, stopping, starting."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from deploy_images import stores  # noqa: F401 - a fixture
from deploy_world import CLONE, DEPLOY, made_secrets
from docker_compose import compose_command

from docker_daemon import Daemon, docker_daemon, engine, runtime_image  # noqa: F401 - fixtures

pytestmark = pytest.mark.timeout(2400)  # an image is built from what pip brings, and six containers started

PATIENCE = 600.0  # for what shall come about on a busy machine; one that stands is waited for no longer
USE_CASE = """apiVersion: caseway/v1
kind: UseCase
metadata: {name: orders}
spec:
  title: Orders
  workflows: [{id: main, file: workflows/main.yaml}]
"""
WORKFLOW = """document: {dsl: 1.0.0, namespace: orders, name: main, version: 1.0.0}
do: [{x: {set: "${ {answer: (20 + 22)} }"}}]
"""
UP = {"migrate": {"exited"}} | {name: {"healthy"} for name in ("postgres", "redis", "web", "worker")}


@dataclass
class Installation:
    """The compose file's project in a folder of its own."""

    command: list[str]
    folder: Path
    daemon: Daemon
    images: tuple[str, str]
    name: str

    def compose(
        self,
        *words: str,
        given: IO[bytes] | None = None,
        into: IO[bytes] | None = None,
        is_wrong: bool = False,
    ) -> str:
        """What `docker compose` prints, unless that goes into a file."""
        told = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DOCKER_HOST": self.daemon.url,
            "CASEWAY_BASE_URL": "http://127.0.0.1:8080",
            "CASEWAY_IMAGE": self.images[0],
            "POSTGRES_IMAGE": self.images[1],
            "REDIS_IMAGE": self.images[1],
            "CASEWAY_LISTEN": "127.0.0.1:",  # whichever port is free: the network is that of all tests
        }
        file = ["--project-name", self.name, "--file", str(self.folder / "compose.yaml")]
        done = subprocess.run(
            [*self.command, *file, *words],
            env=told,
            stdin=given or subprocess.DEVNULL,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        said = (done.stdout or b"").decode()
        assert is_wrong or done.returncode == 0, f"{words}: {said}\n{done.stderr.decode()}\n{self.logs()}"
        return said

    def logs(self) -> str:
        """What the services have written."""
        return self.compose("logs", "--no-color", "--tail", "40", is_wrong=True)[-6000:]

    def services(self) -> list[dict[str, Any]]:
        """How its containers stand."""
        said = self.compose("ps", "--all", "--format", "json").strip()
        # A list, or with newer ones an object a line.
        found = json.loads(said) if said.startswith("[") else [json.loads(line) for line in said.splitlines()]
        return list(found)

    def standing(self) -> dict[str, set[str]]:
        """State or health of every service."""
        found: dict[str, set[str]] = {}
        for one in self.services():
            found.setdefault(one["Service"], set()).add(one.get("Health") or one["State"])
        return found

    def wait(self, wanted: dict[str, set[str]]) -> None:
        """Return when the services stand like that."""
        until = time.monotonic() + PATIENCE
        while (found := self.standing()) != wanted:
            assert time.monotonic() < until, f"{found}\n{self.logs()}"
            time.sleep(0.5)

    def caseway(self, *words: str, token: str = "") -> dict[str, Any]:
        """What a command says in JSON that is called on the machine of the engine."""
        address = self.compose("port", "web", "8080").strip()
        told = {**os.environ, "CASEWAY_SERVER": f"http://{address}", "CASEWAY_TOKEN": token}
        within = ["nsenter", "-t", (self.daemon.run / "pid").read_text().strip(), "-n"]
        asked = [*within, sys.executable, "-m", "caseway", *words, "--format", "json"]
        done = subprocess.run(
            asked, env=told, cwd=self.folder / "project", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}\n{self.logs()}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@pytest.fixture(scope="module")
def program() -> list[str]:
    """How Docker Compose is called."""
    missing = [name for name in ("nsenter", "docker") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    return compose_command()


@pytest.fixture(scope="module")
def image(
    program: list[str],
    docker_daemon: Daemon,  # noqa: F811 - the fixture
    runtime_image: str,  # noqa: F811 - the fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Caseway's image as the documentation has it built, in a copy of the clone: the script writes there."""
    copy = tmp_path_factory.mktemp("clone") / "caseway"
    left_out = shutil.ignore_patterns(
        ".git",
        ".venv*",
        ".*_cache",
        ".hypothesis",
        "tests",
        "docs",
        "benchmarks",
        "__pycache__",
        "app",
        "secrets",
    )
    shutil.copytree(CLONE, copy, ignore=left_out)
    tag = f"caseway-built:{secrets.token_hex(6)}"
    told = {**os.environ, "DOCKER_HOST": docker_daemon.url, "DOCKER_BUILDKIT": "0", "PACKAGES": ""}
    told["PATH"] = f"{Path(sys.executable).parent}:{told['PATH']}"  # the Python that has pip
    words = [str(copy / "deploy/build.sh"), runtime_image, tag]
    done = subprocess.run(words, env=told, capture_output=True, text=True, check=False)
    if "No matching distribution" in done.stderr:
        pytest.skip("the package index cannot be reached, or has not all that the lock names")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    yield tag
    client = ["docker", "--host", docker_daemon.url]
    subprocess.run([*client, "image", "rm", "--force", tag], capture_output=True, check=True)


@pytest.fixture(scope="module")
def installation(
    program: list[str],
    docker_daemon: Daemon,  # noqa: F811 - the fixture
    image: str,
    stores: str,  # noqa: F811 - the fixture
) -> Iterator[Installation]:
    """It is up, and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="caseway-compose-") as name, ExitStack() as undone:
        folder = Path(name)
        shutil.copy(DEPLOY / "compose.yaml", folder)
        made_secrets(folder / "secrets")
        project = folder / "project"
        (project / "use-cases/orders/workflows").mkdir(parents=True)
        (project / "caseway.yaml").write_text(
            "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
        )
        (project / "use-cases/orders/usecase.yaml").write_text(USE_CASE)
        (project / "use-cases/orders/workflows/main.yaml").write_text(WORKFLOW)
        made = Installation(
            program, folder, docker_daemon, (image, stores), f"caseway-{secrets.token_hex(4)}"
        )
        undone.callback(made.compose, "down", "--volumes", "--timeout", "60", is_wrong=True)
        made.compose("up", "--detach", "--no-build", "--pull", "never")
        yield made


@pytest.fixture(scope="module")
def token(installation: Installation) -> str:
    """An owner's, made as the documentation says."""
    inside = ("exec", "--no-TTY", "web", "caseway")
    installation.compose(*inside, "organization", "create", "acme")
    installation.compose(*inside, "user", "add", "ann", "--role", "owner", "--organization", "acme")
    made = installation.compose(
        *inside,
        "token",
        "create",
        "--user",
        "ann",
        "--scope",
        "manage",
        "--organization",
        "acme",
        "--format",
        "json",
    )
    return str(json.loads(made)["secret"])


def phases(installation: Installation, token: str) -> dict[str, str]:
    """How the instances stand."""
    found = installation.caseway("status", token=token)["instances"]
    return {item["name"]: item["phase"] for item in found}


def test_all_services_come_up_and_are_healthy(installation):
    installation.wait(UP)
    by_service = [one["Service"] for one in installation.services()]
    assert by_service.count("worker") == 2
    (migrated,) = [one for one in installation.services() if one["Service"] == "migrate"]
    assert migrated["ExitCode"] == 0


def test_a_first_apply_deploys_and_what_is_triggered_is_run_by_a_worker(installation, token):
    applied = installation.caseway("apply", "--yes", token=token)
    assert applied["ok"] is True
    ran = installation.caseway("trigger", "orders", "--wait", token=token)
    assert ran["output"] == {"answer": 42}


def test_stores_have_no_way_out_and_no_port_but_the_server_s_is_open(installation, engine):  # noqa: F811
    ports = {}
    for one in engine.client.containers.list(
        filters={"label": f"com.docker.compose.project={installation.name}"}
    ):
        bound = [port for port in (one.ports or {}).values() if port]
        ports[one.labels["com.docker.compose.service"]] = bound
        host = one.attrs["HostConfig"]
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert {name for name, bound in ports.items() if bound} == {"web"}
    (network,) = engine.client.networks.list(names=[f"{installation.name}_store"])
    assert network.attrs["Internal"] is True


def test_what_was_backed_up_is_there_again_after_a_restore(installation, token):
    database = ("exec", "--no-TTY", "postgres")
    installation.caseway("apply", "--yes", token=token)
    dump = installation.folder / "caseway.dump"
    with dump.open("wb") as file:
        installation.compose(
            *database, "pg_dump", "--username", "caseway", "--format", "custom", "caseway", into=file
        )
    installation.caseway("instance", "pause", "orders", token=token)
    assert phases(installation, token) == {"orders": "user_paused"}
    installation.compose("stop", "web", "worker")
    words = ("pg_restore", "--username", "caseway", "--dbname", "caseway", "--clean", "--if-exists")
    with dump.open("rb") as file:
        installation.compose(*database, *words, given=file)
    installation.compose("start", "web", "worker")
    installation.wait(UP)
    assert phases(installation, token) == {"orders": "active"}


def test_it_stops_in_its_own_time_and_starts_again_with_what_it_knew(installation, token):
    installation.compose("stop")
    for one in installation.services():
        assert (one["Service"], one["ExitCode"]) == (one["Service"], 0)
    installation.compose("start")
    installation.wait(UP)
    assert phases(installation, token) == {"orders": "active"}
