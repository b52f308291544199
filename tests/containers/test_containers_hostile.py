"""A container that was taken over says what it likes; nothing of it is believed."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from containers_world import a_document, a_job, a_place

import caseway_runner as runner
from caseway.containers.attach import Attached
from caseway.containers.conversation import Conversation
from caseway.containers.errors import ContainerFailed, ContainerLost

JOB = a_job(a_document({"one": {"set": {}}}, use={"secrets": ["mine"]}), a_place("none"))


def frame(text: str) -> bytes:
    data = text.encode() + b"\n"
    return b"\x01\0\0\0" + len(data).to_bytes(4, "big") + data


async def talk(*said: object, **ports) -> list[dict]:
    """What is answered to a runner that says this; raises what the conversation ends with."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    conversation = Conversation(Attached("c", reader, writer))
    for one in said:
        theirs.sendall(frame(one if isinstance(one, str) else json.dumps(one)))
    theirs.shutdown(socket.SHUT_WR)
    try:
        await conversation.run(JOB, runner.Ports(**ports))
    finally:
        writer.close()
        await asyncio.sleep(0)
        theirs.setblocking(False)
        try:
            answers = theirs.recv(1 << 20)
        except BlockingIOError:
            answers = b""
        theirs.close()
        talk.heard = [json.loads(line) for line in answers.splitlines()]  # type: ignore[attr-defined]
    return []


@pytest.mark.parametrize(
    "said",
    [
        "no json",
        "[]",
        {"say": "gossip"},
        {"say": "ask", "id": "x", "what": "secret"},
        {"say": "ask", "id": 1, "what": "password"},
        {"say": "ask", "id": 1, "what": "append", "entries": [1]},
        {"say": "ask", "id": 1, "what": "approval", "approval": {}},
        {"say": "ask", "id": 1, "what": "decision", "key": "another:/do/0"},
        {"say": "ask", "id": 1, "what": "http", "url": "http://127.0.0.1"},
        {"say": "task", "record": {}},
        {"say": "ended", "outcome": {"status": "splendid"}},
    ],
)
def test_what_is_no_message_ends_the_container(said):
    with pytest.raises(ContainerFailed) as refused:
        asyncio.run(talk(said, on_task=lambda record: None))
    assert refused.value.code == "bad-message"


def test_a_pipe_that_ends_is_a_lost_container():
    with pytest.raises(ContainerLost):
        asyncio.run(talk())


def test_a_secret_that_the_workflow_does_not_declare_is_not_given():
    asked = [
        {"say": "ask", "id": n, "what": "secret", "name": name} for n, name in enumerate(["mine", "other"])
    ]
    with pytest.raises(ContainerLost):
        asyncio.run(talk(*asked, secrets=lambda name: f"the {name}"))
    answers = {item["id"]: item for item in talk.heard if item.get("do") == "answer"}
    assert answers.get(0, {}).get("value", "the mine") == "the mine"
    assert "value" not in answers.get(1, {})
