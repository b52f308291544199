"""Schemas and scripts that are external resources: files of the project, or documents at a URL."""

from __future__ import annotations

from typing import Any

import httpx
from running import ERRORS, a_workflow, processes_allowed, run, server, setting

from caseway_runner import Status, problems

FILES = {
    "schemas/in.json": b'{"type": "object", "required": ["n"]}',
    "schemas/odd.json": b'{"type": 7}',
    "hello.py": b"print('hello ' + name, end='')",
}


def schema(uri: str) -> dict[str, Any]:
    return {"schema": {"format": "json", "resource": {"endpoint": uri}}}


def checked(uri: str, value: Any, **ports: Any) -> Any:
    document = a_workflow(setting("a", {"ok": True}), setting("b", {"ok": True}, input=schema(uri)))
    document["input"] = schema(uri)
    return run(document | {"do": document["do"][:1]}, value, files=FILES.__getitem__, **ports)


def test_a_schema_may_be_a_file_of_the_project() -> None:
    assert checked("file://schemas/in.json", {"n": 1}).output == {"ok": True}
    error = checked("file://schemas/in.json", {}).error
    assert (error.type, error.instance) == (f"{ERRORS}validation", "/")


def test_a_schema_at_a_url_is_fetched_once_per_execution() -> None:
    requests: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(str(request.url))
        return httpx.Response(200, json={"required": ["n"]})

    each = setting("a", {"n": 1}, input=schema("http://schemas.test/in.json"))["a"]
    outcome = run(a_workflow({"a": each}, {"b": each}), {"n": 1}, http_transport=server(answer))
    assert (outcome.output, requests) == ({"n": 1}, ["http://schemas.test/in.json"])


def test_a_resource_that_is_no_schema_or_not_there_is_a_configuration_fault() -> None:
    for uri in ("file://schemas/odd.json", "file://schemas/none.json", "file://hello.py"):
        assert checked(uri, {"n": 1}).error.type == f"{ERRORS}configuration"


def test_a_script_may_be_a_file_of_the_project() -> None:
    script = {
        "language": "python",
        "source": {"endpoint": "file://hello.py"},
        "arguments": {"name": "${ .who }"},
    }
    document = a_workflow({"s": {"run": {"script": script}}})
    outcome = run(document, {"who": "Ann"}, files=FILES.__getitem__, policy=processes_allowed())
    assert (outcome.status, outcome.output) == (Status.COMPLETED, "hello Ann")


def test_a_script_has_code_or_a_source_but_not_both() -> None:
    for more in ({}, {"code": "1", "source": {"endpoint": "file://hello.py"}}):
        (found,) = problems(a_workflow({"s": {"run": {"script": {"language": "python", **more}}}}))
        assert found.pointer == "/do/0/s/run/script"
