"""An event that carries a secret of the execution that takes it: what the workflow does with it goes on, and
nothing that is kept or shown of the execution has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from worker_world import carry

from caseway.model.access import local
from caseway.operations.local_client import LocalClient
from caseway.platform import credentials, executions, inbox
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter
from caseway.platform.tables import metadata
from caseway.platform.telemetry.fold import fold
from caseway.targets.registry import TARGETS
from caseway.worker.fire import drain, fire_due
from caseway.worker.run import Worker

TOKEN = "Planted/Secret+4711"
MAIN = """use: {secrets: [erp]}
do:
  - hear:
      listen: {to: {one: {with: {type: told}, correlate: {token: {from: .data.token}}}}}
      foreach: {do: [{keep: {set: {kept: '${ . }'}}}]}
      export: {as: '${ . }'}
  - compare: {set: {same: '${ ($context | tojson | contains($secrets.erp.token)) }', all: '${ $context }'}}
"""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with open_platform(url, targets=TARGETS, secret_key="a passphrase of these tests") as opened:
        yield opened


def work(platform: Platform) -> None:
    async def once() -> None:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer)
            await fire_due(worker)
            await drain(worker)

    asyncio.run(once())


def prepared(platform: Platform, project: Any, triggers: str = "", main: str = MAIN) -> None:
    spec = "credentials:\n  erp: {type: custom}"
    root = project({"main": main}, spec=spec, triggers=triggers)
    credentials.set_credential(platform, "acme", "erp", {"token": TOKEN}, type="custom", actor="ann")
    carry(platform, root)


def tell(platform: Platform) -> inbox.Delivery:
    event = {"id": "1", "source": "urn:s", "type": "told", "subject": TOKEN, "data": {"token": TOKEN}}
    return inbox.deliver(platform, "acme", event, actor="ann")


def kept(platform: Platform) -> str:
    """All rows of all tables but the inbox, which has what was sent as it was sent."""
    with platform.database.reading() as connection:
        rows = [
            (table.name, [str(value) for value in row])
            for table in metadata.sorted_tables
            if table.name != "events"
            for row in connection.execute(sa.select(table))
        ]
    return json.dumps(rows)


def shown(platform: Platform, execution_id: str) -> str:
    client = LocalClient(platform, local("acme", "ann"))
    answers = [client.call("executions.get", id=execution_id), client.call("executions.list")]
    return json.dumps([*answers, client.call("spans.list", id=execution_id)])


def test_a_secret_in_an_event_that_is_listened_for_is_used_and_not_kept(platform, project):
    prepared(platform, project)
    new = executions.NewExecution("acme", "demo", input={})
    execution_id = executions.create(platform, new)
    work(platform)
    tell(platform)
    work(platform)
    view = executions.get_execution(platform, execution_id)
    assert view.status == "completed"
    assert view.result["same"] is True
    fold(platform)
    assert TOKEN not in kept(platform)
    assert TOKEN not in shown(platform, execution_id)


def test_a_secret_in_an_event_that_starts_an_execution_is_used_and_not_kept(platform, project):
    main = (
        "use: {secrets: [erp]}\ndo:\n"
        "  - s: {set: {same: '${ .[0].subject == $secrets.erp.token }', all: '${ . }'}}\n"
    )
    prepared(platform, project, "[{id: told, type: event, filter: {type: told}}]", main)
    (execution_id,) = tell(platform).started
    work(platform)
    assert executions.get_execution(platform, execution_id).result["same"] is True
    fold(platform)
    assert TOKEN not in kept(platform)
    assert TOKEN not in shown(platform, execution_id)


def test_an_execution_cut_off_after_it_took_the_event_goes_on_with_the_secret(platform, project):
    waits = MAIN.replace("  - compare", "  - rest: {wait: {hours: 1}}\n  - compare")
    prepared(platform, project, main=waits)
    execution_id = executions.create(platform, executions.NewExecution("acme", "demo", input={}))
    tell(platform)
    work(platform)
    assert executions.get_execution(platform, execution_id).status == "waiting"
    assert TOKEN not in kept(platform)
