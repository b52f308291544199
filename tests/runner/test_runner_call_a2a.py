"""`call: a2a` against an agent made with the protocol's own package, which speaks 0.3 and 1.0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from running import ERRORS, VirtualClock, a_workflow, run, server
from serving import asgi, free_port

from caseway_runner import MemoryJournal, Outcome, Policy, Status, StubAnswer, StubCall, problems
from caseway_runner.calls.a2a import interface
from caseway_runner.errors import Fault

pytest.importorskip("a2a", reason="the package a2a-sdk is not installed")
echoing = pytest.importorskip("a2a_agent").echoing


class Agent:
    """Where the agent is, and the requests it got."""

    def __init__(self) -> None:
        self.port = 0
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def card(self) -> dict[str, Any]:
        return {"endpoint": f"{self.url}.well-known/agent-card.json"}


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    known, port = Agent(), free_port()
    inner = echoing(port)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            known.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await inner(scope, receive, send)

    with asgi(app, port):
        known.port = port
        yield known


def saying(text: str, **more: Any) -> dict[str, Any]:
    return {"message": {"kind": "message", "role": "user", "parts": [{"kind": "text", "text": text}], **more}}


def asking(**call: Any) -> dict[str, Any]:
    return a_workflow({"ask": {"call": "a2a", "with": call}})


def ask(input: Any = None, **call: Any) -> Outcome:
    ports = {key: call.pop(key) for key in ("policy", "stub", "journal", "http_transport") if key in call}
    return run(asking(**call), input, **ports)


def said(task: dict[str, Any]) -> str:
    return str(task["artifacts"][0]["parts"][0]["text"])


def test_a_message_is_sent_and_answered(agent: Agent) -> None:
    outcome = ask({"n": 7}, server=agent.url, method="message/send", parameters=saying('${ "no \\(.n)" }'))
    assert outcome.status is Status.COMPLETED, outcome.error
    assert outcome.output["status"]["state"] == "completed"
    assert said(outcome.output) == "heard: no 7"


def test_the_agent_is_found_by_its_card(agent: Agent) -> None:
    outcome = ask(agentCard=agent.card, method="message/send", parameters=saying("hi"))
    assert outcome.status is Status.COMPLETED, outcome.error
    assert said(outcome.output) == "heard: hi"


def test_a_stream_becomes_a_list_of_its_events(agent: Agent) -> None:
    outcome = ask(server=agent.url, method="message/stream", parameters=saying("hi"))
    assert outcome.status is Status.COMPLETED, outcome.error
    kinds = [event["kind"] for event in outcome.output]
    assert kinds[0] == "task" and "artifact-update" in kinds
    assert outcome.output[-1]["status"]["state"] == "completed"


def test_a_task_is_asked_for_by_its_id(agent: Agent) -> None:
    document = a_workflow(
        {
            "send": {
                "call": "a2a",
                "with": {"server": agent.url, "method": "message/send", "parameters": saying("x")},
            }
        },
        {
            "get": {
                "call": "a2a",
                "with": {"server": agent.url, "method": "tasks/get", "parameters": "${ {id} }"},
            }
        },
    )
    outcome = run(document)
    assert outcome.status is Status.COMPLETED, outcome.error
    assert said(outcome.output) == "heard: x"


def test_a_task_that_is_not_there_is_a_communication_error_404(agent: Agent) -> None:
    outcome = ask(server=agent.url, method="tasks/get", parameters={"id": "none"})
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.status) == (ERRORS + "communication", 404)


def test_a_message_without_id_gets_one_that_a_repetition_has_too() -> None:
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": {}})

    for _ in range(2):
        ask(server="http://a/", method="message/send", parameters=saying("x"), http_transport=server(answer))
    ask(
        server="http://a/",
        method="message/send",
        parameters=saying("x", messageId="mine"),
        http_transport=server(answer),
    )
    ids = [body["params"]["message"]["messageId"] for body in bodies]
    assert ids[0] == ids[1] and len(ids[0]) == 36 and ids[2] == "mine"
    assert bodies[0]["id"] == "run-1:/do/0/ask"


def test_an_agent_of_protocol_1_gets_the_new_names(agent: Agent) -> None:
    card = {
        "supportedInterfaces": [{"url": agent.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]
    }
    real = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    class Network(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "cards":
                return httpx.Response(200, json=card)
            return await real.handle_async_request(request)

        async def aclose(self) -> None:
            await real.aclose()

    message = {"message": {"role": "ROLE_USER", "parts": [{"text": "new"}]}}
    outcome = ask(
        agentCard={"endpoint": "http://cards/x.json"},
        method="message/send",
        parameters=message,
        http_transport=Network(),
    )
    assert outcome.status is Status.COMPLETED, outcome.error
    assert said(outcome.output["task"]) == "heard: new"


@pytest.mark.parametrize(
    ("card", "found"),
    [
        ({"url": "http://a/rpc"}, ("http://a/rpc", "0.3")),
        ({"url": "/rpc", "preferredTransport": "JSONRPC"}, ("http://cards/rpc", "0.3")),
        (
            {
                "url": "http://a/grpc",
                "preferredTransport": "GRPC",
                "additionalInterfaces": [{"url": "http://a/rpc", "transport": "JSONRPC"}],
            },
            ("http://a/rpc", "0.3"),
        ),
    ],
)
def test_a_card_says_where_the_agent_speaks_json(card: Any, found: tuple[str, str]) -> None:
    assert interface(card, "http://cards/x.json") == found


def test_a_card_without_json_is_a_configuration_error() -> None:
    with pytest.raises(Fault, match="no URL for JSON-RPC"):
        interface({"url": "http://a", "preferredTransport": "GRPC"}, "http://cards")


def test_credentials_are_sent(agent: Agent) -> None:
    endpoint = {"uri": agent.url, "authentication": {"bearer": {"token": "t0k"}}}
    ask(server=endpoint, method="message/send", parameters=saying("x"))
    assert agent.headers[-1]["authorization"] == "Bearer t0k"


def test_the_policy_says_which_hosts_may_be_asked(agent: Agent) -> None:
    outcome = ask(
        server=agent.url, method="tasks/get", parameters={"id": "x"}, policy=Policy(hosts=("elsewhere",))
    )
    assert outcome.error is not None and outcome.error.type == ERRORS + "authorization"


def test_answers_that_are_no_json_rpc_are_communication_errors() -> None:
    for answer in (
        httpx.Response(200, text="hello"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"jsonrpc": "2.0"}),
        httpx.Response(200, text="", headers={"content-type": "text/event-stream"}),
        httpx.Response(503),
    ):
        outcome = ask(
            server="http://a/",
            method="tasks/list",
            http_transport=server(lambda request, answer=answer: answer),
        )
        assert outcome.error is not None and outcome.error.type == ERRORS + "communication"


def test_a_stub_answers_instead_and_sees_the_arguments() -> None:
    seen: list[StubCall] = []

    def stub(asked: StubCall) -> StubAnswer:
        seen.append(asked)
        return StubAnswer(output={"id": "t"})

    outcome = ask(
        {"id": 3}, server="http://a/{id}", method="tasks/get", parameters={"id": "${ .id }"}, stub=stub
    )
    assert outcome.output == {"id": "t"}
    assert seen[0].kind == "a2a"
    assert seen[0].arguments == {"method": "tasks/get", "parameters": {"id": 3}, "server": "http://a/3"}


def test_a_call_that_is_in_the_journal_is_not_made_again(agent: Agent) -> None:
    journal, call = (
        MemoryJournal(),
        {"server": agent.url, "method": "message/send", "parameters": saying("x")},
    )
    first = ask(journal=journal, **call)
    before = len(agent.headers)
    again = run(asking(**call), journal=journal, clock=VirtualClock())
    assert again.output == first.output
    assert len(agent.headers) == before


@pytest.mark.parametrize(
    ("change", "pointer", "kind"),
    [
        ({"method": "tasks/fetch"}, "/method", "schema"),
        ({"parameters": [1]}, "/parameters", "schema"),
        ({"parameters": {}}, "/parameters", "schema"),
        ({"parameters": "text"}, "/parameters", "schema"),
        ({"server": "no uri"}, "/server", "schema"),
        ({"agentCard": {}}, "/agentCard", "schema"),
        ({"more": 1}, "/more", "schema"),
    ],
)
def test_flaws_are_found_before_running(change: dict[str, Any], pointer: str, kind: str) -> None:
    found = problems(asking(**{"server": "http://a/", "method": "tasks/list", **change}))
    assert [(one.pointer, one.kind) for one in found] == [("/do/0/ask/with" + pointer, kind)]


def test_an_agent_must_be_named_somehow() -> None:
    assert [one.pointer for one in problems(asking(method="tasks/list"))] == ["/do/0/ask/with"]
