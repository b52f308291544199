"""What the platform tells of itself, to workflows that listen for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from caseway.platform import credentials, executions, inbox
from caseway.platform.compose import Platform
from caseway.platform.executions import NewExecution
from caseway.platform.notices import EXPIRING, FAILED, FAULTED, MISSING, UPDATE, notify
from caseway.platform.telemetry.fold import fold
from caseway_runner import Outcome, Status, WorkflowError
from chaos.store_builders import (
    ORGANIZATION,
    StandingClock,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    deployed,
)


def a_listener(kind: str, **trigger: Any) -> tuple[Any, Any]:
    """A use case that starts on notices of this kind, and its instance."""
    triggers = [{"id": "told", "type": "event", "filter": {"type": kind}, **trigger}]
    use_case = a_use_case("watch", workflows=[a_workflow("tell", triggers=triggers)])
    return use_case, an_instance("watch-dev", use_case="watch")


def told(platform: Platform) -> list[dict[str, Any]]:
    """What the listener was started with."""
    rows = executions.list_executions(platform, ORGANIZATION, instance="watch-dev").items
    views = [executions.get_execution(platform, row.id) for row in rows]
    return [view.input[0]["data"] for view in views]  # type: ignore[index,call-overload,misc]


def test_an_update_that_waits_is_told_once(platform: Platform) -> None:
    listener = a_listener(UPDATE)
    deployed(platform, a_repo(*listener, a_use_case(), an_instance(version="1.0.0")))
    deployed(platform, a_repo(*listener, a_use_case(title="new"), an_instance(version="1.0.0")))
    assert [notify(platform) for _ in range(3)] == [1, 0, 0]
    [data] = told(platform)
    assert (data["instance"], data["version"], data["available"]) == ("invoice-dev", "1.0.0", "1.0.1")


def test_what_stays_so_is_told_again_when_it_was_forgotten(platform: Platform, clock: StandingClock) -> None:
    listener = a_listener(UPDATE)
    deployed(platform, a_repo(*listener, a_use_case(), an_instance(version="1.0.0")))
    deployed(platform, a_repo(*listener, a_use_case(title="new"), an_instance(version="1.0.0")))
    notify(platform)
    executions.cancel(platform, executions.list_executions(platform, ORGANIZATION).items[0].id, actor="ann")
    clock.advance(days=8)
    inbox.forget_before(platform, clock() - timedelta(days=7))
    assert notify(platform) == 1


def test_a_failed_update_is_told_with_its_error(platform: Platform) -> None:
    listener = a_listener(FAILED)
    deployed(platform, a_repo(*listener, a_use_case(), an_instance()))
    applied(
        platform, a_repo(*listener, a_use_case(deployment={"health": {"workflow": "main"}}), an_instance())
    )
    notify(platform)
    [data] = told(platform)
    assert (data["version"], data["available"], "health" in data["error"]) == ("1.0.0", "1.0.1", True)


def test_a_missing_credential_is_told(platform: Platform) -> None:
    needing = a_use_case(credentials={"erp": {"type": "bearer"}})
    applied(platform, a_repo(*a_listener(MISSING), needing, an_instance()))
    notify(platform)
    assert [data["missing"] for data in told(platform)] == [["erp"]]


def test_a_credential_that_ends_soon_is_told_without_its_value(
    platform: Platform, clock: StandingClock
) -> None:
    deployed(platform, a_repo(*a_listener(EXPIRING)))
    for name, days in (("soon", 3), ("later", 300)):
        ends = clock() + timedelta(days=days)
        secret = {"token": "xyzzy-42"}
        credentials.set_credential(
            platform, ORGANIZATION, name, secret, type="bearer", expires_at=ends, actor="ann"
        )
    notify(platform)
    [data] = told(platform)
    assert (data["credential"], "xyzzy" in str(data)) == ("soon", False)


@pytest.fixture
def watching(platform: Platform) -> Platform:
    """A platform with a listener for faults, and an instance that can have some; the past is over."""
    deployed(platform, a_repo(*a_listener(FAULTED), a_use_case(), an_instance()))
    faulted(platform, "invoice-dev")
    assert notify(platform) == 0
    return platform


def faulted(platform: Platform, instance: str, execution_id: str = "") -> str:
    made = execution_id or executions.create(platform, NewExecution(ORGANIZATION, instance))
    held = executions.claim(platform, made, worker="w1")
    assert held is not None
    error = WorkflowError("https://example.org/e", 500, "Broken", "", "/do/0")
    executions.finish(platform, held, Outcome(made, Status.FAULTED, error=error))
    fold(platform)
    return made


def test_a_fault_is_told_and_none_from_before_anybody_listened(watching: Platform) -> None:
    made = faulted(watching, "invoice-dev")
    assert [notify(watching), notify(watching)] == [1, 0]
    assert [data["execution"] for data in told(watching)] == [made]


def test_the_fault_of_one_that_was_told_is_not_told(watching: Platform) -> None:
    faulted(watching, "invoice-dev")
    notify(watching)
    [started] = executions.list_executions(watching, ORGANIZATION, instance="watch-dev").items
    faulted(watching, "watch-dev", started.id)
    assert notify(watching) == 0


def test_where_nobody_listens_nothing_is_kept(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance(version="1.0.0")))
    deployed(platform, a_repo(a_use_case(title="new"), an_instance(version="1.0.0")))
    assert notify(platform) == 0


def test_another_organization_hears_nothing_of_it(platform: Platform) -> None:
    deployed(platform, a_repo(*a_listener(UPDATE), organization="other"))
    deployed(platform, a_repo(a_use_case(), an_instance(version="1.0.0")))
    deployed(platform, a_repo(a_use_case(title="new"), an_instance(version="1.0.0")))
    assert notify(platform) == 0
