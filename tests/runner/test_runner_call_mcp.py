"""`call: mcp` against servers made with the protocol's own package, as a process and over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import ERRORS, VirtualClock, a_workflow, processes_allowed, run
from serving import asgi, free_port

from caseway_runner import Limits, MemoryJournal, Outcome, Policy, Status, StubAnswer, StubCall, problems

pytest.importorskip("mcp", reason="the extra caseway[mcp] is not installed")

SERVER = '''
import asyncio, os, sys
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("tester")

@server.tool()
def add(a: int, b: int) -> int:
    """Adds."""
    return a + b

@server.tool()
def environment() -> dict[str, str]:
    """Shows the variables."""
    return dict(os.environ)

@server.tool()
def broken() -> str:
    """Fails."""
    raise ToolError("it is broken")

@server.tool()
async def slow() -> str:
    """Never ends."""
    await asyncio.sleep(600)
    return "late"

@server.tool()
def large() -> str:
    """Says much."""
    return "x" * 100_000

@server.prompt()
def greet(name: str) -> str:
    """Greets."""
    return f"Say hello to {name}"

@server.resource("memo://today")
def memo() -> str:
    """A memo."""
    return "buy milk"

@server.resource("memo://{day}")
def memos(day: str) -> str:
    """Memos."""
    return f"nothing on {day}"
'''
MAIN = '\nprint("server starts", file=sys.stderr)\nserver.run(transport="stdio")\n'


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("mcp") / "server.py"
    path.write_text(SERVER + MAIN)
    return str(path)


class Seen:
    """Where the HTTP server is, and the headers it got."""

    def __init__(self) -> None:
        self.port = 0
        self.headers: list[dict[str, str]] = []
        self.methods: list[str] = []

    @property
    def http(self) -> dict[str, Any]:
        return {"http": {"endpoint": f"http://127.0.0.1:{self.port}/mcp"}}


@pytest.fixture(scope="module")
def web() -> Iterator[Seen]:
    names: dict[str, Any] = {}
    exec(SERVER, names)
    inner, seen = names["server"].streamable_http_app(), Seen()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.methods.append(scope["method"])
            seen.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await inner(scope, receive, send)

    with asgi(app, free_port()) as port:
        seen.port = port
        yield seen


def stdio(script: str, **environment: str) -> dict[str, Any]:
    return {"stdio": {"command": sys.executable, "arguments": [script], "environment": environment}}


def asking(method: str, transport: dict[str, Any], parameters: Any = None, **more: Any) -> dict[str, Any]:
    call = {"method": method, "transport": transport, **more}
    if parameters is not None:
        call["parameters"] = parameters
    return a_workflow({"ask": {"call": "mcp", "with": call}})


def ask(method: str, transport: dict[str, Any], parameters: Any = None, **more: Any) -> Outcome:
    ports = {key: more.pop(key) for key in ("policy", "stub", "journal", "environment") if key in more}
    ports.setdefault("policy", processes_allowed())
    return run(asking(method, transport, parameters, **more), {"a": 2}, **ports)


ADD = {"name": "add", "arguments": {"a": "${ .a }", "b": 3}}


def test_a_tool_of_a_process_is_called(script: str) -> None:
    outcome = ask("tools/call", stdio(script), ADD)
    assert outcome.status is Status.COMPLETED, outcome.error
    assert outcome.output["content"][0]["text"] == "5"
    assert outcome.output["structuredContent"] == {"result": 5}


def test_a_tool_of_a_web_server_is_called(web: Seen) -> None:
    outcome = ask("tools/call", web.http, ADD)
    assert outcome.status is Status.COMPLETED, outcome.error
    assert outcome.output["content"][0]["text"] == "5"


@pytest.mark.parametrize(
    ("method", "parameters", "key", "first"),
    [
        ("tools/list", None, "tools", ("name", "add")),
        ("prompts/list", None, "prompts", ("name", "greet")),
        ("prompts/get", {"name": "greet", "arguments": {"name": "Ann"}}, "messages", ("role", "user")),
        ("resources/list", None, "resources", ("uri", "memo://today")),
        ("resources/read", {"uri": "memo://today"}, "contents", ("text", "buy milk")),
        ("resources/templates/list", None, "resourceTemplates", ("uriTemplate", "memo://{day}")),
    ],
)
def test_every_method_answers(
    web: Seen, method: str, parameters: Any, key: str, first: tuple[str, str]
) -> None:
    outcome = ask(method, web.http, parameters)
    assert outcome.status is Status.COMPLETED, outcome.error
    assert outcome.output[key][0][first[0]] == first[1]


def test_parameters_may_be_an_expression(web: Seen) -> None:
    outcome = ask("tools/call", web.http, '${ {name: "add", arguments: {a: .a, b: 40}} }')
    assert outcome.output["structuredContent"] == {"result": 42}


@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"])
def test_each_version_of_the_protocol_may_be_asked_for(web: Seen, version: str) -> None:
    web.headers.clear()
    outcome = ask("tools/call", web.http, ADD, protocolVersion=version)
    assert outcome.status is Status.COMPLETED, outcome.error
    assert {seen.get("mcp-protocol-version", version) for seen in web.headers} == {version}


def test_a_failing_tool_is_a_runtime_error(web: Seen) -> None:
    outcome = ask("tools/call", web.http, {"name": "broken"})
    assert outcome.error is not None and outcome.error.type == ERRORS + "runtime"
    assert "it is broken" in outcome.error.detail


def test_an_error_of_the_protocol_is_a_communication_error(web: Seen) -> None:
    outcome = ask("prompts/get", web.http, {"name": "nonsense"})
    assert outcome.error is not None and outcome.error.type == ERRORS + "communication"


def test_parameters_that_do_not_fit_are_a_validation_error(web: Seen) -> None:
    outcome = ask("tools/call", web.http, {"arguments": {}})
    assert outcome.error is not None and outcome.error.type == ERRORS + "validation"


def test_headers_and_credentials_are_sent(web: Seen) -> None:
    web.headers.clear()
    endpoint = {"uri": web.http["http"]["endpoint"], "authentication": {"bearer": {"token": "t0k"}}}
    ask("tools/list", {"http": {"endpoint": endpoint, "headers": {"X-Who": '${ "n\\(.a)" }'}}})
    assert web.headers[0]["authorization"] == "Bearer t0k"
    assert web.headers[0]["x-who"] == "n2"


def test_the_policy_says_which_hosts_may_be_asked(web: Seen) -> None:
    outcome = ask("tools/list", web.http, policy=Policy(hosts=("elsewhere",)))
    assert outcome.error is not None and outcome.error.type == ERRORS + "authorization"


def test_the_policy_says_whether_processes_may_run(script: str) -> None:
    outcome = ask("tools/list", stdio(script), policy=Policy())
    assert outcome.error is not None and outcome.error.type == ERRORS + "authorization"


def test_a_server_that_is_not_there_is_a_communication_error() -> None:
    outcome = ask("tools/list", {"http": {"endpoint": f"http://127.0.0.1:{free_port()}/mcp"}})
    assert outcome.error is not None and outcome.error.type == ERRORS + "communication"


def test_a_process_that_does_not_start_says_why() -> None:
    outcome = ask("tools/list", {"stdio": {"command": "no-such-program"}})
    assert outcome.error is not None and outcome.error.type == ERRORS + "communication"
    assert "no-such-program" in outcome.error.detail


def test_a_process_sees_its_own_environment_and_nothing_of_this_one(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/secret")
    monkeypatch.setenv("TOKEN", "secret")
    outcome = ask(
        "tools/call",
        stdio(script, GIVEN="yes"),
        {"name": "environment"},
        environment={"CASEWAY_SERVICES": "{}"},
    )
    seen = outcome.output["structuredContent"]
    assert (seen["GIVEN"], seen["CASEWAY_SERVICES"]) == ("yes", "{}")
    assert "TOKEN" not in seen and "secret" not in seen["HOME"]


def test_a_process_ends_with_the_call(script: str) -> None:
    ask("tools/list", stdio(script))
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [line for line in running if script.encode() in line]


def test_a_process_ends_with_the_timeout_of_the_task(script: str) -> None:
    document = asking("tools/call", stdio(script), {"name": "slow"})
    document["do"][0]["ask"]["timeout"] = {"after": {"seconds": 1}}
    outcome = run(document, {}, policy=processes_allowed())
    assert outcome.error is not None and outcome.error.type == ERRORS + "timeout"
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [line for line in running if script.encode() in line]


@pytest.mark.parametrize("kind", ["http", "stdio"])
def test_the_timeout_is_a_timeout_error(web: Seen, script: str, kind: str) -> None:
    transport = web.http if kind == "http" else stdio(script)
    outcome = ask("tools/call", transport, {"name": "slow"}, timeout={"seconds": 1})
    assert outcome.error is not None and outcome.error.type == ERRORS + "timeout"


def test_an_answer_larger_than_the_limit_ends_the_execution(web: Seen, script: str) -> None:
    policy = Policy(processes=True, limits=Limits(output_bytes=20_000))
    for transport in (web.http, stdio(script)):
        outcome = ask("tools/call", transport, {"name": "large"}, policy=policy)
        assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


def test_options_are_those_of_the_transport(web: Seen, script: str) -> None:
    said = {**stdio(script), "options": {"encoding": "utf-8", "encodingErrors": "replace"}}
    assert ask("tools/call", said, ADD).status is Status.COMPLETED
    old = {"protocolVersion": "2025-06-18"}
    for ends, methods in (("true", ["POST", "DELETE"]), ("false", ["POST"])):
        web.methods.clear()
        transport = {**web.http, "options": {"terminateOnClose": ends}}
        assert ask("tools/call", transport, ADD, **old).status is Status.COMPLETED
        assert sorted(set(web.methods) - {"GET"}, reverse=True) == methods


def test_a_stub_answers_instead_and_sees_the_arguments() -> None:
    seen: list[StubCall] = []

    def stub(asked: StubCall) -> StubAnswer:
        seen.append(asked)
        return StubAnswer(output={"content": []})

    outcome = ask("tools/call", {"http": {"endpoint": "http://none/{a}"}}, ADD, stub=stub)
    assert outcome.output == {"content": []}
    assert seen[0].kind == "mcp"
    assert seen[0].arguments == {
        "method": "tools/call",
        "parameters": {"name": "add", "arguments": {"a": 2, "b": 3}},
        "transport": {"http": {"endpoint": "http://none/2", "headers": {}}},
    }


def test_a_call_that_is_in_the_journal_is_not_made_again(web: Seen) -> None:
    journal = MemoryJournal()
    first = ask("tools/call", web.http, ADD, journal=journal)
    web.headers.clear()
    again = run(asking("tools/call", web.http, ADD), {"a": 2}, journal=journal, clock=VirtualClock())
    assert again.output == first.output
    assert web.headers == []


@pytest.mark.parametrize(
    ("change", "pointer", "kind"),
    [
        ({"method": "tools/cal"}, "/method", "schema"),
        ({"parameters": [1]}, "/parameters", "schema"),
        ({"transport": {}}, "/transport", "schema"),
        (
            {"transport": {"stdio": {"command": "x"}, "http": {"endpoint": "http://x"}}},
            "/transport",
            "schema",
        ),
        (
            {"transport": {"stdio": {"command": "x", "arguments": "y"}}},
            "/transport/stdio/arguments",
            "schema",
        ),
        ({"transport": {"http": {}}}, "/transport/http", "schema"),
        (
            {"transport": {"stdio": {"command": "x"}, "options": {"terminateOnClose": "true"}}},
            "/transport/options/terminateOnClose",
            "unsupported",
        ),
        (
            {"transport": {"stdio": {"command": "x"}, "options": {"encoding": "smoke"}}},
            "/transport/options/encoding",
            "unsupported",
        ),
        ({"timeout": "soon"}, "/timeout", "duration"),
        ({"client": {"name": "x"}}, "/client", "schema"),
        ({"more": 1}, "/more", "schema"),
    ],
)
def test_flaws_are_found_before_running(change: dict[str, Any], pointer: str, kind: str) -> None:
    parts = {"method": "tools/list", "transport": {"stdio": {"command": "x"}}, **change}
    document = a_workflow({"ask": {"call": "mcp", "with": parts}})
    assert [(one.pointer, one.kind) for one in problems(document)] == [("/do/0/ask/with" + pointer, kind)]
