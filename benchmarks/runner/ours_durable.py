"""Executions on the database of the first argument (a new SQLite file by default).

`sequence`, `fan-out` and `crowd` measure steps: effects (`emit` to a list), each durable before the next, of
executions that exist. The other shapes go the worker's whole way: created, claimed, run, finished."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from shapes import CROWD, SIZES, main, url
from workflows import EFFECT, NOTHING, call, document, forked, listed, loop, script

from caseway.model.diagnostic import Severity
from caseway.platform import executions
from caseway.platform.apply import apply
from caseway.platform.compose import Platform, open_platform
from caseway.platform.database import migrate
from caseway.platform.journal import JournalWriter, StoreJournal
from caseway.platform.snapshot import read_snapshot
from caseway.reconcile.plan import plan
from caseway.repo.read import read
from caseway.targets.registry import TARGETS
from caseway.worker.run import Worker, claim, run_claimed
from caseway_runner import Execution, Policy, Ports, Status, execute

WORKFLOWS = {
    "sequence": loop(EFFECT),
    "fan-out": forked(EFFECT, SIZES["fan-out"]),
    "short": listed(NOTHING, 1),
    "http": listed(call(url()), 1),
    "small": listed(script(10), 1),
    "large": listed(script(33), 1),
}


def project(root: Path) -> Path:
    """A project with the shapes as workflows of one use case."""
    folder = root / "use-cases" / "bench"
    (folder / "workflows").mkdir(parents=True)
    _write(root / "caseway.yaml", {"kind": "Project", "metadata": {"name": "bench"}, "spec": {}})
    spec = {
        "title": "Bench",
        "workflows": [{"id": name, "file": f"workflows/{name}.json"} for name in WORKFLOWS],
        "limits": {"concurrency": 1000},
    }
    _write(folder / "usecase.yaml", {"kind": "UseCase", "metadata": {"name": "bench"}, "spec": spec})
    (root / "instances").mkdir()
    installed = {"useCase": "bench", "stage": "dev"}
    _write(
        root / "instances" / "bench-dev.json",
        {"kind": "Instance", "metadata": {"name": "bench-dev"}, "spec": installed},
    )
    for name, tasks in WORKFLOWS.items():
        (folder / "workflows" / f"{name}.json").write_text(json.dumps(document(name, tasks)))
    return root


def _write(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps({"apiVersion": "caseway/v1", **value}))


def carried(database: str, root: Path) -> Platform:
    """A platform that serves the project."""
    if not database.startswith("sqlite"):
        migrate(database)
    platform = open_platform(database, targets=TARGETS)
    reading = read(project(root))
    errors = [item.message for item in reading.diagnostics if item.severity is Severity.ERROR]
    assert not errors, errors
    desired = reading.desired[0]
    report = apply(platform, plan(desired, read_snapshot(platform, desired.organization)), actor="bench")
    assert report.is_ok, report
    return platform


class Contestant:
    """Runs executions of the project's one instance."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    async def run(self, workflow: str, units: int = 1) -> None:
        """One execution from its creation to its end."""
        new = executions.NewExecution("bench", "bench-dev", workflow, input={"units": list(range(units))})
        begun = await self.worker.dispatcher.begin(new)
        assert begun.claim is not None
        outcome = await run_claimed(self.worker, begun.claim)
        assert outcome.status is Status.COMPLETED, outcome.error

    def steps(self, workflow: str, times: int, units: int = 1) -> Awaitable[object]:
        """Some claimed executions at once, of `units` steps each."""
        claims = [self.claimed(workflow, units) for _ in range(times)]
        return asyncio.gather(*[self._interpreted(held) for held in claims])

    def claimed(self, workflow: str, units: int) -> executions.Claim:
        """The claim on a new execution."""
        given = {"units": list(range(units))}
        new = executions.NewExecution("bench", "bench-dev", workflow, input=given)
        return claim(self.worker, executions.create(self.worker.platform, new))

    async def _interpreted(self, held: executions.Claim) -> None:
        journal = StoreJournal(self.worker.writer, held)
        ports = Ports(journal=journal, on_task=lambda record: journal.record_task(held, record))
        program = self.worker.program(held.document)
        outcome = await execute(program, held.input, Execution(held.execution_id), ports)
        assert outcome.status is Status.COMPLETED, outcome.error

    async def many(self, workflow: str, times: int) -> None:
        """One after the other."""
        for _ in range(times):
            await self.run(workflow)

    async def at_once(self, workflow: str, times: int, units: int = 1) -> None:
        """All at once."""
        await asyncio.gather(*[self.run(workflow, units) for _ in range(times)])


def compete(worker: Worker) -> None:
    """Run the shapes."""
    ours = Contestant(worker)
    main(
        {
            "sequence": lambda units: ours.steps("sequence", 1, units),
            "fan-out": lambda _: ours.steps("fan-out", 1),
            "short": lambda units: ours.many("short", units),
            "crowd": lambda units: ours.steps("sequence", CROWD, units // CROWD),
            "http": lambda units: ours.at_once("http", units),
            "fib(10)": lambda units: ours.many("small", units),
            "fib(33)": lambda units: ours.many("large", units),
        }
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        database = sys.argv[1] or f"sqlite:///{folder}/state.db"
        with (
            carried(database, Path(folder) / "project") as opened,
            JournalWriter(opened.database) as journal_writer,
        ):
            compete(Worker(opened, journal_writer, Policy(processes=True)))
