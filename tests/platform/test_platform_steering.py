"""Steering instances and processes by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import executions, installing, instances, processes
from caseway.platform.audit import list_audit
from caseway.platform.compose import Platform
from caseway.platform.tables import definitions, live_workflows
from caseway.platform.tables import instances as instance_table
from caseway.platform.views import (
    get_instance,
    get_process,
    list_deployments,
    list_instances,
    list_processes,
)
from chaos.store_builders import (
    ORGANIZATION,
    a_document,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
    planned,
)

LIMIT = {"type": "object", "properties": {"limit": {"type": "integer", "default": 10}}}
NAME = "invoice-dev"


def with_limit(**schema: Any) -> Any:
    """A use case with a parameter that its workflow uses."""
    document = a_document("main", do=[{"say": {"set": {"limit": "$[[ params.limit ]]"}}}])
    return a_use_case(parameters=schema or LIMIT, workflows=[a_workflow(definition=document)])


def document_of(platform: Platform) -> Any:
    """What the instance really runs."""
    new = executions.create(platform, executions.NewExecution(ORGANIZATION, NAME))
    held = executions.claim(platform, new, worker="tests")
    assert held is not None
    return held.document


@pytest.fixture
def two_versions(platform: Platform) -> Platform:
    """An instance that went from 1.0.0 to 1.0.1."""
    deployed(platform, a_repo(a_use_case(), an_instance()))
    deployed(platform, a_repo(a_use_case(title="changed"), an_instance()))
    return platform


def test_pausing_keeps_everything_and_answers_no_triggers(two_versions: Platform) -> None:
    view = instances.pause(two_versions, ORGANIZATION, NAME, actor="ann")

    assert (view.phase, view.version, view.workflows[0].active) == ("user_paused", "1.0.1", False)
    with pytest.raises(CasewayError) as caught:
        executions.create(two_versions, executions.NewExecution(ORGANIZATION, NAME))
    assert caught.value.code == "not-active"


def test_resuming_answers_triggers_again(two_versions: Platform) -> None:
    instances.pause(two_versions, ORGANIZATION, NAME, actor="ann")
    view = instances.resume(two_versions, ORGANIZATION, NAME, actor="ann")

    assert (view.phase, view.workflows[0].active) == ("active", True)


def test_what_hands_changed_is_drift_that_the_next_apply_repairs(platform: Platform) -> None:
    repo = a_repo(a_use_case(), an_instance())
    deployed(platform, repo)
    instances.pause(platform, ORGANIZATION, NAME, actor="ann")

    assert [action.reason for action in planned(platform, repo).actions] == ["drift: changed by hand"]
    deployed(platform, repo)
    assert get_instance(platform, ORGANIZATION, NAME).phase == "active"


def test_an_archived_instance_is_hidden_and_comes_back(two_versions: Platform) -> None:
    instances.archive(two_versions, ORGANIZATION, NAME, actor="ann")
    assert list_instances(two_versions, ORGANIZATION) == []
    assert [item.phase for item in list_instances(two_versions, ORGANIZATION, archived=True)] == ["archived"]

    assert instances.restore(two_versions, ORGANIZATION, NAME, actor="ann").phase == "active"


@pytest.mark.parametrize("step", [instances.pause, instances.resume])
def test_an_archived_instance_can_only_be_restored(two_versions: Platform, step: Callable[..., Any]) -> None:
    instances.archive(two_versions, ORGANIZATION, NAME, actor="ann")

    with pytest.raises(CasewayError) as caught:
        step(two_versions, ORGANIZATION, NAME, actor="ann")
    assert caught.value.code == "illegal-transition"


def test_rolling_back_runs_the_version_before_and_stays_there(two_versions: Platform) -> None:
    attempt = instances.rollback(two_versions, ORGANIZATION, NAME, actor="ann")

    view = get_instance(two_versions, ORGANIZATION, NAME)
    assert (attempt.version, view.version, view.pinned) == ("1.0.0", "1.0.0", True)
    assert view.update_available == "1.0.1"


def test_there_is_nothing_to_roll_back_to_after_the_first_deployment(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))

    with pytest.raises(CasewayError) as caught:
        instances.rollback(platform, ORGANIZATION, NAME, actor="ann")
    assert caught.value.code == "not-found"


def test_deploying_a_version_that_does_not_exist_changes_nothing(two_versions: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        instances.deploy(two_versions, ORGANIZATION, NAME, "9.9.9", actor="ann")
    assert caught.value.code == "not-found"
    assert len(list_deployments(two_versions, ORGANIZATION, NAME)) == 2


def test_new_parameters_are_deployed_without_a_new_template(platform: Platform) -> None:
    deployed(platform, a_repo(with_limit(), an_instance()))
    attempt = instances.update(platform, ORGANIZATION, NAME, parameters={"limit": 5}, actor="ann")

    assert attempt is not None and (attempt.version, attempt.reason) == ("1.0.0", "update")
    assert document_of(platform)["do"][0]["say"]["set"] == {"limit": 5}


def test_a_change_that_cannot_be_deployed_is_taken_back(platform: Platform) -> None:
    deployed(platform, a_repo(with_limit(), an_instance()))

    with pytest.raises(CasewayError) as caught:
        instances.update(platform, ORGANIZATION, NAME, parameters={"limit": "many"}, actor="ann")
    assert caught.value.code == "parameter-invalid"
    assert get_instance(platform, ORGANIZATION, NAME).parameters == {}


def test_parameters_keep_their_values_across_versions(platform: Platform) -> None:
    deployed(platform, a_repo(with_limit(), an_instance(parameters={"limit": 7})))
    wider = {"type": "object", "properties": {**LIMIT["properties"], "more": {"default": 1}}}  # type: ignore[dict-item]
    deployed(platform, a_repo(with_limit(**wider), an_instance(parameters={"limit": 7})))

    assert document_of(platform)["do"][0]["say"]["set"] == {"limit": 7}


def test_a_parameter_that_is_gone_is_ignored_with_a_warning(platform: Platform) -> None:
    deployed(platform, a_repo(with_limit(), an_instance(parameters={"limit": 7, "old": 1})))

    warnings = list_deployments(platform, ORGANIZATION, NAME)[0].warnings
    assert warnings == ("parameter 'old' is no longer declared: its value is ignored",)


def test_undeploying_leaves_definition_and_history(two_versions: Platform) -> None:
    view = instances.undeploy(two_versions, ORGANIZATION, NAME, actor="ann")

    assert (view.phase, view.version, view.workflows) == ("user_paused", "", ())
    assert [item.status for item in list_deployments(two_versions, ORGANIZATION, NAME)] == [
        "undeployed",
        "superseded",
    ]
    with two_versions.database.reading() as connection:
        assert connection.execute(sa.select(live_workflows)).all() == []


def test_an_undeployed_instance_is_deployed_again_by_the_next_apply(two_versions: Platform) -> None:
    instances.undeploy(two_versions, ORGANIZATION, NAME, actor="ann")
    deployed(two_versions, a_repo(a_use_case(title="changed"), an_instance()))

    assert get_instance(two_versions, ORGANIZATION, NAME).phase == "active"


def test_a_deleted_instance_can_be_restored(two_versions: Platform) -> None:
    instances.delete(two_versions, ORGANIZATION, NAME, actor="ann")
    with pytest.raises(CasewayError, match="no instance"):
        get_instance(two_versions, ORGANIZATION, NAME)

    instances.restore(two_versions, ORGANIZATION, NAME, actor="ann")
    assert instances.deploy(two_versions, ORGANIZATION, NAME, actor="ann").version == "1.0.1"


def test_the_name_of_a_deleted_instance_is_free(two_versions: Platform) -> None:
    first = get_instance(two_versions, ORGANIZATION, NAME).id
    instances.delete(two_versions, ORGANIZATION, NAME, actor="ann")
    deployed(two_versions, a_repo(a_use_case(title="changed"), an_instance()))

    assert get_instance(two_versions, ORGANIZATION, NAME).id != first


def test_purging_wants_the_name_and_leaves_nothing(two_versions: Platform) -> None:
    executions.create(two_versions, executions.NewExecution(ORGANIZATION, NAME))
    with pytest.raises(CasewayError) as caught:
        instances.purge(two_versions, ORGANIZATION, NAME, confirm="", actor="ann")
    assert caught.value.code == "confirm"

    gone = instances.purge(two_versions, ORGANIZATION, NAME, confirm=NAME, actor="ann")
    assert gone == {"executions": 1}
    with two_versions.database.reading() as connection:
        assert connection.execute(sa.select(instance_table)).all() == []
        assert connection.execute(sa.select(definitions)).all() == []


def test_a_clone_keeps_parameters_and_nothing_personal(platform: Platform) -> None:
    dev = an_instance(parameters={"limit": 3}, credentials={"erp": "mine"}, sharing={"mode": "everyone"})
    deployed(platform, a_repo(with_limit(), dev))
    copy = installing.clone(platform, ORGANIZATION, NAME, "copy", owner="bob", actor="ann")

    assert (copy.owner, copy.parameters, copy.credentials, copy.sharing) == ("bob", {"limit": 3}, {}, {})
    assert (copy.version, copy.project) == ("", "")


def test_sharing_takes_only_known_modes_and_roles(two_versions: Platform) -> None:
    sharing = {"mode": "users", "users": [{"user": "bob", "role": "operator"}]}
    view = instances.share(two_versions, ORGANIZATION, NAME, sharing, actor="ann")
    assert view.sharing == sharing

    with pytest.raises(CasewayError) as caught:
        instances.share(two_versions, ORGANIZATION, NAME, {"mode": "whoever"}, actor="ann")
    assert caught.value.code == "sharing"


def test_promoting_installs_in_the_stage_and_switches_the_other_off(two_versions: Platform) -> None:
    view = processes.promote(two_versions, ORGANIZATION, "invoice", "prod", "1.0.0", actor="ann")

    assert (view.name, view.version, view.phase, view.owner) == ("invoice-prod", "1.0.0", "active", "ann")
    assert get_instance(two_versions, ORGANIZATION, NAME).auto_paused_by == "prod"
    assert get_process(two_versions, ORGANIZATION, "invoice").published == "1.0.0"


def test_deploying_dev_by_hand_switches_prod_off(two_versions: Platform) -> None:
    processes.promote(two_versions, ORGANIZATION, "invoice", "prod", actor="ann")
    instances.deploy(two_versions, ORGANIZATION, NAME, actor="ann")

    assert get_instance(two_versions, ORGANIZATION, NAME).phase == "active"
    assert get_instance(two_versions, ORGANIZATION, "invoice-prod").auto_paused_by == "dev"


def test_what_was_switched_off_comes_back_when_the_winner_goes(two_versions: Platform) -> None:
    processes.promote(two_versions, ORGANIZATION, "invoice", "prod", actor="ann")
    instances.archive(two_versions, ORGANIZATION, "invoice-prod", actor="ann")

    assert get_instance(two_versions, ORGANIZATION, NAME).phase == "active"


def test_publishing_deprecates_what_was_published_and_a_rollback_publishes_it_again(
    two_versions: Platform,
) -> None:
    for version in ("1.0.0", "1.0.1", "1.0.0"):
        processes.publish(two_versions, ORGANIZATION, "invoice", version, actor="ann")
        assert get_process(two_versions, ORGANIZATION, "invoice").published == version
    statuses = {
        item.version: item.status for item in get_process(two_versions, ORGANIZATION, "invoice").templates
    }
    assert statuses == {"1.0.0": "published", "1.0.1": "deprecated"}


def test_what_was_never_published_cannot_be_deprecated(two_versions: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        processes.deprecate(two_versions, ORGANIZATION, "invoice", "1.0.0", actor="ann")
    assert caught.value.code == "illegal-transition"


def test_a_cloned_process_is_a_private_draft_with_the_same_content(two_versions: Platform) -> None:
    copy = processes.clone(two_versions, ORGANIZATION, "invoice", "mine", owner="bob", actor="ann")

    source = get_process(two_versions, ORGANIZATION, "invoice")
    assert copy.templates[0].digest == source.templates[0].digest
    assert (copy.instances, copy.published, copy.listing["tags"]) == (0, "", ["finance"])
    installed = installing.install(
        two_versions, ORGANIZATION, "mine-dev", "mine", stage="dev", owner="bob", actor="ann"
    )
    assert installed.phase == "active"


def test_only_starters_can_be_started_from(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), a_use_case("begin", starter=True)))

    assert [item.name for item in processes.starters(platform, ORGANIZATION)] == ["begin"]
    processes.create_from(platform, ORGANIZATION, "begin", "mine", owner="bob", actor="ann")
    with pytest.raises(CasewayError) as caught:
        processes.create_from(platform, ORGANIZATION, "invoice", "other", owner="bob", actor="ann")
    assert caught.value.code == "not-a-starter"


def test_a_process_with_instances_is_not_deleted(two_versions: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        processes.delete(two_versions, ORGANIZATION, "invoice", actor="ann")
    assert caught.value.code == "in-use"
    instances.delete(two_versions, ORGANIZATION, NAME, actor="ann")
    processes.delete(two_versions, ORGANIZATION, "invoice", actor="ann")
    assert list_processes(two_versions, ORGANIZATION) == []


def test_processes_are_found_by_name_title_and_tag(two_versions: Platform) -> None:
    for word, count in (("INVO", 1), ("finance", 1), ("changed", 0), ("nothing", 0)):
        assert len(list_processes(two_versions, ORGANIZATION, search=word)) == count


def test_every_step_by_hand_is_audited(two_versions: Platform) -> None:
    instances.pause(two_versions, ORGANIZATION, NAME, actor="ann")
    instances.resume(two_versions, ORGANIZATION, NAME, actor="bob")

    seen = list_audit(two_versions, ORGANIZATION, name=NAME, limit=2)
    assert [(item.actor, item.action, item.after) for item in seen] == [
        ("bob", "resume", {"enabled": True}),
        ("ann", "pause", {"enabled": False}),
    ]
