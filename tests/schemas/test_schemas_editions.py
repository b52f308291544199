"""What changed between the versions of the DSL is judged by the version that a document names."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from caseway.repo.schema import suspicions, violations
from caseway_runner import Execution, MemoryJournal, Policy, Ports, Status, compile_workflow, execute

EARLIER = ["1.0.0", "1.0.1", "1.0.2"]
SCRIPT = {"language": "python", "code": "import sys; print(sys.argv[1:], end='')"}
NAMED = {"language": "python", "code": "print(who, count + 1, end='')"}
SHELL = {"command": 'printf "%s," "$@"'}


def a_workflow(dsl: str, run: dict[str, Any]) -> dict[str, Any]:
    return {
        "document": {"dsl": dsl, "namespace": "t", "name": "t", "version": "1.0.0"},
        "do": [{"work": {"run": run}}],
    }


def refused(document: dict[str, Any]) -> list[str]:
    return [found.pointer for found in violations("Workflow", document)]


async def output(document: dict[str, Any]) -> Any:
    ports = Ports(journal=MemoryJournal(), policy=Policy(processes=True))
    outcome = await execute(compile_workflow(document), {"n": 1}, Execution("e"), ports)
    assert outcome.status is Status.COMPLETED, outcome.error
    return outcome.output


@pytest.mark.skipif(sys.platform == "win32", reason="needs /bin/sh")
@pytest.mark.parametrize("dsl", EARLIER)
@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"script": NAMED | {"arguments": {"who": "ann", "count": "${ .n }"}}}, "ann 2"),
        ({"shell": SHELL | {"arguments": {"--who": "ann", "--count": "${ .n }"}}}, "ann,1,"),
        ({"script": SCRIPT | {"arguments": ["ann", "${ .n }"]}}, "['ann', '1']"),
    ],
)
def test_before_1_0_3_arguments_may_be_maps(dsl: str, run: dict[str, Any], expected: str) -> None:
    import asyncio  # noqa: PLC0415 - this test alone runs anything

    document = a_workflow(dsl, run)
    assert refused(document) == [] and suspicions("Workflow", document) == []
    assert asyncio.run(output(document)) == expected


@pytest.mark.parametrize("kind", ["script", "shell"])
def test_since_1_0_3_arguments_are_lists(kind: str) -> None:
    body = NAMED if kind == "script" else SHELL
    assert refused(a_workflow("1.0.3", {kind: body | {"arguments": {"who": "ann"}}})) == [
        f"/do/0/work/run/{kind}/arguments"
    ]
    assert refused(a_workflow("1.0.3", {kind: body | {"arguments": ["ann"]}})) == []


@pytest.mark.parametrize("dsl", [*EARLIER, "1.0.3"])
@pytest.mark.parametrize("arguments", [5, True, [1], "text"])
def test_no_version_takes_anything_else(dsl: str, arguments: Any) -> None:
    assert refused(a_workflow(dsl, {"shell": SHELL | {"arguments": arguments}})) != []
