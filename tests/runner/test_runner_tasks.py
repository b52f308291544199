"""What each kind of task does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from running import ERRORS, VirtualClock, a_workflow, getting, names, raising, run, server, setting

from caseway_runner import (
    EventLog,
    Execution,
    Limits,
    Policy,
    Ports,
    Status,
    StubAnswer,
    WorkflowError,
    compile_workflow,
    execute,
)


def answering(value: Any, status: int = 200) -> httpx.MockTransport:
    return server(lambda request: httpx.Response(status, json=value))


def test_set_replaces_the_data() -> None:
    assert run(a_workflow(setting("a", {"x": "${ .y }", "z": [1, "${ .y }"]})), {"y": 2}).output == {
        "x": 2,
        "z": [1, 2],
    }


def test_set_takes_one_expression_as_a_whole() -> None:
    assert run(a_workflow(setting("a", "${ .y }")), {"y": [1]}).output == [1]


def test_in_strict_mode_text_without_braces_stays_text() -> None:
    assert run(a_workflow(setting("a", {"x": ".y"})), {"y": 2}).output == {"x": ".y"}


def test_in_loose_mode_text_that_evaluates_is_an_expression_and_other_text_stays() -> None:
    document = a_workflow(
        setting("a", {"x": ".y", "t": "Hello there", "bad": '"a" | .b'}), evaluate={"mode": "loose"}
    )
    assert run(document, {"y": 2}).output == {"x": 2, "t": "Hello there", "bad": '"a" | .b'}


def test_a_task_whose_condition_fails_is_skipped_and_passes_its_input_on() -> None:
    outcome = run(
        a_workflow(setting("a", {"x": 1}, **{"if": ".go"}), setting("b", "${ .keep }")), {"keep": 7}
    )
    assert outcome.output == 7
    assert names(outcome) == ["b"]


def test_input_from_and_output_as_frame_the_task() -> None:
    task = setting("a", {"got": "${ . }"}, input={"from": ".deep"}, output={"as": ".got + $input"})
    assert run(a_workflow(task), {"deep": 4}).output == 8


def test_the_raw_input_is_in_the_task_descriptor() -> None:
    task = setting("a", "${ $task.input.x + . }", input={"from": ".y"})
    assert run(a_workflow(task), {"x": 1, "y": 2}).output == 3


def test_export_replaces_the_context_and_sees_the_output() -> None:
    tasks = (
        setting("a", {"x": 1}, export={"as": "$context + {a: $output.x}"}),
        setting("b", "${ $context }"),
    )
    assert run(a_workflow(*tasks), {"in": 0}).output == {"in": 0, "a": 1}


def test_workflow_input_and_output_are_transformed() -> None:
    document = a_workflow(setting("a", {"v": "${ . }"}), input={"from": ".n"}, output={"as": ".v + 1"})
    assert run(document, {"n": 1}).output == 2


@pytest.mark.parametrize(
    ("place", "parts", "task"),
    [
        ("/", {"input": {"schema": {"document": {"required": ["x"]}}}}, {}),
        ("/", {"output": {"schema": {"document": {"type": "string"}}}}, {}),
        ("/do/0/a", {}, {"input": {"schema": {"document": {"required": ["x"]}}}}),
        ("/do/0/a", {}, {"output": {"schema": {"document": {"type": "string"}}}}),
        ("/do/0/a", {}, {"export": {"as": ".", "schema": {"document": {"type": "string"}}}}),
    ],
)
def test_data_that_does_not_match_its_schema_is_a_validation_error(place: str, parts: Any, task: Any) -> None:
    outcome = run(a_workflow(setting("a", {"y": 1}, **task), **parts), {})
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.status) == (ERRORS + "validation", 400)
    assert outcome.error.instance == place


def test_the_descriptors_say_who_runs() -> None:
    value = {
        "task": "${ $task.name + $task.reference }",
        "definition": '${ $task.definition | has("set") }',
        "workflow": "${ $workflow.definition.document.name }",
        "id": "${ $workflow.id }",
        "raw": "${ $workflow.input }",
        "at": "${ $workflow.startedAt.epoch.seconds }",
        "runtime": "${ $runtime.name }",
    }
    assert run(a_workflow(setting("a", value)), 5).output == {
        "task": "a/do/0/a",
        "definition": True,
        "workflow": "example",
        "id": "run-1",
        "raw": 5,
        "at": 1767225600,
        "runtime": "caseway",
    }


def test_an_expression_that_fails_is_an_expression_error_at_its_task() -> None:
    outcome = run(a_workflow({"d": {"do": [setting("a", '${ "x" + 1 }')]}}))
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.status) == (ERRORS + "expression", 400)
    assert outcome.error.instance == "/do/0/d/do/0/a"


def test_an_expression_without_result_is_null_and_several_are_an_array() -> None:
    value = {"none": "${ empty }", "many": "${ .[] }"}
    assert run(a_workflow(setting("a", value)), [1, 2]).output == {"none": None, "many": [1, 2]}


def test_then_jumps_within_the_list() -> None:
    tasks = (setting("a", "${ . + 1 }", then="c"), setting("b", "${ 100 }"), setting("c", "${ . * 10 }"))
    outcome = run(a_workflow(*tasks), 1)
    assert outcome.output == 20
    assert names(outcome) == ["a", "c"]


def test_exit_leaves_only_the_inner_list() -> None:
    inner = {"d": {"do": [setting("a", {"x": 1}, then="exit"), setting("b", {"x": 2})]}}
    outcome = run(a_workflow(inner, setting("c", "${ .x + 10 }")))
    assert outcome.output == 11


def test_end_ends_the_whole_workflow_from_within() -> None:
    inner = {"d": {"do": [setting("a", {"x": 1}, then="end"), setting("b", {"x": 2})]}}
    outcome = run(a_workflow(inner, setting("c", "${ .x + 10 }")))
    assert outcome.output == {"x": 1}
    assert names(outcome) == ["d", "a"]


def test_a_jump_back_runs_tasks_again_under_new_positions() -> None:
    tasks = (
        setting("count", "${ . + 1 }"),
        {"again": {"switch": [{"small": {"when": ". < 3", "then": "count"}}]}},
    )
    outcome = run(a_workflow(*tasks), 0)
    assert outcome.output == 3
    assert [task.position for task in outcome.tasks if task.name == "count"] == [
        "/do/0/count",
        "/do/0/count!2",
        "/do/0/count!3",
    ]


def test_switch_takes_the_default_only_when_nothing_matches() -> None:
    cases = [{"other": {"then": "b"}}, {"one": {"when": ". == 1", "then": "a"}}]
    tasks = ({"s": {"switch": cases}}, setting("a", "${ 10 }", then="end"), setting("b", "${ 20 }"))
    assert run(a_workflow(*tasks), 1).output == 10
    assert run(a_workflow(*tasks), 2).output == 20


def test_for_hands_each_rounds_output_to_the_next() -> None:
    loop = {
        "f": {"for": {"each": "n", "in": ".items", "at": "i"}, "do": [setting("a", "${ .sum += $n + $i }")]}
    }
    assert run(a_workflow(loop), {"items": [1, 2, 3], "sum": 0}).output == {"items": [1, 2, 3], "sum": 9}


def test_for_stops_when_its_condition_fails() -> None:
    loop = {"f": {"for": {"in": "[1, 2, 3, 4]"}, "while": ". < 3", "do": [setting("a", "${ . + $item }")]}}
    assert run(a_workflow(loop), 0).output == 3


def test_for_over_nothing_passes_its_input_on() -> None:
    assert run(
        a_workflow({"f": {"for": {"in": ".none"}, "do": [setting("a", {"x": 1})]}}), {"y": 1}
    ).output == {"y": 1}


def test_for_over_something_else_than_an_array_is_an_expression_error() -> None:
    outcome = run(a_workflow({"f": {"for": {"in": "."}, "do": [setting("a", {"x": 1})]}}), "text")
    assert outcome.error is not None and outcome.error.type == ERRORS + "expression"


def test_fork_gives_the_outputs_in_the_order_of_its_branches() -> None:
    slow = {"slow": {"do": [{"w": {"wait": {"seconds": 5}}}, setting("s", {"x": 1})]}}
    outcome = run(a_workflow({"f": {"fork": {"branches": [slow, setting("fast", {"x": 2})]}}}))
    assert outcome.output == [{"x": 1}, {"x": 2}]


def test_a_race_gives_the_output_of_the_winner_and_cancels_the_others() -> None:
    slow = {"slow": {"do": [{"w": {"wait": {"seconds": 5}}}, setting("s", {"x": 1})]}}
    outcome = run(
        a_workflow({"f": {"fork": {"compete": True, "branches": [slow, setting("fast", {"x": 2})]}}})
    )
    assert outcome.output == {"x": 2}
    assert {task.name: task.status for task in outcome.tasks}["slow"] is Status.CANCELLED


def test_exports_of_branches_are_merged_in_the_order_of_the_branches() -> None:
    late = {
        "late": {
            "do": [
                {"w": {"wait": {"seconds": 5}}},
                setting("a", {"k": 1}, export={"as": "$context + {a: 1, k: 1}"}),
            ]
        }
    }
    early = setting("early", {"k": 2}, export={"as": "$context + {b: 2, k: 2}"})
    outcome = run(a_workflow({"f": {"fork": {"branches": [late, early]}}}, setting("c", "${ $context }")), {})
    assert outcome.output == {"a": 1, "b": 2, "k": 2}


def test_a_fault_in_a_branch_faults_the_fork_and_cancels_the_rest() -> None:
    slow = {"slow": {"wait": {"seconds": 5}}}
    outcome = run(a_workflow({"f": {"fork": {"branches": [slow, raising("bad", 418)]}}}))
    assert outcome.error is not None and outcome.error.status == 418
    assert outcome.error.instance == "/do/0/f/fork/branches/1/bad"
    assert {t.name: t.status for t in outcome.tasks} == {
        "f": Status.FAULTED,
        "slow": Status.CANCELLED,
        "bad": Status.FAULTED,
    }


def test_raise_uses_errors_defined_once() -> None:
    errors = {"no": {"type": "https://x/no", "status": 409, "title": "${ .why }", "detail": "d"}}
    outcome = run(a_workflow({"r": {"raise": {"error": "no"}}}, use={"errors": errors}), {"why": "because"})
    assert outcome.error is not None
    assert dict(outcome.error.as_json()) == {
        "type": "https://x/no",
        "status": 409,
        "title": "because",
        "detail": "d",
        "instance": "/do/0/r",
    }


def trying(catch: dict[str, Any], *tasks: dict[str, Any]) -> dict[str, Any]:
    return {"t": {"try": list(tasks or (raising("bad", 400),)), "catch": catch}}


def test_a_caught_error_without_handler_gives_the_input() -> None:
    assert run(a_workflow(trying({})), {"x": 1}).output == {"x": 1}


def test_the_handler_sees_the_error_under_its_name() -> None:
    handler = [setting("h", "${ $oops.status + .x }")]
    assert run(a_workflow(trying({"as": "oops", "do": handler})), {"x": 1}).output == 401


@pytest.mark.parametrize(
    ("catch", "status"),
    [
        ({"errors": {"with": {"status": 400}}}, Status.COMPLETED),
        ({"errors": {"with": {"status": 500}}}, Status.FAULTED),
        ({"errors": {"with": {"type": "https://example.com/bad"}}}, Status.COMPLETED),
        ({"errors": {"with": {"instance": "/do/0/t/try/0/bad"}}}, Status.COMPLETED),
        ({"errors": {"with": {"title": "other"}}}, Status.FAULTED),
        ({"when": "$error.status == 400"}, Status.COMPLETED),
        ({"when": "$error.status == 401"}, Status.FAULTED),
        ({"exceptWhen": "$error.status == 400"}, Status.FAULTED),
        ({"exceptWhen": "$error.status == 401"}, Status.COMPLETED),
    ],
)
def test_catch_filters_errors(catch: dict[str, Any], status: Status) -> None:
    assert run(a_workflow(trying(catch))).status is status


def retried(backoff: dict[str, Any] | None, **policy: Any) -> tuple[Any, list[float]]:
    clock = VirtualClock()
    retry = {"delay": {"seconds": 2}, "limit": {"attempt": {"count": 3}}, **policy}
    if backoff is not None:
        retry["backoff"] = backoff
    return run(a_workflow(trying({"retry": retry})), clock=clock), clock.slept


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [
        (None, [2.0, 2.0, 2.0]),
        ({"constant": {}}, [2.0, 2.0, 2.0]),
        ({"linear": {}}, [2.0, 4.0, 6.0]),
        ({"exponential": {}}, [2.0, 4.0, 8.0]),
    ],
)
def test_retries_back_off(backoff: dict[str, Any] | None, delays: list[float]) -> None:
    outcome, slept = retried(backoff)
    assert slept == delays
    assert outcome.status is Status.FAULTED
    assert {task.name: task.attempts for task in outcome.tasks}["t"] == 4


def test_the_total_duration_of_retries_is_limited() -> None:
    _, slept = retried({"exponential": {}}, limit={"duration": {"seconds": 7}})
    assert slept == [2.0, 4.0]


def test_jitter_lies_between_its_bounds() -> None:
    clock = VirtualClock()
    retry = {"limit": {"attempt": {"count": 1}}, "jitter": {"from": {"seconds": 1}, "to": {"seconds": 3}}}
    run(a_workflow(trying({"retry": retry})), clock=clock, random=lambda: 0.5)
    assert clock.slept == [2.0]


def test_a_retry_happens_only_when_its_condition_holds() -> None:
    assert retried(None, when="$error.status == 500")[1] == []
    assert retried(None, exceptWhen="$error.status == 400")[1] == []


def test_after_the_last_retry_the_handler_runs() -> None:
    catch = {"retry": {"limit": {"attempt": {"count": 1}}}, "do": [setting("h", {"gave": "up"})]}
    outcome = run(a_workflow(trying(catch)))
    assert outcome.output == {"gave": "up"}
    assert names(outcome) == ["t", "bad", "bad", "h"]


def test_an_attempt_that_takes_too_long_is_a_timeout_that_is_retried() -> None:
    retry = {"limit": {"attempt": {"count": 1, "duration": {"seconds": 3}}}}
    outcome = run(a_workflow(trying({"retry": retry}, {"w": {"wait": {"seconds": 9}}})))
    assert outcome.error is not None and outcome.error.type == ERRORS + "timeout"
    assert names(outcome) == ["t", "w", "w"]


def test_a_policy_may_be_defined_once() -> None:
    use = {"retries": {"twice": {"limit": {"attempt": {"count": 2}}}}}
    assert names(run(a_workflow(trying({"retry": "twice"}), use=use))) == ["t", "bad", "bad", "bad"]


def test_wait_lets_time_pass_and_the_input_too() -> None:
    clock = VirtualClock()
    outcome = run(
        a_workflow({"w": {"wait": "PT1M30S"}}, {"v": {"wait": {"milliseconds": 500}}}), 3, clock=clock
    )
    assert (outcome.output, clock.slept) == (3, [90.0, 0.5])


def test_wait_takes_a_duration_from_an_expression() -> None:
    clock = VirtualClock()
    run(a_workflow({"w": {"wait": "${ .for }"}}), {"for": "PT2S"}, clock=clock)
    assert clock.slept == [2.0]


def test_a_task_that_takes_too_long_faults_with_a_timeout() -> None:
    outcome = run(a_workflow({"w": {"wait": {"hours": 1}, "timeout": {"after": {"seconds": 5}}}}))
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.status) == (ERRORS + "timeout", 408)
    assert outcome.error.instance == "/do/0/w"
    assert outcome.reason == "timeout"


def test_an_inner_wait_is_cut_by_the_outer_timeout() -> None:
    inner = {"w": {"wait": {"hours": 1}, "timeout": {"after": {"minutes": 30}}}}
    outcome = run(a_workflow({"d": {"do": [inner], "timeout": {"after": {"seconds": 5}}}}))
    assert outcome.error is not None and outcome.error.instance == "/do/0/d"


def test_a_workflow_that_takes_too_long_faults() -> None:
    use = {"timeouts": {"short": {"after": "PT5S"}}}
    outcome = run(a_workflow({"w": {"wait": {"hours": 1}}}, timeout="short", use=use))
    assert outcome.error is not None and outcome.error.instance == "/"
    assert [task.status for task in outcome.tasks] == [Status.CANCELLED]


def test_emit_publishes_an_event_and_gives_it_as_output() -> None:
    events = EventLog()
    task = {
        "e": {
            "emit": {"event": {"with": {"source": "https://a/b", "type": "t.v1", "data": {"x": "${ .x }"}}}}
        }
    }
    first, second = (run(a_workflow(task), {"x": 1}, events=events).output for _ in range(2))
    assert first["data"] == {"x": 1} and first["specversion"] == "1.0"
    assert events.events == [first, second]
    assert first["id"] == second["id"], "the same activation of the same execution is the same event"


def test_an_inline_function_gets_its_arguments_as_input() -> None:
    function = {
        "input": {"schema": {"document": {"required": ["petId"]}}},
        "call": "http",
        "with": {"method": "get", "endpoint": "http://pets/{petId}"},
    }
    document = a_workflow(
        {"f": {"call": "getPet", "with": {"petId": "${ .n }"}, "output": {"as": ".path"}}},
        use={"functions": {"getPet": function}},
    )
    transport = server(lambda request: httpx.Response(200, json={"path": request.url.path}))
    outcome = run(document, {"n": 69}, http_transport=transport)
    assert outcome.output == "/69"
    assert names(outcome) == ["f"]


def test_an_error_in_a_function_names_the_task_that_called_it() -> None:
    document = a_workflow({"f": {"call": "bad"}}, use={"functions": {"bad": raising("x", 402)["x"]}})
    outcome = run(document)
    assert outcome.error is not None and outcome.error.instance == "/do/0/f"


def test_a_function_that_calls_itself_hits_the_depth_limit() -> None:
    document = a_workflow({"f": {"call": "self"}}, use={"functions": {"self": {"call": "self"}}})
    outcome = run(document)
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


def test_a_sub_workflow_runs_with_its_input_and_gives_its_output() -> None:
    child = a_workflow(setting("inner", "${ .n + 1 }"), name="child")
    task = {
        "r": {
            "run": {
                "workflow": {"namespace": "tests", "name": "child", "version": "1.0.0", "input": {"n": 4}}
            }
        }
    }
    outcome = run(a_workflow(task), workflows=lambda *names: {("tests", "child", "1.0.0"): child}[names])
    assert outcome.output == 5
    assert [task.reference for task in outcome.tasks] == ["/do/0/r", "/do/0/r/do/0/inner"]


def test_a_missing_sub_workflow_is_a_configuration_error() -> None:
    outcome = run(
        a_workflow({"r": {"run": {"workflow": {"namespace": "n", "name": "x", "version": "1.0.0"}}}})
    )
    assert outcome.error is not None and outcome.error.type == ERRORS + "configuration"


def test_sub_workflows_that_nest_without_end_hit_the_depth_limit() -> None:
    task = {"r": {"run": {"workflow": {"namespace": "tests", "name": "example", "version": "1.0.0"}}}}
    document = a_workflow(task)
    outcome = run(document, workflows=lambda *names: document)
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


def test_a_loop_without_end_hits_the_activation_limit_that_no_try_catches() -> None:
    loop = {"t": {"try": [setting("a", {"x": 1}), setting("b", {"x": 1}, then="a")], "catch": {}}}
    outcome = run(a_workflow(loop), policy=Policy(limits=Limits(activations=500)))
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


def test_an_execution_that_takes_too_long_hits_the_wall_limit() -> None:
    loop = (setting("a", {"x": 1}), setting("b", {"x": 1}, then="a"))
    outcome = run(a_workflow(*loop), policy=Policy(limits=Limits(activations=10**9, wall_seconds=0.2)))
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


def test_an_output_that_is_too_large_hits_the_limit() -> None:
    outcome = run(
        a_workflow(setting("a", {"x": "y" * 5000})), policy=Policy(limits=Limits(output_bytes=1000))
    )
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


def test_cancelling_the_asyncio_task_gives_a_cancelled_outcome() -> None:
    async def cancelled() -> Any:
        program = compile_workflow(a_workflow({"w": {"wait": {"hours": 1}}}))
        begun = asyncio.Event()
        ports = Ports(on_task=lambda record: begun.set())
        running = asyncio.ensure_future(execute(program, None, Execution("x"), ports))
        await begun.wait()
        running.cancel()
        return await running

    outcome = asyncio.run(cancelled())
    assert outcome.status is Status.CANCELLED
    assert [task.status for task in outcome.tasks] == [Status.CANCELLED]


def test_setting_the_cancel_port_gives_a_cancelled_outcome() -> None:
    async def cancelled() -> Any:
        program, stop = compile_workflow(a_workflow({"w": {"wait": {"hours": 1}}})), asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, stop.set)
        return await execute(program, None, Execution("x"), Ports(cancel=stop))

    assert asyncio.run(cancelled()).status is Status.CANCELLED


def test_the_listener_hears_every_change_of_a_task() -> None:
    heard: list[tuple[str, str]] = []
    run(
        a_workflow({"w": {"wait": {"seconds": 1}}}, raising("r")),
        on_task=lambda record: heard.append((record.name, record.status.value)),
    )
    assert heard == [
        ("w", "running"),
        ("w", "waiting"),
        ("w", "completed"),
        ("r", "running"),
        ("r", "faulted"),
    ]


def test_a_stub_replaces_an_effect_and_may_raise() -> None:
    calls: list[Any] = []

    def stub(call: Any) -> StubAnswer | None:
        calls.append((call.reference, call.kind, call.arguments["url"]))
        if call.name == "bad":
            return StubAnswer(error=WorkflowError("https://x/y", 418))
        return StubAnswer(output={"stubbed": True})

    outcome = run(
        a_workflow(getting("good", "http://x/{a}"), getting("bad", "http://x/b")), {"a": 1}, stub=stub
    )
    assert calls == [("/do/0/good", "http", "http://x/1"), ("/do/1/bad", "http", "http://x/b")]
    assert outcome.tasks[0].output == {"stubbed": True}
    assert outcome.error is not None and outcome.error.status == 418


def test_outputs_stay_json(tmp_path: Any) -> None:
    outcome = run(a_workflow(setting("a", {"x": "${ [.[] | tostring] }"})), [1, None, {"a": 1.5}])
    assert json.loads(json.dumps(outcome.output)) == outcome.output == {"x": ["1", "null", '{"a":1.5}']}
