"""What triggers keep in the store: rate limits, entrances by revision, events; on every database."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.errors import CasewayError
from caseway.platform import inbox, instances, keys
from caseway.platform.compose import Platform
from caseway.platform.creation import NewExecution
from caseway.platform.executions import cancel, create, list_executions
from caseway.platform.triggers import rates
from caseway.platform.triggers.admit import Gate, admit
from caseway.platform.triggers.doors import Rate, client_address, door, networks
from caseway.platform.triggers.entrance import Entrances
from caseway.platform.triggers.inputs import Request, input_of
from caseway.platform.triggers.rates import Rates
from caseway.platform.views import get_instance
from chaos.store_builders import (
    ORGANIZATION,
    Open,
    StandingClock,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    deployed,
)

NAME = "invoice-dev"


def live(platform: Platform, *triggers: dict[str, Any]) -> str:
    """An instance with these triggers; its id."""
    deployed(platform, a_repo(a_use_case(workflows=[a_workflow(triggers=list(triggers))]), an_instance()))
    return get_instance(platform, ORGANIZATION, NAME).id


def gate(platform: Platform) -> Gate:
    return Gate(Entrances(platform), Rates(platform))


HTTP = {"id": "http", "type": "http", "path": "/start", "auth": "none"}
PAID = {"id": "paid", "type": "event", "filter": {"type": "com.acme.paid"}}


def test_a_limit_fills_again_as_time_passes(platform: Platform, clock: StandingClock) -> None:
    limited, rate = Rates(platform), Rate(requests=4, seconds=60, burst=2, by_address=False)
    assert [limited.take("a", rate) for _ in range(3)] == [0, 0, 15]
    clock.advance(seconds=15)
    assert [limited.take("a", rate) for _ in range(2)] == [0, 15]
    clock.advance(hours=1)
    assert [limited.take("a", rate) for _ in range(3)] == [0, 0, 15]


def test_limits_of_different_names_know_nothing_of_each_other(platform: Platform) -> None:
    limited, rate = Rates(platform), Rate(1, 60, 1, by_address=False)
    assert [limited.take(name, rate) for name in ("a", "b", "a")] == [0, 0, 60]


@pytest.mark.parametrize("most", [1, 7])
def test_processes_that_take_at_once_never_take_too_much(reopen: Open, most: int) -> None:
    platforms = [reopen() for _ in range(3)]
    rate = Rate(most, 3600, most, by_address=False)
    start, taken = threading.Barrier(3), []

    def run(platform: Platform) -> None:
        limited = Rates(platform)
        start.wait()
        taken.extend(limited.take("a", rate) for _ in range(5))

    threads = [threading.Thread(target=run, args=(platform,)) for platform in platforms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(0) == most


def test_a_limit_of_which_nothing_is_used_is_forgotten(platform: Platform, clock: StandingClock) -> None:
    limited, rate = Rates(platform), Rate(1, 60, 1, by_address=False)
    limited.take("a", rate)
    assert rates.forget_unused(platform, clock()) == 0
    clock.advance(seconds=61)
    assert rates.forget_unused(platform, clock()) == 1


def test_an_entrance_is_read_once_until_something_changes(platform: Platform) -> None:
    instance_id, entrances = live(platform, HTTP), Entrances(platform)
    first = entrances.of(instance_id)
    assert entrances.of(instance_id) is first
    instances.pause(platform, ORGANIZATION, NAME, actor="ann")
    assert entrances.of(instance_id).phase == "user_paused"


def test_a_key_that_was_good_is_not_looked_up_again_until_something_changes(platform: Platform) -> None:
    instance_id, entrances = live(platform, HTTP), Entrances(platform)
    view, secret = keys.create(platform, ORGANIZATION, NAME, actor="ann")
    entrance = entrances.of(instance_id)
    assert entrances.key(entrance, secret) == entrances.key(entrance, secret) is not None
    keys.revoke(platform, ORGANIZATION, view.id, actor="ann")
    assert entrances.key(entrances.of(instance_id), secret) is None


def test_wrong_keys_are_not_remembered(platform: Platform) -> None:
    instance_id, entrances = live(platform, HTTP), Entrances(platform)
    entrance = entrances.of(instance_id)
    for number in range(50):
        assert entrances.key(entrance, f"cw_0000000{number}_wrong") is None
    assert entrance.keys == {}


def test_what_is_admitted_can_be_made(platform: Platform) -> None:
    admitted = admit(gate(platform), live(platform, HTTP), Request("POST", "/start", body=b'{"a": 1}'))
    create(platform, admitted.new)
    (view,) = list_executions(platform, ORGANIZATION).items
    assert (view.trigger, view.trigger_id, view.actor, view.input) == ("http", "http", "anonymous", {"a": 1})


@pytest.mark.parametrize("broken", [{"allow": ["everywhere"]}, {"maxBody": "much"}, {"timeout": "soon"}])
def test_a_trigger_that_a_value_made_unreadable_does_not_go_live(
    platform: Platform, broken: dict[str, Any]
) -> None:
    repo = a_repo(a_use_case(workflows=[a_workflow(triggers=[{**HTTP, **broken}])]), an_instance())
    (failed,) = applied(platform, repo).failed
    assert (failed.error_code, "trigger http" in failed.message) == ("trigger", True)


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": str(number), "source": "urn:shop", "type": "com.acme.paid", "data": number, **changes}


def test_many_events_are_taken_in_together_in_their_order(platform: Platform) -> None:
    live(platform, PAID)
    given_ = [event(1), event(2, type="other"), event(1), event(3)]
    done = inbox.deliver_all(platform, ORGANIZATION, given_, actor="ann")
    assert [(one.is_new, len(one.started)) for one in done.each] == [
        (True, 1),
        (True, 0),
        (False, 0),
        (True, 1),
    ]
    found = [view.input[0]["data"] for view in list_executions(platform, ORGANIZATION).items]
    assert sorted(found) == [1, 3]


@pytest.mark.parametrize("kind", ["events", "event", "data"])
def test_a_workflow_gets_of_an_event_what_its_trigger_says(platform: Platform, kind: str) -> None:
    live(platform, {**PAID, "input": kind})
    inbox.deliver(platform, ORGANIZATION, event(1, time="2026-01-01T00:00:00Z"), actor="ann")
    whole = {**event(1), "specversion": "1.0", "time": "2026-01-01T00:00:00Z"}
    expected = {"events": [whole], "event": whole, "data": 1}[kind]
    assert list_executions(platform, ORGANIZATION).items[0].input == expected


def test_one_bad_event_keeps_all_of_them_out(platform: Platform) -> None:
    live(platform, PAID)
    with pytest.raises(CasewayError):
        inbox.deliver_all(platform, ORGANIZATION, [event(1), event(2, id="")], actor="ann")
    assert list_executions(platform, ORGANIZATION).items == ()


def test_old_events_are_forgotten_unless_somebody_of_their_organization_may_take_them(
    platform: Platform, clock: StandingClock
) -> None:
    live(platform, PAID)
    inbox.deliver(platform, "another", event(1), actor="ann")
    awaiting = create(platform, NewExecution(ORGANIZATION, NAME, "main"))
    clock.advance(minutes=1)
    for number in (1, 2, 3):
        inbox.deliver(platform, ORGANIZATION, event(number, type="other"), actor="ann")
    clock.advance(days=8)
    week = clock() - timedelta(days=7)
    assert inbox.forget_before(platform, week) == 1  # the other organization's
    cancel(platform, awaiting, actor="ann")
    assert inbox.forget_before(platform, week, limit=2) == 2
    assert inbox.forget_before(platform, week, limit=2) == 1
    assert inbox.forget_before(platform, week) == 0


TEXTS = st.text(max_size=30)
SCHEMAS = st.sampled_from([None, True, False, {"type": "object"}, {"type": "string"}, {"$ref": "#/nowhere"}])


@given(
    SCHEMAS,
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", "x"]),
    st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=4),
    st.lists(st.sampled_from(["query", "headers", "method", "body"]), unique=True),
)
def test_no_request_breaks_the_reading_of_inputs(
    schema: Any, kind: str, body: bytes, query: list[tuple[str, str]], include: list[str]
) -> None:
    made = door("main", {**HTTP, "include": include}, {}, schema)
    request = Request("POST", "/start", {"content-type": kind}, tuple(query), body)
    try:
        input_of(made, request, {"id": "7"})
    except CasewayError as error:
        assert error.code in {"body", "media-type", "invalid-input"}


@given(TEXTS, TEXTS)
def test_no_header_makes_an_untrusted_peer_somebody_else(peer: str, forwarded: str) -> None:
    trusted = networks(["10.0.0.0/8"])
    assert client_address("192.0.2.1", forwarded, trusted) == client_address("192.0.2.1", "", trusted)
    assert client_address(peer, forwarded, ()) == client_address(peer, "", ())


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("10.0.0.1", "10.2.2.2", "10.2.2.2"),
        ("10.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "unknown", "None"),
        ("::ffff:10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("", "198.51.100.9", "None"),
    ],
)
def test_the_client_is_the_last_who_is_no_proxy_of_ours(peer: str, forwarded: str, expected: str) -> None:
    assert str(client_address(peer, forwarded, networks(["10.0.0.0/8"]))) == expected


def test_a_network_that_cannot_be_read_is_an_error_in_words() -> None:
    with pytest.raises(CasewayError) as caught:
        networks(["10.0.0.0/99"])
    assert caught.value.code == "address"
