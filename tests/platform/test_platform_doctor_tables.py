"""The four tables of what can go wrong, row by row, and the three lists to go through before production: each
row is made so on a real store, and the doctor must name it and say what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.model.access import local
from caseway.model.errors import CasewayError
from caseway.operations.operation import Operating
from caseway.operations.table import the_operation
from caseway.platform import credentials, executions, instances, keys, processes, runtimes
from caseway.platform.building import BuildRequest, BuiltImage
from caseway.platform.compose import Platform
from caseway.platform.doctor.checklist import checklist
from caseway.platform.doctor.finding import Finding
from caseway.platform.executions import NewExecution
from caseway.platform.instance_views import get_instance
from caseway.platform.tables import credentials as credential_table
from caseway.platform.telemetry.fold import fold
from caseway_runner import Outcome, Status, TaskRecord, WorkflowError
from chaos.store_builders import (
    ORGANIZATION,
    StandingClock,
    a_repo,
    a_resource,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    applied_unseen,
    deployed,
)

NAME = "invoice-dev"
SPEC = "https://serverlessworkflow.io/spec/1.0.0/errors/"


class World:
    """A platform in trouble."""

    def __init__(self, platform: Platform, clock: StandingClock) -> None:
        self.platform = replace(platform, base_url="")
        self.clock = clock

    def well(self, **body: Any) -> None:
        deployed(self.platform, a_repo(a_use_case(**body), an_instance()))

    def tried(self, **body: Any) -> None:
        applied(self.platform, a_repo(a_use_case(**body), an_instance()))

    def ended(self, seconds: float = 0.1, **outcome: Any) -> str:
        made = executions.create(self.platform, NewExecution(ORGANIZATION, NAME, trigger="http"))
        held = executions.claim(self.platform, made, worker="w1")
        assert held is not None
        self.clock.advance(seconds=seconds)
        said: dict[str, Any] = {"status": Status.COMPLETED, **outcome}
        executions.finish(self.platform, held, Outcome(made, **said))
        fold(self.platform)
        return made

    def failed(self, kind: str) -> None:
        self.well()
        error = WorkflowError(kind if ":" in kind else SPEC + kind, 500, "Broken", "", "/do/0")
        self.ended(status=Status.FAULTED, error=error)

    def long(self, kind: str, *parts: tuple[int, int], **outcome: Any) -> None:
        self.well()
        stamp = "2026-01-01T12:00:{:02}Z"
        records = [
            TaskRecord(
                f"/do/{n}/t{n}",
                f"t{n}",
                kind,
                Status.COMPLETED,
                stamp.format(a),
                stamp.format(b),
                1,
                f"/t{n}",
            )
            for n, (a, b) in enumerate(parts)
        ]
        self.ended(30, tasks=tuple(records), **outcome)

    def told(self) -> str:
        """All that the doctor finds amiss, with its hints."""
        operation = the_operation("doctor.examine")
        operating = Operating(self.platform, local(ORGANIZATION, "ann"))
        found = operation.run(operating, operation.request()).findings
        return "\n".join(f"{item.message} → {item.hint}" for item in found if item.state != "ok")


def _without_a_target(world: World) -> None:
    world.platform = replace(world.platform, targets={})
    world.tried()


def _build_fails(world: World) -> None:
    def builder(_request: BuildRequest, _log: Callable[[str], None]) -> BuiltImage:
        raise CasewayError("no such package: panda", code="build-failed")

    slim = a_resource("slim", image="python")
    deployed(world.platform, a_repo(a_use_case(), an_instance(), runtimes=(slim,)))
    request = BuildRequest(ORGANIZATION, "slim", slim.body)
    with suppress(CasewayError):
        runtimes.build(replace(world.platform, builder=builder), request, slim.digest, actor="ann", log=str)


def _never_called(world: World) -> None:
    world.well()
    keys.create(world.platform, ORGANIZATION, NAME, actor="ann")


def _closed_port(world: World) -> None:
    world.well()
    with _server(200) as url:
        pass
    world.platform = replace(world.platform, base_url=url)


def _wrong_host(world: World) -> None:
    world.well()
    with _server(502) as url:
        world.platform = replace(world.platform, base_url=url)
        world.answer = world.told()  # type: ignore[attr-defined]


def _nobody_takes_it(world: World) -> None:
    world.well()
    executions.create(world.platform, NewExecution(ORGANIZATION, NAME))
    world.clock.advance(minutes=5)


TROUBLES: Mapping[str, tuple[Callable[[World], object], tuple[str, ...]]] = {
    # Deployment fails
    "deploys: the target is not set up": (
        _without_a_target,
        ("nothing was ever deployed; targets of this platform: none", "set it up"),
    ),
    "deploys: the image is not built": (
        lambda world: applied_unseen(
            world.platform,
            a_repo(a_use_case(container={"network": "none"}, runtime="slim"), an_instance()),
        ),
        ("the image of runtime slim is not built", "caseway runtime build"),
    ),
    "deploys: the image cannot be built": (
        _build_fails,
        ("its image could not be built: no such package: panda", "caseway runtime get slim"),
    ),
    "deploys: not enough memory": (
        lambda world: world.failed("https://caseway.dev/errors/out-of-memory"),
        ("failed at once", "raise resources.memory"),
    ),
    "deploys: no such GPU": (
        lambda world: world.failed("https://caseway.dev/errors/gpu-unavailable"),
        ("failed at once", "where such a GPU is"),
    ),
    "deploys: the version is not well": (
        lambda world: world.tried(deployment={"health": {"workflow": "main"}}),
        ("failed at step publish", "push again"),
    ),
    "deploys: a credential is missing": (
        lambda world: world.tried(credentials={"erp": {"type": "bearer"}}),
        ("needs credential erp", "caseway credential set"),
    ),
    # A webhook is not received
    "webhook: not active": (
        lambda world: (world.well(), instances.pause(world.platform, ORGANIZATION, NAME, actor="ann")),
        ("answers no call: it is user_paused", f"caseway instance resume {NAME}"),
    ),
    "webhook: nothing is deployed": (
        lambda world: world.tried(credentials={"erp": {"type": "bearer"}}),
        ("needs credential erp",),
    ),
    "webhook: the other system does not know the address": (
        _never_called,
        ("no call has come in yet", "/hooks/"),
    ),
    "webhook: there is no key": (World.well, ("has no API key", f"caseway key create {NAME}")),
    "webhook: no host in the address": (World.well, ("webhook URLs have no host", "CASEWAY_BASE_URL")),
    "webhook: the address does not answer": (_closed_port, ("cannot be reached from here", "firewall")),
    "webhook: something else answers": (_wrong_host, ("answers with 502", "the proxy")),
    # An execution fails at once
    "fails: what it needs is not there": (
        lambda world: world.failed("configuration"),
        ("failed at once", "such as a connection or its credential"),
    ),
    "fails: the credential may not": (
        lambda world: world.failed("authorization"),
        ("failed at once", "caseway credential list"),
    ),
    "fails: no worker": (_nobody_takes_it, ("1 executions wait for a worker", "caseway serve worker")),
    "fails: no organization": (
        lambda world: None,
        (f"there is no process in organization {ORGANIZATION}", "CASEWAY_ORGANIZATION"),
    ),
    # An execution is slow
    "slow: a service answers slowly": (
        lambda world: world.long("call", (0, 2), (2, 29)),
        ("27.0 s of it in task t1", "what it calls answers slowly"),
    ),
    "slow: a process computes": (
        lambda world: world.long("run", (0, 29)),
        ("29.0 s of it in task t0", "raise resources.cpu"),
    ),
    "slow: much data": (
        lambda world: world.long("set", (0, 1), output="x" * 6_000_000),
        ("carried 6.0 MB", "ask sources for less"),
    ),
    "slow: one after another": (
        lambda world: world.long("call", (0, 10), (10, 20), (20, 30)),
        ("calls one after another: t0, t1, t2", "a fork"),
    ),
}


@pytest.fixture
def world(platform: Platform, clock: StandingClock) -> World:
    return World(platform, clock)


@pytest.mark.parametrize("row", TROUBLES)
def test_the_doctor_names_the_trouble_and_says_what_to_do(world: World, row: str) -> None:
    make, expected = TROUBLES[row]
    make(world)
    told = getattr(world, "answer", "") or world.told()
    assert [words for words in expected if words not in told] == [], told


# Before deploying, deploying, and after: what the checklist says at first, and when it is done.

WANTED = {
    "tried in another stage": ("warning", "ok"),
    "credentials": ("warning", "ok"),
    "connections and models": ("ok", "ok"),
    "runtime image": ("skipped", "skipped"),
    "resources": ("ok", "ok"),
    "errors are handled": ("ok", "ok"),
    "bounded in time": ("ok", "ok"),
    "deployed": ("ok", "ok"),
    "webhook URL": ("ok", "ok"),
    "schedule": ("ok", "ok"),
    "first execution": ("error", "ok"),
    "trace": ("", "ok"),
    "failures": ("", "ok"),
    "execution time": ("", "ok"),
}


def a_careful_use_case() -> Any:
    """Everything that the lists ask for."""
    caught = {"try": [{"say": {"set": {"text": "hello"}}}], "catch": {"do": [{"sorry": {"set": {"a": 1}}}]}}
    triggers = [
        {"id": "http", "type": "http", "path": "/main", "auth": "key"},
        {"id": "often", "type": "schedule", "every": "1h"},
    ]
    workflow = a_workflow(triggers=triggers)
    workflow["definition"] = {**workflow["definition"], "do": [{"carefully": caught}]}
    return a_use_case(
        workflows=[workflow],
        exclusive=False,
        credentials={"erp": {"type": "bearer"}},
        connections=["model"],
        resources={"cpu": 0.5, "memory": "1GB"},
        limits={"timeout": "5m"},
    )


def test_the_checklist_has_every_row_and_follows_what_happens(
    platform: Platform, clock: StandingClock
) -> None:
    secret = {"token": "t"}
    credentials.set_credential(platform, ORGANIZATION, "erp", secret, type="bearer", actor="ann")
    model = a_resource("model", type="aiModel", url="https://models.test/v1")
    deployed(platform, a_repo(a_careful_use_case(), an_instance(), connections=(model,)))
    at_first = _checked(platform, NAME)
    with platform.database.reading() as connection:
        [stored] = connection.scalars(sa.select(credential_table.c.id))
    credentials.remember_check(platform, stored, "200", is_good=True)
    processes.promote(platform, ORGANIZATION, "invoice", "prod", actor="ann")
    for name in ("invoice-prod", NAME):
        made = executions.create(platform, NewExecution(ORGANIZATION, name, workflow="main"))
        held = executions.claim(platform, made, worker="w1")
        assert held is not None
        clock.advance(seconds=1)
        executions.finish(platform, held, Outcome(made, Status.COMPLETED))
    fold(platform)
    in_the_end = _checked(platform, NAME)

    assert {name: (at_first.get(name, ""), in_the_end.get(name, "")) for name in WANTED} == WANTED
    assert set(in_the_end) == set(WANTED)


def _checked(platform: Platform, name: str) -> dict[str, str]:
    found: list[Finding] = [*checklist(platform, ORGANIZATION, get_instance(platform, ORGANIZATION, name))]
    return {item.check: item.state for item in found}


@contextmanager
def _server(status: int) -> Iterator[str]:
    """Something on this machine that answers with that status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
