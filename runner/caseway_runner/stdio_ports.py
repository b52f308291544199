"""The ports of an execution in a container: whoever holds the other end of the pipe is asked for everything.

Rule: nothing is kept here but the pipe; the journal's answer comes when its entries are durable."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from caseway_runner.approvals import ApprovalRequest, Decision, NobodyDecides
from caseway_runner.containers import ContainerError, ContainerRequest, ContainerResult
from caseway_runner.errors import fault
from caseway_runner.journal import Entry
from caseway_runner.lines import Line
from caseway_runner.outcome import TaskRecord
from caseway_runner.ports import Arrival, Ports
from caseway_runner.stdio_http import PipedTransport
from caseway_runner.stdio_link import Link, Refused
from caseway_runner.stdio_wire import (
    approval_json,
    container_json,
    decision_in,
    decision_json,
    entries_in,
    entry_json,
    policy_in,
    record_json,
    result_in,
)

if TYPE_CHECKING:
    import httpx

MISSING, NOBODY, CONTAINER = "missing", "nobody-decides", "container:"


class PipedJournal:
    """The journal at the other end."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def append(self, entries: Sequence[Entry]) -> None:
        """Return when the other end has them durable."""
        await self._link.ask("append", entries=[entry_json(entry) for entry in entries])

    async def recorded(self) -> Sequence[Entry]:
        """All entries so far, in pages."""
        found: list[Entry] = []
        while True:
            page = await self._link.ask("recorded", start=len(found))
            found += entries_in(page["entries"])
            if not page["more"]:
                return found


class PipedEvents:
    """Events in and out; `what` names the bus for those that go out."""

    def __init__(self, link: Link, what: str = "publish") -> None:
        self._link, self._what = link, what

    async def publish(self, event: Mapping[str, Any]) -> None:
        """Return when the other end has accepted it."""
        await self._link.ask(self._what, event=dict(event))

    async def after(self, number: int, /) -> Sequence[Arrival]:
        """The next few events later than that."""
        found = await self._link.ask("after", number=number)
        return [Arrival(int(at), event) for at, event in found]

    async def arrival(self, number: int, /) -> None:
        """Return when there is one."""
        await self._link.ask("arrival", number=number)


class PipedSource:
    """Secrets, sub-workflows and files, asked for when they are needed. KeyError when there is none."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def secret(self, name: str, /) -> Any:
        """The secret's value."""
        return self._ask("secret", name=name)

    def workflow(self, namespace: str, name: str, version: str, /) -> Mapping[str, Any]:
        """The workflow's document."""
        found = self._ask("workflow", namespace=namespace, name=name, version=version)
        assert isinstance(found, Mapping)
        return found

    def file(self, path: str, /) -> bytes:
        """The file's content."""
        return base64.b64decode(self._ask("file", path=path))

    def _ask(self, what: str, **arguments: str) -> Any:
        try:
            return self._link.ask_now(what, **arguments)
        except Refused as refused:
            if refused.code == MISSING:
                raise KeyError(str(refused)) from None
            raise fault("runtime", str(refused)) from refused


class PipedApprovals:
    """Whoever keeps approvals at the other end."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def request(self, asked: ApprovalRequest, /) -> None:
        """Return when the request is kept. Raises NobodyDecides."""
        try:
            await self._link.ask("approval", approval=approval_json(asked))
        except Refused as refused:
            if refused.code == NOBODY:
                raise NobodyDecides(str(refused)) from None
            raise

    async def decision(self, key: str, /) -> Decision | None:
        """What was decided so far."""
        found = await self._link.ask("decision", key=key)
        return None if found is None else decision_in(found)

    async def decided(self, key: str, /) -> None:
        """Return when there is a decision."""
        await self._link.ask("decided", key=key)

    async def expire(self, key: str, late: Decision, /) -> Decision:
        """The decision that counts."""
        return decision_in(await self._link.ask("expire", key=key, late=decision_json(late)))


class PipedContainers:
    """The container engine at the other end: there is none in here."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def run(self, request: ContainerRequest, /) -> ContainerResult:
        """Return when the container has ended. Raises ContainerError."""
        try:
            return result_in(await self._link.ask("container", request=container_json(request)))
        except Refused as refused:
            if refused.code.startswith(CONTAINER):
                raise ContainerError(str(refused), refused.code.removeprefix(CONTAINER)) from None
            raise


def piped_ports(link: Link, order: Mapping[str, Any]) -> Ports:
    """The ports for what the `execute` message describes."""
    source, events = PipedSource(link), PipedEvents(link)

    def on_task(record: TaskRecord) -> None:
        link.say({"say": "task", "record": record_json(record)})

    def on_line(line: Line) -> None:
        link.say({"say": "line", "line": asdict(line)})

    return Ports(
        journal=PipedJournal(link),
        secrets=source.secret,
        workflows=source.workflow,
        files=source.file,
        policy=policy_in(order["policy"]),
        environment=dict(order["environment"]),
        http_transport=cast("httpx.AsyncBaseTransport", PipedTransport(link)) if order["asksHttp"] else None,
        on_task=on_task if order["tellsTasks"] else None,
        on_line=on_line if order["tellsLines"] else None,
        events=events,
        mailbox=events,
        can_sleep=bool(order["canSleep"]),
        lifecycle=PipedEvents(link, "lifecycle") if order["hasLifecycle"] else None,
        containers=PipedContainers(link) if order["hasContainers"] else None,
        approvals=PipedApprovals(link) if order["hasApprovals"] else None,
        pins=dict(order["pins"]),
        until=str(order["until"]),
    )
