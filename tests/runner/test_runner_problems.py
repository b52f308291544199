"""What `problems` finds, where; and that compiling gives the same answer."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import a_workflow, raising, setting

from caseway_runner import InvalidWorkflow, compile_workflow, problems
from caseway_runner.yaml_text import read_yaml

EXAMPLES = Path(__file__).parents[3] / "shared" / "reference" / "spec" / "examples"
HTTP = {"call": "http", "with": {"method": "get", "endpoint": "http://svc/"}}


def http(**more: Any) -> dict[str, Any]:
    return {"c": {"call": "http", "with": HTTP["with"] | more}}


def document_with(**header: Any) -> dict[str, Any]:
    document = a_workflow(setting("a", {"x": 1}))
    document["document"] |= header
    return document


def tried(**catch: Any) -> dict[str, Any]:
    return a_workflow({"t": {"try": [setting("a", {"x": 1})], "catch": catch}})


SET = setting("a", {"x": 1})
OAUTH = {"authority": "http://svc/", "grant": "client_credentials"}
MCP = {"method": "tools/list", "transport": {"http": {"endpoint": "http://svc/"}}}
MALFORMED: dict[str, tuple[Any, str, str]] = {
    "not an object": ([], "", "schema"),
    "no document": ({"do": [SET]}, "", "schema"),
    "no do": ({"document": a_workflow(SET)["document"]}, "", "schema"),
    "unknown top key": (a_workflow(SET, doo=1), "/doo", "schema"),
    "unsupported dsl": (document_with(dsl="0.9.0"), "/document/dsl", "unsupported"),
    "bad name": (document_with(name="a b"), "/document/name", "schema"),
    "bad version": (document_with(version="1"), "/document/version", "schema"),
    "do is no list": (a_workflow() | {"do": {"a": SET["a"]}}, "/do", "schema"),
    "task with two names": (a_workflow({**SET, "b": SET["a"]}), "/do/0", "schema"),
    "unknown kind": (a_workflow({"a": {"sett": {"x": 1}}}), "/do/0/a", "task-kind"),
    "two kinds": (a_workflow({"a": {"set": {"x": 1}, "wait": "PT1S"}}), "/do/0/a", "task-kind"),
    "unknown task key": (a_workflow({"a": {"set": {"x": 1}, "thn": "b"}}), "/do/0/a/thn", "schema"),
    "duplicate names": (a_workflow(SET, SET), "/do/1/a", "duplicate-task"),
    "bad jq": (a_workflow(setting("a", {"x": "${ .y | }"})), "/do/0/a/set/x", "expression"),
    "unknown variable": (a_workflow(setting("a", {"x": "${ $nope }"})), "/do/0/a/set/x", "expression"),
    "output is not known before the export": (
        a_workflow(setting("a", {"x": "${ $output }"})),
        "/do/0/a/set/x",
        "expression",
    ),
    "context is not known in the workflow's input": (
        a_workflow(SET, input={"from": "$context"}),
        "/input/from",
        "expression",
    ),
    "a loop variable outside its loop": (
        a_workflow(
            {
                "f": {"for": {"in": "[1]"}, "do": [SET]},
            },
            setting("b", "${ $item }"),
        ),
        "/do/1/b/set",
        "expression",
    ),
    "undeclared secret": (a_workflow(setting("a", "${ $secrets.key }")), "/do/0/a/set", "secret"),
    "environment": (a_workflow(setting("a", "${ env }")), "/do/0/a/set", "expression"),
    "unknown target": (a_workflow(setting("a", {"x": 1}, then="z")), "/do/0/a/then", "flow-target"),
    "target in another list": (
        a_workflow({"d": {"do": [setting("i", {"x": 1}, then="e")]}}, setting("e", {"x": 1})),
        "/do/0/d/do/0/i/then",
        "flow-target",
    ),
    "target of a switch": (
        a_workflow({"s": {"switch": [{"c": {"then": "z"}}]}}),
        "/do/0/s/switch/0/c/then",
        "flow-target",
    ),
    "target in a fork": (
        a_workflow({"f": {"fork": {"branches": [setting("a", {"x": 1}, then="b"), setting("b", {"x": 1})]}}}),
        "/do/0/f/fork/branches/0/a/then",
        "flow-target",
    ),
    "two defaults": (
        a_workflow({"s": {"switch": [{"a": {"then": "end"}}, {"b": {"then": "end"}}]}}),
        "/do/0/s/switch/1/b",
        "schema",
    ),
    "unknown function": (a_workflow({"c": {"call": "nope"}}), "/do/0/c/call", "unknown-function"),
    "unknown error": (
        a_workflow({"r": {"raise": {"error": "nope"}}}),
        "/do/0/r/raise/error",
        "unknown-reference",
    ),
    "unknown retry": (tried(retry="nope"), "/do/0/t/catch/retry", "unknown-reference"),
    "unknown timeout": (a_workflow(SET, timeout="nope"), "/timeout", "unknown-reference"),
    "unknown authentication": (
        a_workflow(http(endpoint={"uri": "http://svc/", "authentication": {"use": "nope"}})),
        "/do/0/c/with/endpoint/authentication/use",
        "unknown-reference",
    ),
    "two authentications": (
        a_workflow(
            http(
                endpoint={
                    "uri": "http://svc/",
                    "authentication": {"bearer": {"token": "t"}, "basic": {"username": "u", "password": "p"}},
                }
            )
        ),
        "/do/0/c/with/endpoint/authentication",
        "schema",
    ),
    "iso duration": (a_workflow({"w": {"wait": "5 sec"}}), "/do/0/w/wait", "duration"),
    "inline duration": (a_workflow({"w": {"wait": {"secs": 5}}}), "/do/0/w/wait", "duration"),
    "negative duration": (a_workflow({"w": {"wait": {"seconds": -5}}}), "/do/0/w/wait", "duration"),
    "delay": (tried(retry={"delay": "soon"}), "/do/0/t/catch/retry/delay", "duration"),
    "jitter upside down": (
        tried(retry={"jitter": {"from": "PT9S", "to": "PT1S"}}),
        "/do/0/t/catch/retry/jitter",
        "duration",
    ),
    "two backoffs": (
        tried(retry={"backoff": {"linear": {}, "constant": {}}}),
        "/do/0/t/catch/retry/backoff",
        "schema",
    ),
    "catch as no name": (tried(**{"as": "not a name"}), "/do/0/t/catch/as", "schema"),
    "bad schema": (
        a_workflow(SET, input={"schema": {"document": {"type": "nope"}}}),
        "/input/schema/document",
        "schema",
    ),
    "bad pattern": (
        a_workflow(SET, output={"schema": {"document": {"pattern": "("}}}),
        "/output/schema/document",
        "schema",
    ),
    "remote schema": (
        a_workflow(SET, input={"schema": {"document": {"$ref": "http://example.com/s"}}}),
        "/input/schema/document",
        "schema",
    ),
    "no catch": (a_workflow({"t": {"try": [SET]}}), "/do/0/t", "schema"),
    "no method": (
        a_workflow({"c": {"call": "http", "with": {"endpoint": "http://svc/"}}}),
        "/do/0/c/with",
        "schema",
    ),
    "relative endpoint": (a_workflow(http(endpoint="/x")), "/do/0/c/with/endpoint", "schema"),
    "unknown output": (a_workflow(http(output="json")), "/do/0/c/with/output", "schema"),
    "two processes": (
        a_workflow({"r": {"run": {"shell": {"command": "x"}, "script": {"language": "js", "code": ""}}}}),
        "/do/0/r/run",
        "schema",
    ),
    "unknown language": (
        a_workflow({"r": {"run": {"script": {"language": "cobol", "code": ""}}}}),
        "/do/0/r/run/script/language",
        "unsupported",
    ),
    "container without an image": (
        a_workflow({"r": {"run": {"container": {"name": "x"}}}}),
        "/do/0/r/run/container",
        "schema",
    ),
    "container removed after no time": (
        a_workflow({"r": {"run": {"container": {"image": "x", "lifetime": {"cleanup": "eventually"}}}}}),
        "/do/0/r/run/container/lifetime",
        "schema",
    ),
    "empty schedule": (a_workflow(SET, schedule=None), "/schedule", "schema"),
    "token that is no text": (
        a_workflow(http(endpoint={"uri": "http://svc/", "authentication": {"bearer": {"token": 5}}})),
        "/do/0/c/with/endpoint/authentication/bearer/token",
        "schema",
    ),
    "client that is no object": (
        a_workflow(
            http(endpoint={"uri": "http://svc/", "authentication": {"oauth2": OAUTH | {"client": "me"}}})
        ),
        "/do/0/c/with/endpoint/authentication/oauth2/client",
        "schema",
    ),
    "grant that is no text": (
        a_workflow(http(endpoint={"uri": "http://svc/", "authentication": {"oauth2": OAUTH | {"grant": 1}}})),
        "/do/0/c/with/endpoint/authentication/oauth2/grant",
        "schema",
    ),
    "header that is no text": (a_workflow(http(headers={"x": 5})), "/do/0/c/with/headers/x", "schema"),
    "event without a type": (
        a_workflow({"e": {"emit": {"event": {"with": {"source": "http://s"}}}}}),
        "/do/0/e/emit/event/with",
        "schema",
    ),
    "event whose type is no text": (
        a_workflow({"e": {"emit": {"event": {"with": {"source": "http://s", "type": 5}}}}}),
        "/do/0/e/emit/event/with/type",
        "schema",
    ),
    "emit without attributes": (a_workflow({"e": {"emit": {"event": {}}}}), "/do/0/e/emit/event", "schema"),
    "filter whose source is no text": (
        a_workflow({"l": {"listen": {"to": {"one": {"with": {"source": True}}}}}}),
        "/do/0/l/listen/to/one/with/source",
        "schema",
    ),
    "foreach item that names no variable": (
        a_workflow({"l": {"listen": {"to": {"one": {"with": {"type": "t"}}}}, "foreach": {"item": "a b"}}}),
        "/do/0/l/foreach/item",
        "schema",
    ),
    "parameters that are no object": (
        a_workflow({"c": {"call": "mcp", "with": MCP | {"parameters": "x"}}}),
        "/do/0/c/with/parameters",
        "schema",
    ),
    "sub-workflow input that is no object": (
        a_workflow(
            {"r": {"run": {"workflow": {"namespace": "a", "name": "b", "version": "1.0.0", "input": 5}}}}
        ),
        "/do/0/r/run/workflow/input",
        "schema",
    ),
    "listen": (a_workflow({"l": {"listen": {"to": {"some": []}}}}), "/do/0/l/listen/to", "schema"),
    "grpc": (a_workflow({"c": {"call": "grpc", "with": {}}}), "/do/0/c/with", "schema"),
    "another language": (a_workflow(SET, evaluate={"language": "js"}), "/evaluate/language", "unsupported"),
    "unreachable": (
        a_workflow(setting("a", {"x": 1}, then="end"), setting("b", {"x": 1})),
        "/do/1/b",
        "unreachable",
    ),
    "a circle": (a_workflow(setting("a", {"x": 1}), setting("b", {"x": 1}, then="a")), "/do/0/a", "dead-end"),
    "text after an expression": (
        a_workflow(setting("a", {"x": "${ .a } and more"})),
        "/do/0/a/set/x",
        "expression",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_each_flaw_is_found_at_its_place(case: str) -> None:
    document, pointer, kind = MALFORMED[case]
    assert (pointer, kind) in [(problem.pointer, problem.kind) for problem in problems(document)]


@pytest.mark.parametrize("case", MALFORMED)
def test_compiling_fails_exactly_when_there_are_errors(case: str) -> None:
    document = MALFORMED[case][0]
    found = problems(document)
    if any(problem.severity == "error" for problem in found):
        with pytest.raises(InvalidWorkflow) as raised:
            compile_workflow(document)
        assert raised.value.problems == found
    else:
        compile_workflow(document)


def test_a_misspelt_name_is_suggested() -> None:
    document = a_workflow(raising("r"), {"c": {"call": "getPt"}}, use={"functions": {"getPet": HTTP}})
    assert "getPet" in {problem.kind: problem.hint for problem in problems(document)}["unknown-function"]


def test_a_flaw_in_a_reused_component_is_reported_once_at_its_definition() -> None:
    use = {"retries": {"r": {"delay": "soon"}}}
    document = a_workflow({"t": {"try": [SET], "catch": {"retry": "r"}}}, use=use)
    assert [(problem.pointer, problem.kind) for problem in problems(document)] == [
        ("/use/retries/r/delay", "duration")
    ]


def test_a_sound_document_has_no_problems() -> None:
    assert problems(a_workflow(SET, http(), raising("r"))) == ()


WORDS = ["document", "do", "use", "set", "for", "try", "catch", "if", "then", "call", "with", "input", "as"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_value_gets_an_answer(value: Any) -> None:
    problems(value)


ROUND = a_workflow(
    setting("a", {"x": "${ .y }"}, **{"if": ".ok"}),
    {"s": {"switch": [{"c": {"when": ".x", "then": "end"}}]}},
    {"f": {"for": {"each": "n", "in": ".x"}, "while": "true", "do": [SET]}},
    {"k": {"fork": {"compete": True, "branches": [SET, {"w": {"wait": {"seconds": 1}}}]}}},
    {"t": {"try": [http()], "catch": {"as": "e", "retry": "r", "do": [raising("z")]}}},
    {
        "c": {
            "call": "http",
            "with": {"method": "post", "endpoint": {"uri": "http://a/{b}"}, "headers": {"a": "b"}},
        }
    },
    {"p": {"run": {"shell": {"command": "x", "arguments": ["a"]}, "return": "all"}}},
    {"w": {"run": {"workflow": {"namespace": "a", "name": "b", "version": "1.0.0"}}}},
    {
        "e": {"emit": {"event": {"with": {"source": "http://a", "type": "t"}}}},
    },
    use={"retries": {"r": {"delay": "PT1S", "limit": {"attempt": {"count": 1}}}}, "secrets": ["s"]},
    input={"schema": {"document": {"type": "object"}}, "from": "."},
    output={"as": {"x": "${ . }"}},
    timeout={"after": "PT1M"},
    schedule={"every": {"minutes": 5}},
    evaluate={"language": "jq", "mode": "strict"},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


@given(st.sampled_from(places(ROUND)[1:]), JSON | st.just(...))
@settings(max_examples=200, deadline=None)
def test_any_part_may_be_replaced_or_removed_without_a_crash(path: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(ROUND)
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    if value is ...:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    for problem in problems(document):
        assert problem.message and problem.kind
        assert resolves(document, problem.pointer), problem


def resolves(document: Any, pointer: str) -> bool:
    """Whether the pointer leads somewhere, or is at most one missing key away."""
    value, missing = document, 0
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            value, missing = None, missing + 1
    return missing <= 1


def test_a_document_nested_without_end_is_a_problem_not_a_crash() -> None:
    task: Any = SET
    for _ in range(5000):
        task = {"d": {"do": [task]}}
    assert [problem.kind for problem in problems(a_workflow(task))] == ["limit"]
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert "limit" in [problem.kind for problem in problems(a_workflow(setting("a", {"x": value})))]


def test_a_function_that_calls_itself_compiles() -> None:
    document = a_workflow({"c": {"call": "f"}}, use={"functions": {"f": {"call": "f"}}})
    assert problems(document) == ()


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the specification's examples are not here")
def test_the_specifications_examples_compile_or_are_unsupported() -> None:
    flaws = {}
    for path in sorted(EXAMPLES.glob("*.yaml")):
        found = problems(read_yaml(path.read_text()))
        errors = [
            problem for problem in found if problem.severity == "error" and problem.kind != "unsupported"
        ]
        if errors:
            flaws[path.name] = errors
    assert flaws == {}, json.dumps({name: str(found) for name, found in flaws.items()}, indent=1)


def test_malformed_documents_of_many_kinds_are_known() -> None:
    assert len(MALFORMED) >= 60
