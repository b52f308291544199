"""`run: container` on a real engine: every property, the policy, and nothing left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from containers_world import SMALL, a_document, left

import caseway_runner as runner
from caseway.containers.owner import this_owner
from caseway.containers.sandbox import MB
from caseway.containers.tasks import TaskContainers, TaskPolicy, task_labels
from docker_daemon import own_volumes

SPEC = "https://serverlessworkflow.io/spec/1.0.0/errors/"
IMAGE = "caseway/base:bookworm"


@pytest.fixture(autouse=True)
def nothing_stays(engine, runtime_image):
    """No test of these leaves a container or a volume."""
    yield
    assert left(engine) == []
    assert own_volumes(engine) == []


def a_container(returns: str = "all", awaits: bool = True, **fields: Any) -> dict[str, Any]:
    container = {"image": IMAGE, **fields}
    return {"c": {"run": {"container": container, "return": returns, "await": awaits}}}


def run(engine, *tasks: dict[str, Any], policy: TaskPolicy | None = None, given: Any = None, heard=None):
    async def go() -> runner.Outcome:
        labels = task_labels(this_owner().text, "run-1", "acme")
        containers = TaskContainers(engine, policy or TaskPolicy(resources=SMALL), labels, heard)
        try:
            ports = runner.Ports(containers=containers, on_line=heard)
            program = runner.compile_workflow(a_document(*tasks))
            return await runner.execute(program, given, runner.Execution("run-1"), ports)
        finally:
            await containers.close()

    return asyncio.run(go())


def test_a_command_with_arguments_input_and_environment(engine):
    task = a_container(
        command='cat; echo "$1 $N"; echo oops >&2; exit 3',
        arguments=["${ .n }"],
        stdin="in\n",
        environment={"N": "e"},
    )
    outcome = run(engine, task, given={"n": 7})
    assert outcome.output == {"code": 3, "stdout": "in\n7 e\n", "stderr": "oops\n"}


def test_arguments_alone_go_to_the_image_s_own_command(engine):
    assert run(engine, a_container("stdout", arguments=["/bin/echo", "hello"])).output == "hello\n"


def test_a_code_that_is_not_zero_is_a_runtime_fault(engine):
    outcome = run(engine, a_container("stdout", command="echo bad >&2; exit 4"))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "runtime")
    assert "code 4: bad" in outcome.error.detail


def test_it_is_hardened_like_every_other(engine):
    outcome = run(
        engine,
        a_container("stdout", command="id -u; grep CapEff /proc/self/status; echo > /x; ls /sys/class/net"),
    )
    said = outcome.error.detail if outcome.error else outcome.output
    assert outcome.output is None or "10001" in said
    outcome = run(
        engine,
        a_container(
            "all",
            command="id -u; cat /proc/self/status | grep -c 'CapEff:.0*$'; ls /sys/class/net; echo > /x",
        ),
    )
    assert outcome.output["stdout"] == "10001\n1\nlo\n"
    assert "Read-only" in outcome.output["stderr"]


def test_a_named_volume_is_shared_by_the_tasks_of_an_execution(engine):
    write = {"w": a_container(command="echo kept > /data/x", volumes={"data": "/data"})["c"]}
    read = {"r": a_container("stdout", command="cat /other/x", volumes={"data": "/other"})["c"]}
    assert run(engine, write, read).output == "kept\n"


@pytest.mark.parametrize("source", ["/etc", "../x", "/var/run/docker.sock", "a/../../etc", "/"])
def test_a_folder_of_the_host_is_refused(engine, source):
    outcome = run(engine, a_container(command="true", volumes={source: "/data"}))
    assert outcome.error.type == SPEC + "authorization"


def test_a_link_out_of_an_allowed_folder_is_refused(engine, tmp_path):
    allowed = tmp_path / "allowed"
    (allowed / "in").mkdir(parents=True)
    (allowed / "in" / "x").write_text("fine")
    (allowed / "in" / "x").chmod(0o644)
    (allowed / "out").symlink_to("/etc")
    policy = TaskPolicy(resources=SMALL, folders=(allowed,))
    fine = run(
        engine,
        a_container("stdout", command="ls /data", volumes={str(allowed / "in"): "/data"}),
        policy=policy,
    )
    assert fine.output == "x\n"
    out = run(engine, a_container(command="true", volumes={str(allowed / "out"): "/data"}), policy=policy)
    assert out.error.type == SPEC + "authorization"


def test_an_image_that_the_policy_does_not_name_is_refused(engine):
    outcome = run(engine, a_container(command="true"), policy=TaskPolicy(images=("ghcr.io/acme/*",)))
    assert outcome.error.type == SPEC + "authorization"


def test_ports_are_refused_unless_allowed(engine):
    assert run(engine, a_container(command="true", ports={"8080": 80})).error.type == SPEC + "authorization"


def test_an_image_that_may_not_be_pulled_and_is_not_there(engine):
    outcome = run(engine, a_container(image="caseway/nowhere:1", command="true", pullPolicy="never"))
    assert (outcome.error.type, "may not be pulled" in outcome.error.detail) == (SPEC + "configuration", True)


def test_a_timeout_stops_the_container(engine):
    slow = a_container(command="sleep 600")
    slow["c"]["timeout"] = {"after": {"seconds": 1}}
    assert run(engine, slow).error.type == SPEC + "timeout"


def test_output_is_bounded(engine):
    async def go() -> None:
        labels = task_labels(this_owner().text, "run-1", "acme")
        containers = TaskContainers(engine, TaskPolicy(resources=SMALL), labels)
        with pytest.raises(runner.ContainerError, match="wrote more than"):
            await containers.run(
                runner.ContainerRequest("run-1:/x", IMAGE, command="yes", output_bytes=10_000)
            )
        await containers.close()

    asyncio.run(go())


def test_too_much_memory_is_said(engine):
    small = TaskPolicy(resources=replace(SMALL, memory_bytes=40 * MB))
    outcome = run(engine, a_container(command="exec tail /dev/zero"), policy=small)
    assert (outcome.error.type, "40 MB" in outcome.error.detail) == (SPEC + "runtime", True)


def test_every_line_is_heard_once_with_its_stream_and_its_task(engine):
    heard: list[runner.Line] = []
    run(engine, a_container(command="echo out; echo err >&2; printf end"), heard=heard.append)
    assert sorted((line.stream, line.text) for line in heard) == [
        ("stderr", "err"),
        ("stdout", "end"),
        ("stdout", "out"),
    ]
    assert {line.reference for line in heard} == {"/do/0/c"}


def test_a_line_is_heard_while_the_container_runs(engine):
    heard: list[runner.Line] = []
    slow = a_container(command="echo first; sleep 600")
    for seconds in (2, 20, 100):  # until it is long enough for the container to begin
        slow["c"]["timeout"] = {"after": {"seconds": seconds}}
        assert run(engine, slow, heard=heard.append).error.type == SPEC + "timeout"
        if heard:
            break
    assert [line.text for line in heard] == ["first"]


@pytest.mark.parametrize(
    "lifetime", [None, {"cleanup": "always"}, {"cleanup": "eventually", "after": {"hours": 1}}]
)
def test_whatever_its_lifetime_nothing_outlives_the_execution(engine, lifetime):
    more = {"lifetime": lifetime} if lifetime else {}
    assert run(engine, a_container("stdout", command="echo x", name="mine", **more)).output == "x\n"
