"""Shell and script tasks: what they get, what they give, and that nothing of them survives."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from running import ERRORS, a_workflow, names, processes_allowed, run

from caseway_runner import Limits, Outcome, Policy, Status, SystemClock

NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def running(process: dict[str, Any], input: Any = None, **more: Any) -> Outcome:
    parts = {key: more.pop(key) for key in ("returns", "awaits") if key in more}
    task: dict[str, Any] = {"run": dict(process)}
    if "returns" in parts:
        task["run"]["return"] = parts["returns"]
    if "awaits" in parts:
        task["run"]["await"] = parts["awaits"]
    task |= more.pop("task", {})
    more.setdefault("policy", processes_allowed())
    return run(a_workflow({"p": task}), input, clock=SystemClock(), **more)


def shell(command: str, **more: Any) -> dict[str, Any]:
    return {"shell": {"command": command, **more}}


def python(code: str, **more: Any) -> dict[str, Any]:
    return {"script": {"language": "python", "code": code, **more}}


def test_processes_are_refused_unless_the_policy_allows_them() -> None:
    outcome = running(shell("echo hi"), policy=Policy())
    assert outcome.error is not None and outcome.error.type == ERRORS + "authorization"


def test_a_shell_command_gets_arguments_input_and_environment() -> None:
    process = shell(
        'cat; echo "-$1-$2-$X"', arguments=["${ .a }", "b c"], stdin="${ .in }", environment={"X": "${ .x }"}
    )
    assert running(process, {"a": "A", "in": "given\n", "x": 5}).output == "given\n-A-b c-5\n"


@pytest.mark.parametrize(
    ("returns", "output"),
    [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("code", 0),
        ("none", None),
        ("all", {"code": 0, "stdout": "out\n", "stderr": "err\n"}),
    ],
)
def test_return_chooses_the_output(returns: str, output: Any) -> None:
    assert running(shell("echo out; echo err >&2"), returns=returns).output == output


def test_a_process_that_fails_is_an_error_unless_the_code_is_asked_for() -> None:
    failed = running(shell("echo why >&2; exit 3"))
    assert failed.error is not None and failed.error.type == ERRORS + "runtime"
    assert "code 3" in failed.error.detail and "why" in failed.error.detail
    assert running(shell("exit 3"), returns="code").output == 3


def test_the_environment_of_this_process_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_THING", "1")
    text = running(shell("env"), environment={"CASEWAY_SERVICES": "{}"}).output
    assert "PRIVATE_THING" not in text
    assert "CASEWAY_SERVICES={}" in text


def test_each_process_has_an_empty_directory_that_is_gone_afterwards() -> None:
    directory = running(shell("ls -A; touch left; pwd")).output.strip()
    assert directory.startswith("/") and not Path(directory).exists()


def test_a_python_script_gets_listed_arguments_as_argv() -> None:
    assert running(
        python("import sys; print(sys.argv[1:])", arguments=["a", "${ .n }"]), {"n": 5}
    ).output == ("['a', '5']\n")


def test_a_python_script_gets_named_arguments_as_variables() -> None:
    process = python("print(name, items[1])", arguments={"name": "it's", "items": "${ .i }"})
    assert running(process, {"i": [1, {"a": None}]}).output == "it's {'a': None}\n"


@NEEDS_NODE
@pytest.mark.parametrize("language", ["js", "javascript"])
def test_a_javascript_script_runs_in_node(language: str) -> None:
    code = "import { argv } from 'node:process'; console.log(greeting, argv.length)"
    process = {"script": {"language": language, "code": code, "arguments": {"greeting": "Hi"}}}
    assert running(process).output == "Hi 2\n"


def test_a_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    process = shell(f"(echo $$ > {mark}; sleep 600) & sleep 600")
    for seconds in (0.5, 5, 60):  # until it is long enough for the process to begin
        outcome = running(process, task={"timeout": {"after": {"milliseconds": int(seconds * 1000)}}})
        assert outcome.reason == "timeout"
        if mark.exists() and mark.read_text():
            break
    assert is_gone(int(mark.read_text()))


def test_the_children_of_a_process_that_ended_are_gone_too(tmp_path: Path) -> None:
    running(shell(f"sleep 600 >/dev/null 2>&1 </dev/null & echo $! > {tmp_path}/pid"))
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_child_that_leaves_the_group_does_not_hold_the_task_up() -> None:
    limit = {"timeout": {"after": {"seconds": 120}}}
    assert running(shell("echo out; setsid sleep 240 & exit 0"), task=limit).output == "out\n"


def is_gone(process: int) -> bool:
    """Whether the process ended; its parent may still have to notice."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{process}/stat").read_text().split()[2] == "Z":
                return True
            os.kill(process, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def test_too_much_output_hits_the_limit() -> None:
    policy = Policy(processes=True, limits=Limits(output_bytes=10_000))
    outcome = running(shell("yes"), policy=policy)
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


def test_a_process_that_does_not_read_its_input_is_fine() -> None:
    assert running(shell("echo done", stdin="x" * 1_000_000)).output == "done\n"


def test_a_process_that_is_not_awaited_gives_the_input_and_still_finishes(tmp_path: Path) -> None:
    outcome = running(shell(f"sleep 0.3; echo yes > {tmp_path}/done"), {"x": 1}, awaits=False)
    assert outcome.output == {"x": 1}
    assert (tmp_path / "done").read_text() == "yes\n"


def test_a_script_that_takes_much_memory_is_stopped() -> None:
    outcome = running(python("x = bytearray(16 << 30)"))
    assert outcome.error is not None and "MemoryError" in outcome.error.detail


def test_processes_are_recorded_as_tasks() -> None:
    assert names(running(shell("true"))) == ["p"]
