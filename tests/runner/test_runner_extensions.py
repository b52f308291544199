"""Extensions around tasks, and functions from catalogs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from running import a_workflow, journal_of, names, run, server, setting

from caseway_runner import EventLog, MemoryJournal, Status, problems, with_functions


def telling(kind: str) -> dict[str, Any]:
    with_ = {"source": "http://x", "type": kind, "data": "${ $task.name }"}
    return {"tell": {"emit": {"event": {"with": with_}}}}


def extending(*tasks: dict[str, Any], **extension: Any) -> dict[str, Any]:
    return a_workflow(*tasks, use={"extensions": [{"x": extension}]})


def test_tasks_before_and_after_run_around_each_task_and_change_nothing() -> None:
    log = EventLog()
    document = extending(
        setting("a", {"n": 1}),
        setting("b", {"n": "${ .n + 1 }"}),
        extend="set",
        before=[telling("before")],
        after=[telling("after")],
    )
    outcome = run(document, events=log)
    assert outcome.output == {"n": 2}
    assert [event["type"] for event in log.events] == ["before", "after"] * 2
    assert names(outcome) == ["a", "tell", "tell", "b", "tell", "tell"]


def test_exit_before_replaces_the_task() -> None:
    call = {"c": {"call": "http", "with": {"method": "get", "endpoint": {"uri": "https://mocked.test/a"}}}}
    mock = {"m": {"set": {"mocked": True}, "then": "exit"}}
    when = '($task.with.endpoint.uri // "") | startswith("https://mocked.test")'
    outcome = run(extending(call, extend="call", when=when, before=[mock]))
    assert (outcome.status, outcome.output) == (Status.COMPLETED, {"mocked": True})


def test_an_extension_holds_only_when_its_condition_does() -> None:
    log = EventLog()
    tasks = setting("a", {"n": 1}), setting("b", {"n": 2})
    run(extending(*tasks, extend="all", when='$task.name == "b"', after=[telling("t")]), events=log)
    assert len(log.events) == 1


def test_an_extended_switch_still_directs_the_flow_also_when_resumed() -> None:
    switch = {"s": {"switch": [{"big": {"when": ".n > 1", "then": "c"}}, {"other": {"then": "b"}}]}}
    document = extending(
        switch, setting("b", {"at": "b"}), setting("c", {"at": "c"}), extend="switch", after=[telling("t")]
    )
    whole = MemoryJournal()
    uncut = run(document, {"n": 5}, journal=whole)
    assert uncut.output == {"at": "c"}
    assert names(uncut) == ["s", "tell", "c"]
    for at in range(len(whole.entries)):
        assert run(document, {"n": 5}, journal=journal_of(whole.entries[:at])).output == {"at": "c"}


def test_an_extended_task_s_fault_is_its_own() -> None:
    document = extending(
        {"r": {"raise": {"error": {"type": "https://x/e", "status": 400}}}},
        extend="raise",
        before=[telling("t")],
    )
    error = run(document).error
    assert error is not None
    assert error.instance == "/do/0/r"


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({}, ""),
        ([{"x": {}}], "/0/x"),
        ([{"x": {"extend": "nope"}}], "/0/x/extend"),
        ([{"x": {"extend": "all", "before": [{"a": {}}]}}], "/0/x/before/0/a"),
        ([{"x": {"extend": "all"}, "y": {"extend": "all"}}], "/0"),
    ],
)
def test_malformed_extensions_are_refused_with_their_place(value: Any, pointer: str) -> None:
    found = problems(a_workflow(setting("a", {"n": 1}), use={"extensions": value}))
    assert [problem.pointer for problem in found] == [f"/use/extensions{pointer}"]


GREET = {"set": {"text": '${ "Hello \\(.name)" }'}, "input": {"schema": {"document": {"required": ["name"]}}}}
FUNCTIONS: dict[tuple[str, str], Any] = {
    ("greet", "1.0.0"): GREET,
    ("twice", "1.0.0"): {"do": [{"one": {"call": "greet:1.0.0", "with": {"name": "${ .name }"}}}]},
}


def calling(name: str, **use: Any) -> dict[str, Any]:
    return a_workflow({"c": {"call": name, "with": {"name": "Ann"}}}, use=use)


@pytest.mark.parametrize("name", ["greet:1.0.0", "greet:1.0.0@default", "twice:1.0.0@default"])
def test_functions_of_the_project_become_part_of_the_document(name: str) -> None:
    document = with_functions(calling(name), lambda *key: FUNCTIONS.get(key))
    assert run(document).output == {"text": "Hello Ann"}


def test_a_document_that_calls_none_of_them_stays_as_it_is() -> None:
    document = a_workflow(setting("a", {"n": 1}))
    assert with_functions(document, lambda *_: GREET) is document


def test_a_function_that_the_project_lacks_is_named_with_its_place() -> None:
    (found,) = problems(with_functions(calling("nope:1.0.0"), lambda *_: None))
    assert (found.pointer, found.kind) == ("/do/0/c/call", "unknown-function")
    assert "functions/nope/1.0.0/function.yaml" in found.hint


def catalog(requests: list[str]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(str(request.url))
        return httpx.Response(200, text="set:\n  text: '${ \"Hi \\(.name)\" }'\n")

    return server(answer)


def test_a_catalog_s_function_is_fetched_once_and_kept_in_the_journal() -> None:
    document = calling(
        "greet:2.0.0@team", catalogs={"team": {"endpoint": {"uri": "http://catalog.test/main"}}}
    )
    requests: list[str] = []
    whole = MemoryJournal()
    assert run(document, journal=whole, http_transport=catalog(requests)).output == {"text": "Hi Ann"}
    assert requests == ["http://catalog.test/main/functions/greet/2.0.0/function.yaml"]
    after = next(at for at, entry in enumerate(whole.entries) if entry.kind == "fetched") + 1
    assert run(document, journal=journal_of(whole.entries[:after])).output == {"text": "Hi Ann"}


def test_a_function_may_be_called_by_its_url() -> None:
    requests: list[str] = []
    page = "https://github.com/acme/catalog/blob/main/functions/greet/1.0.0/function.yaml"
    assert run(calling(page), http_transport=catalog(requests)).output == {"text": "Hi Ann"}
    assert requests == [
        "https://raw.githubusercontent.com/acme/catalog/main/functions/greet/1.0.0/function.yaml"
    ]


def test_a_catalog_of_the_project_s_files() -> None:
    document = calling("greet:1.0.0@own", catalogs={"own": {"endpoint": "file://shared"}})
    files = {"shared/functions/greet/1.0.0/function.yaml": b"set: {text: file}"}
    assert run(document, files=files.__getitem__).output == {"text": "file"}


def test_an_unknown_catalog_is_refused() -> None:
    (found,) = problems(calling("greet:1.0.0@nowhere"))
    assert found.kind == "unknown-reference"


def test_a_fetched_function_that_does_not_compile_is_a_configuration_fault() -> None:
    document = calling("greet:1.0.0@own", catalogs={"own": {"endpoint": "file://shared"}})
    error = run(document, files=lambda _: b"nothing: {}").error
    assert error is not None
    assert error.type.endswith("/configuration")
