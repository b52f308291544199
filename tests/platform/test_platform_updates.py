"""New versions reach instances: checked before they serve, in batches, and back again when they fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from caseway.model.desired import UseCase
from caseway.platform import instances
from caseway.platform.compose import Platform
from caseway.platform.health_gate import HealthCheck
from caseway.platform.target import Rendered
from caseway.platform.views import get_instance, list_deployments
from caseway.worker.health import check
from chaos.store_builders import (
    ORGANIZATION,
    a_document,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    deployed,
    planned,
)

NAME = "invoice-dev"
RAISING = {"raise": {"error": {"type": "https://example.org/e", "status": 500, "title": "Unwell"}}}


@pytest.fixture
def checking(platform: Platform) -> Platform:
    """A platform that can run health checks."""
    return replace(platform, check=check)


def a_version(title: str, *, is_well: bool = True, strategy: str = "switch", **body: Any) -> UseCase:
    """A use case with a health check that passes or does not."""
    task = {"set": {"well": True}} if is_well else RAISING
    probe = a_workflow("probe", definition=a_document("probe", do=[{"look": task}]))
    deployment = {"strategy": strategy, "health": {"workflow": "probe", "timeout": "5s"}}
    return a_use_case(title=title, workflows=[a_workflow(), probe], deployment=deployment, **body)


def of_rollout(use_case: UseCase, **rollout: Any) -> UseCase:
    return replace(use_case, listing={**use_case.listing, "rollout": rollout})


def versions(platform: Platform, count: int) -> list[str]:
    return [get_instance(platform, ORGANIZATION, f"i-{number:02}").version for number in range(count)]


def some(count: int) -> list[Any]:
    """Instances for as many owners."""
    return [an_instance(f"i-{number:02}", owner=f"user-{number:02}") for number in range(count)]


def test_a_version_that_passes_its_check_goes_live(checking: Platform) -> None:
    deployed(checking, a_repo(a_version("one"), an_instance()))
    deployed(checking, a_repo(a_version("two"), an_instance()))
    assert get_instance(checking, ORGANIZATION, NAME).version == "1.0.1"


@pytest.mark.parametrize("strategy", ["switch", "recreate"])
def test_after_a_failed_check_the_version_before_serves(checking: Platform, strategy: str) -> None:
    deployed(checking, a_repo(a_version("one", strategy=strategy), an_instance()))
    applied(checking, a_repo(a_version("two", is_well=False, strategy=strategy), an_instance()))
    view = get_instance(checking, ORGANIZATION, NAME)
    assert (view.version, view.phase, view.update_available) == ("1.0.0", "active", "1.0.1")


@pytest.mark.parametrize("strategy", ["switch", "recreate"])
def test_a_version_that_failed_its_check_is_not_tried_again_by_itself(
    checking: Platform, strategy: str
) -> None:
    deployed(checking, a_repo(a_version("one", strategy=strategy), an_instance()))
    worse = a_repo(a_version("two", is_well=False, strategy=strategy), an_instance())
    applied(checking, worse)
    assert planned(checking, worse).is_empty


def test_nothing_of_a_failed_version_stays_behind(checking: Platform) -> None:
    deployed(checking, a_repo(a_version("one"), an_instance()))
    before = {item.live_id for item in checking.target("builtin").live(_id(checking))}
    applied(checking, a_repo(a_version("two", is_well=False), an_instance()))
    assert {item.live_id for item in checking.target("builtin").live(_id(checking))} == before


def test_the_failed_check_says_which_task_and_why(checking: Platform) -> None:
    report = applied(checking, a_repo(a_version("one", is_well=False), an_instance()))
    assert "500 Unwell at /do/0/look" in report.failed[0].message


def test_a_check_that_takes_too_long_fails() -> None:
    document = a_document("probe", do=[{"sleep": {"wait": {"seconds": 30}}}])
    asked = a_check(document, seconds=0.05)
    assert check(asked) == "it took longer than 0.05 seconds"


def test_a_check_reads_the_secrets_of_the_instance() -> None:
    use = {"secrets": ["erp"]}
    raised = {"error": {"type": "https://example.org/e", "status": 500, "title": "${ $secrets.erp.token }"}}
    document = a_document("probe", use=use, do=[{"leak": {"raise": raised}}])
    assert "xyzzy-42" not in check(a_check(document))


def test_recreate_stops_the_old_version_before_the_new_one_starts(checking: Platform) -> None:
    deployed(checking, a_repo(a_version("one", strategy="recreate"), an_instance()))
    seen: list[int] = []

    def watch(asked: HealthCheck) -> str:
        old = list(checking.target("builtin").live(asked.instance_id))
        seen.append(len(old))
        return ""

    watching = replace(checking, check=watch)
    changed = a_version("two", strategy="recreate")
    body = {**changed.body, "workflows": [a_workflow(definition=a_document("main", output={"as": "${ 1 }"}))]}
    body["workflows"].append(a_workflow("probe", definition=a_document("probe")))
    deployed(watching, a_repo(a_use_case(**{**body, "title": "two"}), an_instance()))
    assert seen == [2]


def test_the_record_says_that_the_version_before_was_brought_back(checking: Platform) -> None:
    deployed(checking, a_repo(a_version("one", strategy="recreate"), an_instance()))
    applied(checking, a_repo(a_version("two", is_well=False, strategy="recreate"), an_instance()))
    found = list_deployments(checking, ORGANIZATION, NAME)
    assert sorted((item.reason, item.status) for item in found) == [
        ("deploy", "undeployed"),
        ("return", "deployed"),
        ("update", "failed"),
    ]


def test_a_process_that_cannot_check_lets_nothing_pass(platform: Platform) -> None:
    report = applied(platform, a_repo(a_version("one"), an_instance()))
    assert report.failed[0].error_code == "unhealthy"


def test_a_rollout_updates_everyone_when_all_is_well(checking: Platform) -> None:
    deployed(checking, a_repo(of_rollout(a_version("one"), batch=2), *some(5)))
    deployed(checking, a_repo(of_rollout(a_version("two"), batch=2), *some(5)))
    assert versions(checking, 5) == ["1.0.1"] * 5


def test_a_rollout_stops_after_the_batch_that_failed(checking: Platform) -> None:
    deployed(checking, a_repo(of_rollout(a_version("one"), batch=2), *some(6)))
    report = applied(checking, a_repo(of_rollout(a_version("two", is_well=False), batch=2), *some(6)))
    assert (len(report.failed), len(report.skipped)) == (2, 4)


def test_a_rollout_goes_on_while_few_enough_have_failed(checking: Platform) -> None:
    deployed(checking, a_repo(of_rollout(a_version("one"), batch=2), *some(6)))
    worse = of_rollout(a_version("two", is_well=False), batch=2, maxFailures=2)
    report = applied(checking, a_repo(worse, *some(6)))
    assert (len(report.failed), len(report.skipped)) == (4, 2)


def test_a_stopped_rollout_stays_stopped_when_planned_again(checking: Platform) -> None:
    deployed(checking, a_repo(of_rollout(a_version("one"), batch=2), *some(6)))
    worse = a_repo(of_rollout(a_version("two", is_well=False), batch=2), *some(6))
    applied(checking, worse)
    made = planned(checking, worse)
    assert made.is_empty
    assert any("the rollout of 1.0.1 is stopped" in notice for notice in made.notices)


def test_a_version_that_works_ends_a_stopped_rollout(checking: Platform) -> None:
    deployed(checking, a_repo(of_rollout(a_version("one"), batch=2), *some(4)))
    applied(checking, a_repo(of_rollout(a_version("two", is_well=False), batch=2), *some(4)))
    deployed(checking, a_repo(of_rollout(a_version("three"), batch=2), *some(4)))
    assert versions(checking, 4) == ["1.0.2"] * 4


def test_a_rollout_goes_on_after_a_retry_by_hand_succeeded(checking: Platform) -> None:
    deployed(checking, a_repo(of_rollout(a_version("one"), batch=1), *some(3)))
    after = a_repo(of_rollout(a_version("two"), batch=1), *some(3))
    flaky = replace(checking, check=lambda asked: "not now" if asked.instance == "i-00" else "")
    applied(flaky, after)
    instances.deploy(checking, ORGANIZATION, "i-00", actor="ann")
    deployed(checking, after)
    assert versions(checking, 3) == ["1.0.1"] * 3


def a_check(document: dict[str, Any], seconds: float = 5.0) -> HealthCheck:
    rendered = (Rendered("i-1", NAME, "probe", "sha256:0", document, {}),)
    return HealthCheck("i-1", NAME, "probe", {}, seconds, rendered, lambda slot: {"token": "xyzzy-42"})


def _id(platform: Platform) -> str:
    return get_instance(platform, ORGANIZATION, NAME).id
