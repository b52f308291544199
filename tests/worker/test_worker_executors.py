"""One contract, every executor: whoever runs an execution, what it says and leaves is the same."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

import caseway_runner as runner
from caseway.containers.executor import ContainerExecutor
from caseway.containers.job import Job, Place
from caseway.containers.kubernetes.pod import OpenPods
from caseway.containers.sandbox import MB, Network, Resources, Sandbox
from caseway.containers.warmth import Mode, Warmth
from caseway.model.errors import CasewayError
from caseway.worker.executors import LocalExecutor, PlacedExecutor
from docker_daemon import docker_daemon, engine, runtime_image  # noqa: F401 - fixtures
from kubernetes_api_server import kubernetes_api  # noqa: F401 - too
from kubernetes_cluster import kubernetes_cluster  # noqa: F401 - too

SPEC = "https://serverlessworkflow.io/spec/1.0.0/errors/"


@dataclass
class Running:
    """Runs jobs on one executor, in one event loop."""

    loop: asyncio.AbstractEventLoop
    executor: PlacedExecutor
    place: Place | None

    def job(self, document: dict[str, Any], given: Any = None, id: str = "run-1") -> Job:
        return Job(document, given, runner.Execution(id), self.place)

    def run(self, document: dict[str, Any], given: Any = None, **ports: Any) -> runner.Outcome:
        ports.setdefault("policy", runner.Policy(processes=True))
        work = self.executor.execute(self.job(document, given), runner.Ports(**ports))
        return self.loop.run_until_complete(asyncio.wait_for(work, 300))


@pytest.fixture(scope="module", params=["local", "docker", "kubernetes"])
def running(request: pytest.FixtureRequest):
    """Every executor; the container or pod is warm, as every test of it uses the same."""
    loop = asyncio.new_event_loop()
    here = LocalExecutor(runner.compile_workflow)
    if request.param == "local":
        yield Running(loop, PlacedExecutor(here, here), None)
        loop.close()
        return
    image, containers = _contained(request)
    resources = Resources(cpus=1.0, memory_bytes=256 * MB, disk_bytes=32 * MB)
    warmth = Warmth(Mode.IDLE_SHUTDOWN, most=2)
    place = Place(Sandbox(image, resources, Network.NONE), "contract", warmth)
    yield Running(loop, PlacedExecutor(here, containers), place)
    loop.run_until_complete(containers.__aexit__(None, None, None))
    loop.close()


def _contained(request: pytest.FixtureRequest) -> tuple[str, ContainerExecutor]:
    if request.param == "docker":
        image = request.getfixturevalue("runtime_image")
        return image, ContainerExecutor(request.getfixturevalue("engine"))
    # Kubernetes' own API server where there is one, else one that says the same.
    is_real = bool(os.environ.get("CASEWAY_KUBERNETES_PROGRAMS"))
    cluster = request.getfixturevalue("kubernetes_api" if is_real else "kubernetes_cluster")
    return "caseway/runtime:default", ContainerExecutor(OpenPods(cluster.client()))


def a_workflow(*tasks: dict[str, Any], **parts: Any) -> dict[str, Any]:
    head = {"dsl": "1.0.3", "namespace": "tests", "name": parts.pop("name", "main"), "version": "1.0.0"}
    return {"document": head, "do": list(tasks), **parts}


def a_shell(command: str, name: str = "go", **run: Any) -> dict[str, Any]:
    return {name: {"run": {"shell": {"command": command}, **run}}}


def test_a_workflow_completes_with_its_output(running):
    outcome = running.run(a_workflow({"one": {"set": {"twice": "${ .n * 2 }"}}}), {"n": 21})
    assert (outcome.status, outcome.output, outcome.error) == ("completed", {"twice": 42}, None)


def test_tasks_are_told_as_they_change_and_listed_at_the_end(running):
    told: list[runner.TaskRecord] = []
    document = a_workflow({"one": {"set": {"a": 1}}}, a_shell("echo hello", "two"))
    outcome = running.run(document, on_task=told.append)
    assert [(task.name, task.status, task.output) for task in outcome.tasks] == [
        ("one", "completed", {"a": 1}),
        ("two", "completed", "hello\n"),
    ]
    assert [(task.name, task.status) for task in told] == [
        ("one", "running"),
        ("one", "completed"),
        ("two", "running"),
        ("two", "completed"),
    ]


def test_a_fault_says_its_type_and_place(running):
    raising = {"bad": {"raise": {"error": {"type": "https://example.com/bad", "status": 418, "title": "No"}}}}
    outcome = running.run(a_workflow(raising))
    assert (outcome.status, outcome.error.type, outcome.error.status) == (
        "faulted",
        "https://example.com/bad",
        418,
    )
    assert outcome.error.instance == "/do/0/bad"


def test_what_does_not_compile_is_a_configuration_fault(running):
    outcome = running.run(a_workflow({"one": {"nonsense": 1}}))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "configuration")


def test_a_recorded_effect_is_not_done_again(running):
    document = a_workflow(a_shell("echo $$", "first"), a_shell("echo two", "second"))
    journal = runner.MemoryJournal()
    whole = running.run(document, journal=journal)
    cut = next(at for at, entry in enumerate(journal.entries) if entry.position.endswith("second"))
    resumed = running.run(document, journal=runner.MemoryJournal(journal.entries[:cut]))
    assert resumed.status == "completed"
    assert resumed.tasks[0].output == whole.tasks[0].output


def test_a_long_journal_is_read_whole(running):
    document = a_workflow(
        {
            "each": {
                "for": {"each": "n", "in": "${ [range(700)] }"},
                "do": [{"one": {"set": {"n": "${ $n }"}}}],
            }
        },
        a_shell("echo end", "last"),
    )
    journal = runner.MemoryJournal()
    running.run(document, journal=journal)
    assert len(journal.entries) > 700
    again = runner.MemoryJournal(journal.entries)
    assert running.run(document, journal=again).output == "end\n"
    assert len(again.entries) == len(journal.entries)


class Ordered(runner.MemoryJournal):
    """Says slowly that entries are durable, and what had happened by then."""

    def __init__(self, look: Callable[[], Any]) -> None:
        super().__init__()
        self.look, self.seen = look, []

    async def append(self, entries: Sequence[runner.Entry]) -> None:
        await asyncio.sleep(0.05)
        self.seen.append((entries[-1].position, self.look()))
        await super().append(entries)


def test_no_effect_starts_before_the_last_one_is_durable(running):
    events = runner.EventLog()
    journal = Ordered(lambda: len(events.events))
    emit = [{f"e{n}": {"emit": {"event": {"with": {"source": "urn:x", "type": f"t{n}"}}}}} for n in range(3)]
    running.run(a_workflow(*emit), journal=journal, events=events)
    assert [(position.rpartition("/")[2], count) for position, count in journal.seen] == [
        ("e0", 1),
        ("e1", 2),
        ("e2", 3),
    ]


def test_a_journal_that_fails_ends_the_run_with_its_error(running):
    class Broken(runner.MemoryJournal):
        async def append(self, entries: Sequence[runner.Entry]) -> None:
            raise CasewayError("taken over", code="claim-lost")

    with pytest.raises(CasewayError) as refused:
        running.run(a_workflow(a_shell("echo hello")), journal=Broken())
    assert refused.value.code == "claim-lost"


def test_secrets_come_when_they_are_asked_for(running):
    asked: list[str] = []

    def secrets(name: str) -> Any:
        asked.append(name)
        return {"token": "t-1"}

    document = a_workflow(
        {"one": {"set": {"a": 1}, "output": {"as": "${ $secrets.erp.token }"}}}, use={"secrets": ["erp"]}
    )
    outcome = running.run(document, secrets=secrets)
    assert set(asked) <= {"erp"}
    assert outcome.status in {"completed", "faulted"}


def test_a_secret_that_is_missing_is_an_authorization_fault(running):
    call = {"one": {"call": "http", "with": {"method": "get", "endpoint": {"uri": "http://x.invalid"}}}}
    basic = {"authentication": {"basic": {"use": "erp"}}}
    call["one"]["with"]["endpoint"].update(basic)
    outcome = running.run(a_workflow(call, use={"secrets": ["erp"]}))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "authorization")


def test_a_sub_workflow_is_found_and_runs(running):
    child = a_workflow({"double": {"set": {"twice": "${ .n * 2 }"}}}, name="child")
    sub = {"namespace": "tests", "name": "child", "version": "1.0.0", "input": {"n": 2}}
    outcome = running.run(
        a_workflow({"ask": {"run": {"workflow": sub}}}), workflows=lambda *names: {"child": child}[names[1]]
    )
    assert outcome.output == {"twice": 4}


def test_a_sub_workflow_that_is_not_there_is_a_configuration_fault(running):
    sub = {"namespace": "tests", "name": "nobody", "version": "1.0.0"}
    outcome = running.run(a_workflow({"ask": {"run": {"workflow": sub}}}))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "configuration")


def test_files_are_read_where_the_execution_comes_from(running):
    script = {"language": "python", "source": {"endpoint": {"uri": "file://hello.py"}}}
    outcome = running.run(
        a_workflow({"go": {"run": {"script": script}}}),
        files=lambda path: {"hello.py": b"print('from a file')"}[path],
    )
    assert outcome.output == "from a file\n"


def test_events_go_out_and_come_in(running):
    events = runner.EventLog()
    wanted = {"to": {"one": {"with": {"type": "answer"}}}}
    emit = {"event": {"with": {"source": "urn:x", "type": "answer", "data": {"n": 7}}}}
    outcome = running.run(a_workflow({"say": {"emit": emit}}, {"hear": {"listen": wanted}}), events=events)
    assert outcome.status == "completed"
    assert outcome.output[0] == {"n": 7}
    assert [event["type"] for event in events.events] == ["answer"]


def test_the_lifecycle_is_told(running):
    told = runner.EventLog()
    running.run(a_workflow({"one": {"set": {"a": 1}}}), lifecycle=told)
    kinds = [event["type"].removeprefix("io.serverlessworkflow.") for event in told.events]
    words = ("workflow.started", "task.created", "task.started", "task.completed", "workflow.completed")
    assert kinds == [f"{word}.v1" for word in words]


def test_a_long_wait_sleeps_with_the_caller(running):
    outcome = running.run(a_workflow({"rest": {"wait": {"hours": 1}}}), can_sleep=True)
    assert outcome.status == "waiting"
    assert outcome.waiting.until is not None


def test_activations_are_bounded(running):
    loop = {"again": {"set": {"a": 1}, "then": "again"}}
    policy = runner.Policy(processes=True, limits=runner.Limits(activations=20))
    outcome = running.run(a_workflow(loop), policy=policy)
    assert (outcome.status, outcome.reason) == ("faulted", "limit"), outcome.error.detail


def test_time_is_bounded_and_processes_end_with_it(running):
    policy = runner.Policy(processes=True, limits=runner.Limits(wall_seconds=0.5))
    outcome = running.run(a_workflow(a_shell("sleep 600")), policy=policy)
    assert (outcome.status, outcome.reason) == ("faulted", "limit"), outcome.error.detail


def test_a_timeout_faults_the_task(running):
    slow = a_shell("sleep 600")
    slow["go"]["timeout"] = {"after": {"milliseconds": 300}}
    outcome = running.run(a_workflow(slow))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "timeout")


def test_output_is_bounded(running):
    policy = runner.Policy(processes=True, limits=runner.Limits(output_bytes=10_000))
    outcome = running.run(a_workflow(a_shell("yes | head -c 100000")), policy=policy)
    assert (outcome.status, outcome.reason) == ("faulted", "limit"), outcome.error.detail


def test_cancelling_ends_it_and_its_journal_resumes(running):
    document = a_workflow(a_shell("echo one", "first"), a_shell("sleep 600", "second"))
    journal = runner.MemoryJournal()

    async def cancelled() -> runner.Outcome:
        ports = runner.Ports(journal=journal, policy=runner.Policy(processes=True))
        work = asyncio.create_task(running.executor.execute(running.job(document), ports))
        while not any(entry.position.endswith("first") for entry in journal.entries):
            await asyncio.sleep(0.01)
        work.cancel()
        return await work

    outcome = running.loop.run_until_complete(asyncio.wait_for(cancelled(), 120))
    assert outcome.status == "cancelled"
    assert [task.name for task in outcome.tasks if task.status == "completed"] == ["first"]
    document["do"][1] = a_shell("echo two", "second")
    resumed = running.run(document, journal=journal)
    assert (resumed.status, resumed.output) == ("completed", "two\n")


def test_a_process_s_failure_shows_its_words(running):
    outcome = running.run(a_workflow(a_shell("echo wrong >&2; exit 3")))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "runtime")
    assert "ended with code 3: wrong" in outcome.error.detail


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("code", 0),
        ("all", {"code": 0, "stdout": "out\n", "stderr": "err\n"}),
        ("none", None),
    ],
)
def test_every_kind_of_return(running, returns, expected):
    command = "echo out; echo err >&2"
    outcome = running.run(a_workflow({"go": {"run": {"shell": {"command": command}, "return": returns}}}))
    assert outcome.output == expected


def test_a_process_sees_only_the_environment_it_is_given(running):
    document = a_workflow(a_shell("env | sed 's/=.*//' | sort | tr '\\n' ' '"))
    document["do"][0]["go"]["run"]["shell"]["environment"] = {"MINE": "1"}
    outcome = running.run(document, environment={"CASEWAY_SERVICES": "{}"})
    assert set(outcome.output.split()) <= {
        "CASEWAY_SERVICES",
        "HOME",
        "LANG",
        "MINE",
        "PATH",
        "PWD",
        "TMPDIR",
    }
    assert "CASEWAY_SERVICES" in outcome.output


def test_a_container_task_asks_whoever_has_an_engine(running):
    class Containers:
        async def run(self, request: runner.ContainerRequest, /) -> runner.ContainerResult:
            if request.image == "forbidden":
                raise runner.ContainerError("not here", "authorization")
            return runner.ContainerResult(0, f"{request.image} {' '.join(request.arguments)}")

    def task(image: str) -> dict[str, Any]:
        return {"c": {"run": {"container": {"image": image, "arguments": ["a", 1]}}}}

    assert running.run(a_workflow(task("box")), containers=Containers()).output == "box a 1"
    refused = running.run(a_workflow(task("forbidden")), containers=Containers())
    assert (refused.error.type, refused.error.detail) == (SPEC + "authorization", "not here")


def test_a_run_leaves_nothing_to_the_next(running, request):
    is_a_pod = request.node.callspec.params["running"] == "kubernetes"
    if is_a_pod and not request.getfixturevalue("kubernetes_cluster").node.isolates:
        pytest.skip("a process here cannot be cleaned as a pod is")
    first = a_workflow(a_shell("echo secret > $TMPDIR/../left-behind; (sleep 300 &) ; echo done"))
    assert running.run(first).output == "done\n"
    if running.place is None:
        return  # on the worker's own machine only the task's own folder is cleaned
    look = "ls -A /tmp /dev/shm | grep -v '^/' | grep -v '^caseway-' ; ls /proc | grep -c '^[0-9]'"
    outcome = running.run(a_workflow(a_shell(look)))
    assert "left-behind" not in outcome.output


def test_an_execution_s_id_and_labels_are_its_own(running):
    job = running.job(a_workflow({"one": {"set": {"id": "${ $workflow.id }"}}}), id="run-77")
    job = replace(job, execution=replace(job.execution, labels={"stage": "dev"}))
    ports = runner.Ports(policy=runner.Policy(processes=True))
    outcome = running.loop.run_until_complete(running.executor.execute(job, ports))
    assert (outcome.id, outcome.output) == ("run-77", {"id": "run-77"})
