"""`run: container` meets its engine through a port; what an engine really does is tested where it lives."""

from __future__ import annotations

import asyncio
from typing import Any

from running import ERRORS, a_workflow, run

from caseway_runner import (
    ContainerError,
    ContainerRequest,
    ContainerResult,
    MemoryJournal,
    Status,
    StubAnswer,
    problems,
)


class Engine:
    """Remembers what it was asked and gives one answer."""

    def __init__(self, answer: ContainerResult | ContainerError) -> None:
        self.asked: list[ContainerRequest] = []
        self.answer = answer

    async def run(self, request: ContainerRequest, /) -> ContainerResult:
        self.asked.append(request)
        await asyncio.sleep(0)
        if isinstance(self.answer, ContainerError):
            raise self.answer
        return self.answer


def containing(returns: str = "stdout", awaits: bool = True, **more: Any) -> dict[str, Any]:
    container = {"image": "alpine", **more}
    return a_workflow({"r": {"run": {"container": container, "return": returns, "await": awaits}}})


WHOLE = {
    "name": '${ "c-\\(.n)" }',
    "command": "cat",
    "arguments": ["a", "${ .n }"],
    "stdin": "${ . }",
    "environment": {"N": "${ .n }"},
    "ports": {"8080": 80},
    "volumes": {"data": "/data"},
    "pullPolicy": "always",
    "lifetime": {"cleanup": "eventually", "after": {"minutes": 1}},
}


def test_every_property_reaches_the_engine() -> None:
    engine = Engine(ContainerResult(0, "out"))
    outcome = run(containing(**WHOLE), {"n": 7}, containers=engine)
    assert outcome.output == "out"
    (asked,) = engine.asked
    assert asked == ContainerRequest(
        key="run-1:/do/0/r",
        image="alpine",
        name="c-7",
        command="cat",
        arguments=("a", "7"),
        stdin='{"n": 7}',
        environment={"N": "7"},
        ports={"8080": "80"},
        volumes={"data": "/data"},
        pull_policy="always",
        cleanup="eventually",
        cleanup_after=60.0,
        output_bytes=asked.output_bytes,
        reference="/do/0/r",
    )


def test_return_says_what_of_the_end_is_shown() -> None:
    def returned(returns: str) -> Any:
        return run(containing(returns), containers=Engine(ContainerResult(3, "o", "e"))).output

    assert returned("all") == {"code": 3, "stdout": "o", "stderr": "e"}
    assert returned("code") == 3
    assert returned("stderr") == "e"


def test_a_container_that_fails_is_an_error_unless_return_shows_it() -> None:
    outcome = run(containing(), containers=Engine(ContainerResult(3, "o", "no such thing")))
    assert outcome.error is not None
    assert outcome.error.type == ERRORS + "runtime"
    assert outcome.error.detail == "the container ended with code 3: no such thing"


def test_what_the_engine_refuses_is_an_error_of_its_kind() -> None:
    outcome = run(containing(), containers=Engine(ContainerError("not this image", "authorization")))
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.detail) == (ERRORS + "authorization", "not this image")


def test_without_an_engine_the_task_says_so() -> None:
    assert problems(containing()) == ()
    outcome = run(containing())
    assert outcome.error is not None
    assert outcome.error.type == ERRORS + "configuration"
    assert "needs a container engine" in outcome.error.detail


def test_a_container_that_is_not_awaited_ends_before_the_execution_does() -> None:
    engine = Engine(ContainerResult(0, "out"))
    outcome = run(containing(awaits=False), {"n": 1}, containers=engine)
    assert (outcome.status, outcome.output, len(engine.asked)) == (Status.COMPLETED, {"n": 1}, 1)


def test_a_container_that_ended_does_not_run_again() -> None:
    engine, journal = Engine(ContainerResult(0, "out")), MemoryJournal()
    run(containing(), containers=engine, journal=journal)
    assert run(containing(), containers=engine, journal=journal).output == "out"
    assert len(engine.asked) == 1


def test_a_stub_stands_for_the_container() -> None:
    assert run(
        containing(), stub=lambda call: StubAnswer(f"{call.kind} {call.arguments['image']}")
    ).output == ("container alpine")
