"""Applying plans: what the platform is afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.apply import Progress, apply
from caseway.platform.audit import list_audit
from caseway.platform.compose import Platform
from caseway.platform.snapshot import current_revision, read_snapshot
from caseway.platform.tables import live_workflows
from caseway.platform.views import get_instance, get_process, list_deployments
from chaos.store_builders import (
    ORGANIZATION,
    Open,
    a_document,
    a_repo,
    a_resource,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    deployed,
    planned,
)

# Nothing fills this in: its deployment fails, which no plan can know.
UNRESOLVED = a_workflow(
    definition=a_document("main", do=[{"say": {"set": {"text": "$[[ params.unknown ]]"}}}])
)


def test_a_repo_becomes_a_running_instance(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))

    view = get_instance(platform, ORGANIZATION, "invoice-dev")
    assert (view.phase, view.version, [item.id for item in view.workflows]) == ("active", "1.0.0", ["main"])


def test_after_applying_there_is_nothing_to_do_even_when_the_store_is_reopened(reopen: Open) -> None:
    repo = a_repo(a_use_case(), an_instance(), connections=(a_resource(url="x"),))
    deployed(reopen(), repo)

    assert planned(reopen(), repo).is_empty


def test_a_changed_use_case_becomes_a_new_template_and_its_followers_run_it(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    deployed(platform, a_repo(a_use_case(title="changed"), an_instance()))

    assert get_instance(platform, ORGANIZATION, "invoice-dev").version == "1.0.1"
    versions = [item.version for item in get_process(platform, ORGANIZATION, "invoice").templates]
    assert versions == ["1.0.1", "1.0.0"]


def test_a_pinned_instance_keeps_its_version_and_shows_the_update(platform: Platform) -> None:
    pinned = an_instance(version="1.0.0")
    deployed(platform, a_repo(a_use_case(), pinned))
    deployed(platform, a_repo(a_use_case(title="changed"), pinned))

    view = get_instance(platform, ORGANIZATION, "invoice-dev")
    assert (view.version, view.update_available, view.pinned) == ("1.0.0", "1.0.1", True)
    assert view.conditions == ("UpdateAvailable",)


def test_a_follower_that_the_repo_took_back_shows_no_update(platform: Platform) -> None:
    first = a_repo(a_use_case(), an_instance())
    deployed(platform, first)
    deployed(platform, a_repo(a_use_case(title="changed"), an_instance()))
    deployed(platform, first)

    view = get_instance(platform, ORGANIZATION, "invoice-dev")
    assert (view.version, view.update_available) == ("1.0.0", "")


def test_the_old_live_workflows_are_retired(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    changed = a_use_case(workflows=[a_workflow(definition=a_document("main", use={}))])
    deployed(platform, a_repo(changed, an_instance()))

    with platform.database.reading() as connection:
        live = connection.execute(sa.select(live_workflows.c.live_id)).scalars().all()
    view = get_instance(platform, ORGANIZATION, "invoice-dev")
    assert live == [item.live_id for item in view.workflows]


def test_a_deployment_has_six_timed_steps(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))

    attempt = list_deployments(platform, ORGANIZATION, "invoice-dev")[0]
    assert [(step.name, step.status) for step in attempt.steps] == [
        (name, "done") for name in ("validate", "resolve", "render", "publish", "switch", "retire")
    ]


def test_a_deployment_says_what_it_runs_on_and_where_it_is_reached(platform: Platform) -> None:
    case = a_use_case(resources={"cpu": 0.5, "memory": "1GB"})
    deployed(platform, a_repo(case, an_instance(resources={"memory": "2GB"})))

    result = list_deployments(platform, ORGANIZATION, "invoice-dev")[0].result
    instance = get_instance(platform, ORGANIZATION, "invoice-dev")
    assert result["resources"] == {"cpu": 0.5, "memory": "2GB"}
    assert result["webhooks"]["main"]["url"] == f"https://caseway.test/hooks/{instance.id}/main"  # type: ignore[index, call-overload]
    assert {"instanceId", "deploymentId", "version", "namespace", "name", "worker", "deployedAt"} <= set(
        result
    )


def test_a_stale_plan_is_refused(platform: Platform) -> None:
    old = planned(platform, a_repo(a_use_case(), an_instance()))
    deployed(platform, a_repo(a_use_case("other")))

    with pytest.raises(CasewayError) as caught:
        apply(platform, old, actor="tests")
    assert caught.value.code == "plan-stale"


def test_a_blocked_plan_is_refused_and_changes_nothing(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(version="1.0.0")))
    blocked = planned(platform, a_repo(a_use_case(version="1.0.0", title="other")))
    before = current_revision(platform.database)

    with pytest.raises(CasewayError) as caught:
        apply(platform, blocked, actor="tests")
    assert caught.value.code == "plan-blocked"
    assert current_revision(platform.database) == before


def test_every_action_can_be_applied_twice(platform: Platform) -> None:
    made = planned(platform, a_repo(a_use_case(), an_instance(), connections=(a_resource(url="x"),)))
    apply(platform, made, actor="tests")
    again = apply(platform, replace(made, revision=current_revision(platform.database)), actor="tests")

    kinds = {item.id: item.status for item in again.results if "deployment" not in item.id}
    assert set(kinds.values()) == {"unchanged"}
    assert again.is_ok
    with platform.database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(live_workflows)).scalar_one() == 1


def test_what_depends_on_a_failed_action_is_skipped_and_the_rest_goes_on(platform: Platform) -> None:
    broken = a_use_case("broken", workflows=[UNRESOLVED])
    repo = a_repo(broken, a_use_case(), an_instance(), an_instance("broken-dev", use_case="broken"))
    report = applied(platform, repo)

    assert [item.id for item in report.failed] == ["deploy-deployment:broken-dev"]
    assert report.failed[0].error_code == "placeholder"
    assert get_instance(platform, ORGANIZATION, "invoice-dev").phase == "active"
    assert get_instance(platform, ORGANIZATION, "broken-dev").phase == "deploy_failed"


def test_a_failed_first_deployment_is_tried_again_by_the_next_apply(platform: Platform) -> None:
    repo = a_repo(a_use_case(), an_instance())
    assert not applied(replace(platform, targets={}), repo).is_ok
    deployed(platform, repo)

    assert get_instance(platform, ORGANIZATION, "invoice-dev").phase == "active"


def test_a_failed_update_leaves_the_old_version_serving(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    report = applied(platform, a_repo(a_use_case(workflows=[UNRESOLVED]), an_instance()))

    view = get_instance(platform, ORGANIZATION, "invoice-dev")
    assert not report.is_ok
    assert (view.phase, view.version) == ("active", "1.0.0")
    assert view.conditions == ("UpdateAvailable", "Degraded")
    assert [item.status for item in list_deployments(platform, ORGANIZATION, "invoice-dev")] == [
        "failed",
        "deployed",
    ]


def test_progress_tells_of_each_action_in_order(platform: Platform) -> None:
    heard: list[Progress] = []
    made = planned(platform, a_repo(a_use_case(), an_instance()))
    apply(platform, made, actor="tests", on_progress=heard.append)

    assert [(item.event, item.action.id) for item in heard] == [
        (event, action.id) for action in made.actions for event in ("started", "finished")
    ]
    assert {item.total for item in heard} == {len(made.actions)}


def test_every_action_is_audited_with_actor_and_commit(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))

    seen = list_audit(platform, ORGANIZATION)
    assert [(item.action, item.kind) for item in reversed(seen)] == [
        ("create", "process"),
        ("create", "template"),
        ("create", "instance"),
        ("deploy", "deployment"),
    ]
    assert {(item.actor, item.commit) for item in seen} == {("tests", "c" * 40)}


def test_publishing_to_prod_switches_dev_off_and_remembers_it(platform: Platform) -> None:
    dev = an_instance()
    deployed(platform, a_repo(a_use_case(), dev))
    prod = an_instance("invoice-prod", stage="prod", version="1.0.0")
    deployed(platform, a_repo(a_use_case(), dev, prod))

    assert get_instance(platform, ORGANIZATION, "invoice-dev").auto_paused_by == "prod"
    assert get_instance(platform, ORGANIZATION, "invoice-dev").phase == "user_paused"
    assert get_instance(platform, ORGANIZATION, "invoice-prod").phase == "active"
    assert get_process(platform, ORGANIZATION, "invoice").published == "1.0.0"


def test_a_second_instance_for_the_same_user_is_refused_in_words(platform: Platform) -> None:
    report = applied(platform, a_repo(a_use_case(), an_instance(), an_instance("again")))

    assert [item.error_code for item in report.failed] == ["one-instance"]


def test_an_organizational_process_has_one_instance_whoever_owns_it(platform: Platform) -> None:
    case = a_use_case(processType="organizational")
    report = applied(platform, a_repo(case, an_instance(), an_instance("again", owner="bob")))

    assert [item.error_code for item in report.failed] == ["one-instance"]


def test_a_personal_process_has_one_instance_for_each_user(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance(), an_instance("again", owner="bob")))

    assert get_instance(platform, ORGANIZATION, "again").phase == "active"


@pytest.mark.parametrize("process_type", ["personal", "organizational"])
def test_a_renamed_instance_takes_the_place_of_the_old_one_in_one_apply(
    platform: Platform, process_type: str
) -> None:
    use_case = a_use_case(processType=process_type)
    deployed(platform, a_repo(use_case, an_instance()))
    renamed = a_repo(use_case, an_instance("renamed"))
    deployed(platform, renamed, prune=True)

    assert get_instance(platform, ORGANIZATION, "renamed").phase == "active"
    assert get_instance(platform, ORGANIZATION, "invoice-dev").phase == "archived"
    assert planned(platform, renamed, prune=True).is_empty


def test_two_instances_that_change_places_do_so_in_one_apply(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance(), an_instance("spare", archived=True)))
    deployed(platform, a_repo(a_use_case(), an_instance(archived=True), an_instance("spare")))

    assert get_instance(platform, ORGANIZATION, "spare").phase == "active"
    assert get_instance(platform, ORGANIZATION, "invoice-dev").phase == "archived"


def test_a_live_workflow_that_was_taken_away_by_hand_is_repaired(platform: Platform) -> None:
    repo = a_repo(a_use_case(), an_instance())
    deployed(platform, repo)
    with platform.database.transaction() as connection:
        connection.execute(sa.delete(live_workflows))
    made = planned(platform, repo)

    assert [action.id for action in made.actions] == ["repair-deployment:invoice-dev"]
    deployed(platform, repo)
    assert planned(platform, repo).is_empty


def test_a_snapshot_is_cut_down_to_one_organization(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    deployed(platform, a_repo(a_use_case(), an_instance(), organization="other"))

    assert set(read_snapshot(platform, "other").instances) == {"invoice-dev"}
    ids = {read_snapshot(platform, name).instances["invoice-dev"].id for name in ("acme", "other")}
    assert len(ids) == 2
