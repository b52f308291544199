"""One active stage for each owner of an exclusive process, and never none where one could run."""

from __future__ import annotations

from typing import Any

import pytest

from caseway.platform import credentials, instances
from caseway.platform.compose import Platform
from caseway.platform.executions import NewExecution, create
from caseway.platform.schedules import list_schedules
from caseway.platform.views import get_instance
from chaos.store_builders import (
    ORGANIZATION,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    deployed,
    planned,
)

DEV, PROD = "invoice-dev", "invoice-prod"
PLAIN = a_use_case(workflows=[a_workflow(triggers=[{"id": "t", "type": "schedule", "every": "1h"}])])


def phases(platform: Platform) -> tuple[str, ...]:
    return tuple(get_instance(platform, ORGANIZATION, name).phase for name in (DEV, PROD))


def prod(**changes: Any) -> Any:
    return an_instance(PROD, stage="prod", version="1.0.0", **changes)


@pytest.fixture
def running(platform: Platform) -> Platform:
    """Dev is deployed and active."""
    deployed(platform, a_repo(PLAIN, an_instance()))
    assert get_instance(platform, ORGANIZATION, DEV).phase == "active"
    return platform


def refused() -> Any:
    """A repo whose prod cannot be deployed: its parameter does not resolve."""
    return a_repo(PLAIN, an_instance(), prod(parameters={"x": "$[[ nonsense.y ]]"}))


def test_when_the_first_deployment_of_the_new_stage_fails_the_old_one_runs_on(running: Platform) -> None:
    report = applied(running, refused())
    assert [item.id for item in report.failed] == ["deploy-deployment:invoice-prod"]
    assert phases(running) == ("active", "deploy_failed")
    assert get_instance(running, ORGANIZATION, DEV).auto_paused_by == ""
    assert [item.enabled for item in list_schedules(running, ORGANIZATION, instance=DEV)] == [True]
    assert create(running, NewExecution(ORGANIZATION, DEV, "main"))


def test_a_failed_stage_takes_over_as_soon_as_it_can_be_deployed(running: Platform) -> None:
    applied(running, refused())
    mended = a_repo(PLAIN, an_instance(), prod())
    deployed(running, mended)
    assert phases(running) == ("user_paused", "active")
    assert planned(running, mended).is_empty


def test_a_stage_that_waits_for_a_credential_leaves_the_old_one_running_until_it_comes(
    running: Platform,
) -> None:
    needing = a_use_case(credentials={"erp": {"type": "bearer", "required": True}})
    new = next(action.payload["version"] for action in planned(running, a_repo(needing)).actions)
    later = a_repo(needing, an_instance(version="1.0.0"), an_instance(PROD, stage="prod", version=str(new)))
    assert [item.status for item in applied(running, later).results if item.error_code] == ["waiting"]
    assert phases(running) == ("active", "missing_integration")
    assert planned(running, later).is_empty

    assert credentials.set_credential(
        running, ORGANIZATION, "erp", {"token": "a token"}, type="bearer", actor="ann"
    ) == [PROD]
    assert phases(running) == ("user_paused", "active")
    assert get_instance(running, ORGANIZATION, DEV).auto_paused_by == "prod"
    assert planned(running, later).is_empty


def test_undeploy_then_deploy_brings_back_what_is_wanted(running: Platform) -> None:
    down = instances.undeploy(running, ORGANIZATION, DEV, actor="ann")
    assert (down.phase, down.enabled, down.version) == ("user_paused", True, "")
    assert "NotDeployed" in down.conditions
    assert list_schedules(running, ORGANIZATION, instance=DEV) == []
    instances.deploy(running, ORGANIZATION, DEV, actor="ann")
    up = get_instance(running, ORGANIZATION, DEV)
    assert (up.phase, up.version, up.conditions) == ("active", "1.0.0", ())
    assert planned(running, a_repo(PLAIN, an_instance())).is_empty


def test_a_paused_instance_stays_paused_through_undeploy_and_deploy(running: Platform) -> None:
    instances.pause(running, ORGANIZATION, DEV, actor="ann")
    instances.undeploy(running, ORGANIZATION, DEV, actor="ann")
    instances.deploy(running, ORGANIZATION, DEV, actor="ann")
    view = get_instance(running, ORGANIZATION, DEV)
    assert (view.phase, view.enabled, view.version) == ("user_paused", False, "1.0.0")
    assert instances.resume(running, ORGANIZATION, DEV, actor="ann").phase == "active"


def test_an_undeployed_instance_can_be_archived_and_restored(running: Platform) -> None:
    instances.undeploy(running, ORGANIZATION, DEV, actor="ann")
    assert instances.archive(running, ORGANIZATION, DEV, actor="ann").phase == "archived"
    assert instances.restore(running, ORGANIZATION, DEV, actor="ann").phase == "user_paused"


def test_undeploying_the_active_stage_brings_the_other_back(running: Platform) -> None:
    both = a_repo(PLAIN, an_instance(), prod())
    deployed(running, both)
    assert phases(running) == ("user_paused", "active")
    instances.undeploy(running, ORGANIZATION, PROD, actor="ann")
    assert phases(running) == ("active", "user_paused")
    instances.deploy(running, ORGANIZATION, PROD, actor="ann")
    assert phases(running) == ("user_paused", "active")


def test_a_deployment_that_fails_after_an_undeploy_shows_as_failed(running: Platform) -> None:
    instances.undeploy(running, ORGANIZATION, DEV, actor="ann")
    wrong = a_repo(PLAIN, an_instance(parameters={"x": "$[[ nonsense.y ]]"}))
    assert not applied(running, wrong).is_ok
    assert get_instance(running, ORGANIZATION, DEV).phase == "deploy_failed"
    deployed(running, a_repo(PLAIN, an_instance()))
    assert get_instance(running, ORGANIZATION, DEV).phase == "active"
