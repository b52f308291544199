"""The specification's examples that run containers, on a real engine; they pull from the test's registry."""

from __future__ import annotations

import asyncio
import copy
import fcntl
import secrets
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers_world import ENOUGH, SMALL, left

import caseway_runner as runner
from caseway.containers.base import BASE_TAG
from caseway.containers.engine import Engine
from caseway.containers.images import find_image, import_image, remove_image
from caseway.containers.owner import this_owner
from caseway.containers.tasks import TaskContainers, TaskPolicy, task_labels
from caseway_runner.yaml_text import read_yaml
from docker_daemon import Daemon
from free_ports import free_port

EXAMPLES = Path(__file__).parents[3] / "shared" / "reference" / "spec" / "examples"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="needs the specification's examples in ../shared/reference/spec"
)
HELLO = "Hello from a container\n"
SAYS = {
    "run-container": HELLO,
    "run-container-cleanup-always": HELLO,
    "run-container-cleanup-eventually": HELLO,
    "run-container-with-name": HELLO,
    "run-container-stdin-and-arguments": "STDIN was: Hello World\nARGS are Foo Bar\n",
    "run-return-all": {"code": 0, "stdout": HELLO, "stderr": "warned\n"},
    "run-return-code": 0,
    "run-return-none": None,
    "run-return-stderr": "warned\n",
}
PULLS = "run-container-with-pull-policy"


def example(stem: str) -> Any:
    return read_yaml((EXAMPLES / f"{stem}.yaml").read_text())


def made(engine: Engine, tag: str) -> None:
    """An image that says hello, and warns on its standard error."""
    api = engine.client.api
    command = ["/bin/sh", "-c", f"echo {HELLO.strip()}; echo warned >&2"]
    container = api.create_container(BASE_TAG, command)["Id"]
    try:
        repository, _, version = tag.rpartition(":")
        api.commit(container, repository, version, conf={"Cmd": command})
    finally:
        api.remove_container(container)


@pytest.fixture(scope="module")
def images(engine: Engine, runtime_image: str) -> Engine:
    """The engine with images of the names that the examples use. They stay there, as the base does: processes
    of the tests share the engine."""
    with (Path(tempfile.gettempdir()) / "caseway-test-images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for tag in ("hello-world:latest", "alpine:latest"):
            if find_image(engine, tag) is None:
                made(engine, tag)
    return engine


def played(engine: Engine, document: dict[str, Any]) -> runner.Outcome:
    async def go() -> runner.Outcome:
        labels = task_labels(this_owner().text, "run-1", "acme")
        containers = TaskContainers(engine, TaskPolicy(resources=SMALL), labels)
        try:
            ports = runner.Ports(containers=containers)
            program = runner.compile_workflow(document)
            return await runner.execute(program, {}, runner.Execution(f"run-{secrets.token_hex(4)}"), ports)
        finally:
            await containers.close()

    return asyncio.run(go())


@pytest.mark.parametrize("stem", SAYS)
def test_an_example_runs_on_a_real_engine(stem: str, images: Engine) -> None:
    outcome = played(images, example(stem))
    assert outcome.status is runner.Status.COMPLETED, outcome.error
    assert outcome.output == SAYS[stem]
    assert left(images) == []


def test_every_example_with_a_container_is_here() -> None:
    found = {path.stem for path in EXAMPLES.glob("*.yaml") if "container:" in path.read_text()}
    assert found == {*SAYS, PULLS}


@pytest.fixture
def registry(docker_daemon: Daemon, tmp_path: Path) -> Iterator[str]:
    """A registry on the loopback device of the daemon, which lives in a network of its own."""
    binary = shutil.which("docker-registry")
    if binary is None:
        pytest.skip("docker-registry is not installed")
    address = f"127.0.0.1:{free_port()}"
    (tmp_path / "registry.yml").write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/data}}}}\nhttp: {{addr: '{address}'}}\n"
    )
    within = ["nsenter", "-t", (docker_daemon.run / "pid").read_text().strip(), "-n"]
    process = subprocess.Popen(
        [*within, binary, "serve", str(tmp_path / "registry.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        probing = f"exec 3<>/dev/tcp/{address.replace(':', '/')}"
        until = time.monotonic() + ENOUGH
        while subprocess.run([*within, "bash", "-c", probing], stderr=subprocess.DEVNULL).returncode:
            assert time.monotonic() < until and process.poll() is None, "the registry did not start"
            time.sleep(0.02)
        yield address
    finally:
        process.terminate()
        process.wait(ENOUGH)


def tiny(engine: Engine, tag: str, word: str, folder: Path) -> None:
    """An image of one program, which is given that word."""
    program = shutil.which("docker-init")
    assert program is not None
    with tarfile.open(folder / "tiny.tar", "w") as archive:
        archive.add(Path(program).resolve(), "init")
    import_image(engine, folder / "tiny.tar", tag, [f'CMD ["/init", "{word}"]'])


def test_the_example_that_pulls_always_takes_what_the_registry_has_now(
    images: Engine, registry: str, tmp_path: Path
) -> None:
    tag = f"{registry}/hello-world:latest"
    document = example(PULLS)
    document["do"][0]["runContainer"]["run"]["container"]["image"] = tag.removesuffix(":latest")
    present = copy.deepcopy(document)
    present["do"][0]["runContainer"]["run"]["container"]["pullPolicy"] = "ifNotPresent"
    try:
        tiny(images, tag, "--version", tmp_path)
        images.client.api.push(tag)
        remove_image(images, tag)
        tiny(images, tag, "-l", tmp_path)  # here, under the same name
        older = images.client.api.inspect_image(tag)["Id"]
        assert "License" in played(images, present).output
        assert played(images, document).output.startswith("tini version")
        remove_image(images, older)
    finally:
        remove_image(images, tag)
