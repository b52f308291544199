"""Answers what a runner in a container asks, through the ports of its execution.

Rule: a question that is malformed is no question (`BadMessage`); nothing is given that the workflow
does not name."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import caseway_runner as runner
from caseway.containers.egress import Egress, refusal
from caseway.containers.job import Job
from caseway.containers.sandbox import Network
from caseway_runner import stdio_wire as wire
from caseway_runner.errors import Fault, LimitExceeded

_DECLARED = 200


class Answers:
    """What a runner may ask, answered through the ports of its execution: secrets only when a workflow that
    it was given declares them."""

    def __init__(self, job: Job, ports: runner.Ports) -> None:
        self._ports = ports
        self._job = job
        self._secrets = set(_declared(job.document))
        self._recorded: Sequence[runner.Entry] | None = None
        self._appending = asyncio.Lock()
        hosts = job.place.sandbox.hosts if job.place is not None else ("*",)
        self._egress = Egress(ports, hosts)

    async def to(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """`{"value": …}` or `{"error": …}`. Raises `BadMessage`, and what a port raises but KeyError."""
        answer = _ANSWERS.get(str(question.get("what")))
        if answer is None:
            raise wire.BadMessage("a question that nobody answers")
        try:
            return {"value": await answer(self, question)}
        except (Fault, LimitExceeded) as error:
            return {"error": refusal(error)}
        except KeyError as error:
            return _refusal("missing", error.args[0] if error.args else "")
        except runner.NobodyDecides as error:
            return _refusal("nobody-decides", error)
        except runner.ContainerError as error:
            return _refusal(f"container:{error.kind}", error)

    async def close(self) -> None:
        """Let go of what was opened for the execution."""
        await self._egress.close()

    async def _http(self, question: Mapping[str, Any]) -> dict[str, Any]:
        if self._job.place is None or self._job.place.sandbox.network is not Network.HOSTS:
            raise wire.BadMessage("a request from a container that may send none")
        return await self._egress.send(question)

    async def _append(self, question: Mapping[str, Any]) -> None:
        entries = wire.entries_in(question.get("entries"))
        async with self._appending:
            await self._ports.journal.append(entries)

    async def _recorded_page(self, question: Mapping[str, Any]) -> dict[str, Any]:
        start = question.get("start")
        if not isinstance(start, int) or start < 0:
            raise wire.BadMessage("a page without a start")
        if self._recorded is None or start == 0:
            self._recorded = await self._ports.journal.recorded()
        return wire.page_of(self._recorded, start)

    async def _document(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._job.document

    async def _secret(self, question: Mapping[str, Any]) -> Any:
        name = str(question.get("name"))
        if name not in self._secrets:
            raise KeyError(name)
        return self._ports.secrets(name)

    async def _workflow(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        names = [str(question.get(part)) for part in ("namespace", "name", "version")]
        document = self._ports.workflows(*names)
        self._secrets |= set(_declared(document))
        return document

    async def _file(self, question: Mapping[str, Any]) -> str:
        return base64.b64encode(self._ports.files(str(question.get("path")))).decode("ascii")

    async def _publish(self, question: Mapping[str, Any]) -> None:
        await self._ports.events.publish(_event(question))

    async def _lifecycle(self, question: Mapping[str, Any]) -> None:
        if self._ports.lifecycle is not None:
            await self._ports.lifecycle.publish(_event(question))

    async def _after(self, question: Mapping[str, Any]) -> list[Any]:
        mailbox = self._mailbox()
        if mailbox is None:
            return []
        return [[item.number, item.event] for item in await mailbox.after(_number(question))]

    async def _arrival(self, question: Mapping[str, Any]) -> None:
        mailbox = self._mailbox()
        if mailbox is None:
            await asyncio.get_running_loop().create_future()
        else:
            await mailbox.arrival(_number(question))

    async def _container(self, question: Mapping[str, Any]) -> dict[str, Any]:
        containers = _there(self._ports.containers)
        asked = wire.container_in(question.get("request"))
        if not asked.key.startswith(f"{self._job.execution.id}:"):
            raise wire.BadMessage("a container for another execution")
        return wire.result_json(await containers.run(asked))

    async def _approval(self, question: Mapping[str, Any]) -> None:
        asked = wire.approval_in(question.get("approval"))
        # Whose approval it is stands in the job: the container may not ask in another's name.
        if asked.execution != self._job.execution.id:
            raise wire.BadMessage("an approval for another execution")
        await _there(self._ports.approvals).request(asked)

    async def _decision(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        found = await _there(self._ports.approvals).decision(self._key(question))
        return None if found is None else wire.decision_json(found)

    async def _decided(self, question: Mapping[str, Any]) -> None:
        await _there(self._ports.approvals).decided(self._key(question))

    async def _expire(self, question: Mapping[str, Any]) -> dict[str, Any]:
        late = wire.decision_in(question.get("late"))
        return wire.decision_json(await _there(self._ports.approvals).expire(self._key(question), late))

    def _key(self, question: Mapping[str, Any]) -> str:
        key = question.get("key")
        if not isinstance(key, str) or not key.startswith(f"{self._job.execution.id}:"):
            raise wire.BadMessage("an approval of another execution")
        return key

    def _mailbox(self) -> runner.Mailbox | None:
        events = self._ports.events
        return self._ports.mailbox or (events if isinstance(events, runner.Mailbox) else None)


_ANSWERS = {
    "append": Answers._append,
    "recorded": Answers._recorded_page,
    "document": Answers._document,
    "secret": Answers._secret,
    "workflow": Answers._workflow,
    "file": Answers._file,
    "publish": Answers._publish,
    "lifecycle": Answers._lifecycle,
    "after": Answers._after,
    "arrival": Answers._arrival,
    "http": Answers._http,
    "container": Answers._container,
    "approval": Answers._approval,
    "decision": Answers._decision,
    "decided": Answers._decided,
    "expire": Answers._expire,
}


_Port = TypeVar("_Port")


def _there(port: _Port | None) -> _Port:
    if port is None:
        raise wire.BadMessage("a question about what this execution was not given")
    return port


def _refusal(code: str, message: object) -> dict[str, Any]:
    return {"error": {"code": code, "message": str(message)}}


def _declared(document: Mapping[str, Any]) -> list[str]:
    use = document.get("use")
    names = use.get("secrets") if isinstance(use, Mapping) else None
    return [str(name) for name in names[:_DECLARED]] if isinstance(names, list) else []


def _event(question: Mapping[str, Any]) -> Mapping[str, Any]:
    event = question.get("event")
    if not isinstance(event, Mapping):
        raise wire.BadMessage("an event is an object")
    return event


def _number(question: Mapping[str, Any]) -> int:
    number = question.get("number")
    if not isinstance(number, int):
        raise wire.BadMessage("events are asked for by number")
    return number
