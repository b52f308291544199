"""Poll triggers: each new item of an answer starts one execution, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.platform import credentials, executions, instances, schedules
from caseway.platform.compose import Platform
from caseway.platform.database import Database
from caseway.platform.intake import polls, watched
from caseway.platform.journal import JournalWriter
from caseway.platform.previewed import without_schedules
from caseway.platform.tables import executions as table
from caseway.platform.tables import schedules as rows_of_triggers
from caseway.platform.tables import seen_items
from caseway.platform.views import get_instance
from caseway.worker.intake import take_in_once
from caseway.worker.polling import Unanswered, items_of
from caseway.worker.run import Worker
from caseway_runner import Policy
from chaos.store_builders import (
    ORGANIZATION,
    Counter,
    StandingClock,
    a_platform,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
)

NAME = "invoice-dev"


@dataclass
class Desk:
    """A service with tickets. `answer` is sent as it is when it is no list."""

    url: str = ""
    tickets: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    body: bytes = b""
    is_silent: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def desk() -> Iterator[Desk]:
    found = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append({name.lower(): value for name, value in self.headers.items()})
            found.paths.append(self.path)
            if found.is_silent:
                found.ended.wait()
                return
            body = found.body or json.dumps({"tickets": found.tickets}).encode()
            self.send_response(found.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{http.server_address[1]}/tickets"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    found.ended.set()
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def platform(url: str, clock: StandingClock) -> Iterator[Platform]:
    with a_platform(url, clock=clock, ids=Counter("one-")) as opened:
        yield opened


def a_poll(platform: Platform, desk: Desk, *, stored: bool = False, **trigger: Any) -> None:
    request = {"endpoint": desk.url, **trigger.pop("request", {})}
    told = {
        **{"id": "tickets", "type": "poll", "every": "5m", "request": request},
        **{"items": "${ .tickets[] }", "key": "${ .id }"},
        **trigger,
    }
    slots = {"desk": {"type": "bearer", "scope": "organization", "required": True}} if stored else {}
    case = a_use_case(workflows=[a_workflow(triggers=[told])], credentials=slots)
    deployed(platform, a_repo(case, an_instance()))


def look(platform: Platform, **worker: Any) -> int:
    with JournalWriter(platform.database) as writer:
        return asyncio.run(take_in_once(Worker(platform, writer, **worker)))


def found(platform: Platform) -> list[Any]:
    with platform.database.reading() as connection:
        query = sa.select(table.c.input).where(table.c.trigger == "poll").order_by(table.c.id)
        return [given["id"] for given in connection.scalars(query)]


def state(platform: Platform) -> Any:
    with platform.database.reading() as connection:
        return connection.execute(sa.select(rows_of_triggers)).one()


def some(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number, "title": f"ticket {number}"} for number in numbers]


def test_what_was_there_at_the_first_look_starts_nothing(
    platform: Platform, desk: Desk, clock: StandingClock
) -> None:
    desk.tickets = some(1, 2)
    a_poll(platform, desk)
    assert look(platform) == 0
    desk.tickets = some(1, 2, 3)
    assert look(platform) == 0  # it is not time yet
    clock.advance(minutes=5)
    assert look(platform) == 1 and found(platform) == [3]


def test_the_first_look_may_start_all(platform: Platform, desk: Desk) -> None:
    desk.tickets = some(1, 2)
    a_poll(platform, desk, first="all")
    assert look(platform) == 2 and found(platform) == [1, 2]
    shown = executions.get_execution(platform, executions.list_executions(platform, ORGANIZATION).items[0].id)
    assert (shown.trigger, shown.trigger_id, shown.actor) == ("poll", "tickets", "poll")


def test_an_item_starts_one_execution_however_often_it_comes(
    platform: Platform, desk: Desk, clock: StandingClock
) -> None:
    desk.tickets = some(1, 1, 2)
    a_poll(platform, desk, first="all")
    for _ in range(3):
        look(platform)
        clock.advance(minutes=5)
        desk.tickets.reverse()
    assert sorted(found(platform)) == [1, 2]


def test_an_item_is_known_after_its_execution_is_gone(
    platform: Platform, desk: Desk, clock: StandingClock
) -> None:
    desk.tickets = some(1)
    a_poll(platform, desk, first="all")
    look(platform)
    with platform.database.writing() as connection:
        connection.execute(sa.delete(table))
    clock.advance(minutes=5)
    assert look(platform) == 0


def test_a_restart_and_a_new_version_forget_nothing(
    platform: Platform, desk: Desk, clock: StandingClock, url: str
) -> None:
    desk.tickets = some(1)
    a_poll(platform, desk, first="all")
    look(platform)
    with a_platform(url, clock=clock, ids=Counter("two-")) as again:
        a_poll(again, desk, first="all", every="1m")
        clock.advance(minutes=1)
        assert look(again) == 0
        desk.tickets = some(1, 2)
        clock.advance(minutes=1)
        assert look(again) == 1


def test_another_question_begins_with_a_first_look(
    platform: Platform, desk: Desk, clock: StandingClock
) -> None:
    desk.tickets = some(1)
    a_poll(platform, desk)
    look(platform)
    desk.tickets = some(1, 2)
    a_poll(platform, desk, key="${ .title }")
    assert look(platform) == 0
    desk.tickets = some(1, 2, 3)
    clock.advance(minutes=5)
    assert look(platform) == 1 and found(platform) == [3]


def test_a_look_that_dies_before_its_end_is_made_again(
    platform: Platform, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.tickets = some(1, 2)
    a_poll(platform, desk, first="all")
    source = watched.due_polls(platform)[0]
    held = watched.take_lease(platform, source)
    assert held is not None
    items = items_of(source.definition, {"tickets": desk.tickets})

    def die(boundary: str) -> None:
        if boundary == "before-commit":
            raise KeyboardInterrupt(boundary)

    dying = Platform(**{**_fields(platform), "database": Database(platform.database.engine, die)})
    with pytest.raises(KeyboardInterrupt):
        polls.keep(dying, held, source, items)
    assert found(platform) == []
    assert polls.keep(platform, held, source, items) and found(platform) == [1, 2]


def _fields(platform: Platform) -> dict[str, Any]:
    return {name: getattr(platform, name) for name in platform.__dataclass_fields__}


def test_two_workers_look_once(url: str, desk: Desk, clock: StandingClock) -> None:
    desk.tickets = some(1, 2)
    with a_platform(url, clock=clock, holder="one@here:0", ids=Counter("one-")) as one:
        a_poll(one, desk, first="all")
        with a_platform(url, clock=clock, holder="two@there:0", ids=Counter("two-")) as other:
            started = []
            threads = [
                threading.Thread(target=lambda platform=platform: started.append(look(platform)))
                for platform in (one, other)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sum(started) == 2 and found(one) == [1, 2]


def test_many_items_are_started_in_portions(platform: Platform, desk: Desk) -> None:
    desk.tickets = some(*range(250))
    a_poll(platform, desk, first="all")
    assert [look(platform) for _ in range(4)] == [100, 100, 50, 0]
    assert len(set(found(platform))) == 250


def test_failures_put_the_next_look_off_further_and_further_and_show(
    platform: Platform, desk: Desk, clock: StandingClock
) -> None:
    desk.status = 503
    a_poll(platform, desk, every="10s")
    waits = []
    for _ in range(9):
        look(platform)
        waits.append((state(platform).next_at - clock()).total_seconds())
        clock.now += timedelta(seconds=waits[-1])
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    view = get_instance(platform, ORGANIZATION, NAME)
    assert view.conditions == ("TriggerFailing(main/tickets)",)
    shown = view.workflows[0].triggers[0]
    assert shown["failures"] == 9 and "503" in str(shown["error"])
    assert shown["failingSince"] == "2026-01-01T12:00:00.000000Z"

    desk.status, desk.tickets = 200, some(1)
    look(platform)
    assert get_instance(platform, ORGANIZATION, NAME).conditions == ()
    assert (state(platform).next_at - clock()).total_seconds() == 10


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no JSON", "not the JSON it claims to be"),
        (b'{"tickets": 7}', "Cannot iterate over number"),
        (b'{"tickets": [{"title": "no id"}]}', "the key is empty"),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_failure(
    platform: Platform, desk: Desk, body: bytes, words: str
) -> None:
    desk.body = body
    a_poll(platform, desk)
    look(platform)
    assert words in state(platform).state["error"]
    assert found(platform) == []


def test_the_request_is_made_with_the_credentials_of_the_instance(platform: Platform, desk: Desk) -> None:
    credentials.set_credential(
        platform, ORGANIZATION, "desk", {"token": "secret-of-the-desk"}, type="bearer", actor="ann"
    )
    header = {"Authorization": '${ "Bearer " + $secrets.desk.token }'}
    a_poll(platform, desk, stored=True, request={"headers": header, "query": {"state": "open"}})
    look(platform)
    assert desk.asked[0]["authorization"] == "Bearer secret-of-the-desk"
    assert desk.paths == ["/tickets?state=open"]


def test_errors_do_not_tell_secrets(platform: Platform, desk: Desk) -> None:
    secret = "secret-of-the-desk"
    credentials.set_credential(platform, ORGANIZATION, "desk", {"token": secret}, type="bearer", actor="ann")
    desk.status = 401
    query = {"token": "${ $secrets.desk.token }"}
    a_poll(platform, desk, stored=True, request={"query": query})
    look(platform)
    assert "401" in state(platform).state["error"] and secret not in state(platform).state["error"]


def test_an_answer_that_does_not_come_is_a_failure(platform: Platform, desk: Desk) -> None:
    desk.is_silent = True
    a_poll(platform, desk, timeout="200ms")
    look(platform)
    assert state(platform).state["failures"] == 1 and "0.2 s" in state(platform).state["error"]


def test_a_host_that_the_policy_of_the_worker_forbids_is_not_asked(platform: Platform, desk: Desk) -> None:
    a_poll(platform, desk)
    look(platform, policy=Policy(hosts=("elsewhere.example",)))
    assert desk.asked == [] and "does not allow" in state(platform).state["error"]


def test_a_paused_instance_does_not_look(platform: Platform, desk: Desk, clock: StandingClock) -> None:
    desk.tickets = some(1)
    a_poll(platform, desk)
    look(platform)
    instances.pause(platform, ORGANIZATION, NAME, actor="ann")
    desk.tickets = some(1, 2)
    clock.advance(hours=1)
    assert look(platform) == 0 and len(desk.asked) == 1
    instances.resume(platform, ORGANIZATION, NAME, actor="ann")
    assert look(platform) == 1 and found(platform) == [2]


def test_a_preview_fetches_nothing_by_itself() -> None:
    kinds = ["http", "schedule", "event", "queue", "poll", "manual", "subworkflow"]
    settings = {"triggers": [{"id": kind, "type": kind} for kind in kinds]}
    kept = [trigger["type"] for trigger in without_schedules(settings)["triggers"]]
    assert kept == ["http", "event", "manual", "subworkflow"]


def test_polls_are_no_schedules(platform: Platform, desk: Desk, clock: StandingClock) -> None:
    a_poll(platform, desk)
    clock.advance(hours=1)
    assert schedules.due(platform) == []
    assert schedules.list_schedules(platform, ORGANIZATION) == []


def test_an_item_that_nobody_has_sent_for_long_is_forgotten(
    platform: Platform, desk: Desk, clock: StandingClock
) -> None:
    desk.tickets = some(1, 2)
    a_poll(platform, desk)
    look(platform)
    for _ in range(4):
        desk.tickets = some(2)
        clock.advance(days=30)
        look(platform)
    assert polls.forget_items(platform) == 1
    with platform.database.reading() as connection:
        assert len(connection.execute(sa.select(seen_items)).all()) == 1


def test_items_are_picked_by_an_expression_and_known_by_their_keys() -> None:
    definition = {"items": "${ .tickets[] | select(.open) }", "key": "${ [.team, .id] }"}
    content = {"tickets": [{"team": "a", "id": 1, "open": True}, {"team": "a", "id": 2, "open": False}]}
    assert [item.key for item in items_of(definition, content)] == ['["a",1]']


@pytest.mark.parametrize("program", [".", ".[]", "${ . }", ". # a list"])
def test_a_list_is_taken_apart(program: str) -> None:
    items = items_of({"items": program, "key": ".id"}, some(1, 2))
    assert [item.key for item in items] == ["1", "2"]
    assert items_of({"items": program, "key": ".id"}, []) == []


def test_a_key_that_loops_for_ever_is_stopped() -> None:
    with pytest.raises(Unanswered):
        items_of({"items": ".", "key": "[range(1e12)] | length"}, some(1))
