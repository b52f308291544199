"""What the planner decides, one fact each. Whole plans stand in tests/data/plans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from caseway.model.canonical import digest
from caseway.model.desired import Desired, Follows, PrunePolicy, Source, Stage
from caseway.model.errors import CasewayError
from caseway.model.plan import Change, Plan
from caseway.model.snapshot import Snapshot
from caseway.model.states import DeploymentStatus, InstancePhase, TemplateStatus
from caseway.reconcile.choose import choose
from caseway.reconcile.inputs import has_type
from caseway.reconcile.plan import plan
from reconcile.builders import a_desired, a_resource, a_use_case, a_workflow, an_instance, applied, ids
from reconcile.simulate import simulate

V1, V2 = a_use_case(title="one"), a_use_case(title="two")
DEV = an_instance()
PROD = an_instance("invoice-prod", stage="prod", owner="bob")


def an_action(made: Plan, name: str) -> Any:
    """The action of that id."""
    return next(action for action in made.actions if action.id == name)


def test_a_snapshot_of_the_desired_state_needs_no_plan() -> None:
    desired = a_desired(V1, DEV, PROD, connections=(a_resource(),))
    assert plan(desired, applied(desired)).is_empty


def test_every_action_has_the_documented_id() -> None:
    assert ids(plan(a_desired(V1, DEV), Snapshot(0))) == [
        "create-process:invoice",
        "create-template:invoice@1.0.0",
        "create-instance:invoice-dev",
        "deploy-deployment:invoice-dev",
    ]


def test_an_instance_that_comes_with_its_use_case_says_so() -> None:
    made = plan(a_desired(V1, replace(DEV, declared=False)), Snapshot(0))
    create = an_action(made, "create-instance:invoice-dev")
    assert create.reason == "first instance of the use case"
    assert create.payload["declared"] is False


def test_the_payload_of_a_template_holds_all_that_the_platform_keeps() -> None:
    made = plan(a_desired(V2), applied(a_desired(V1)))
    payload = an_action(made, "create-template:invoice@1.0.1").payload
    assert payload["digest"] == digest(payload["body"])
    assert (payload["from"], payload["rule"], payload["bump"]) == ("1.0.0", "content-changed", "patch")
    assert (payload["author"], payload["message"], payload["path"]) == (
        "ann",
        "a change",
        "use-cases/invoice",
    )


@pytest.mark.parametrize(
    ("wanted", "follows", "version"),
    [
        ("1.0.0", Follows.LATEST, "1.0.0"),
        ("^1", Follows.LATEST, "1.1.0"),
        (">=1 <3", Follows.LATEST, "2.0.0"),
        ("*", Follows.LATEST, "1.0.0"),
        ("latest", Follows.LATEST, "1.0.0"),
        ("published", Follows.LATEST, "1.1.0"),
        ("*", Follows.PUBLISHED, "1.1.0"),
        ("2.0.0", Follows.PUBLISHED, "2.0.0"),
        ("^2", Follows.PUBLISHED, None),
        ("^9", Follows.LATEST, None),
    ],
)
def test_an_instance_runs_what_its_version_and_stage_allow(
    wanted: str, follows: Follows, version: str | None
) -> None:
    repo = a_desired(replace(V1, version="1.0.0"))
    state = applied(repo, a_desired(replace(V2, version="1.1.0")), a_desired(a_use_case(version="2.0.0")))
    templates = tuple(
        replace(item, status=TemplateStatus.PUBLISHED) if item.version == "1.1.0" else item
        for item in state.processes["invoice"].templates
    )
    choice = choose(wanted, follows, templates, V1.digest)
    assert (choice.template and choice.template.version) == version
    assert bool(choice.waits) == (version is None)


@pytest.mark.parametrize("version", ["7.7.7", "one"])
def test_a_version_that_is_not_there_or_no_version_blocks(version: str) -> None:
    made = plan(a_desired(V1, replace(DEV, version=version)), Snapshot(0))
    assert len(made.blocked) == 1
    assert f"'{DEV.name}'" in made.blocked[0]
    assert version in made.blocked[0]


def test_an_archived_instance_may_ask_for_a_version_that_is_gone() -> None:
    assert not plan(a_desired(V1, replace(DEV, version="7.7.7", archived=True)), Snapshot(0)).blocked


def test_an_explicit_version_must_be_one() -> None:
    made = plan(a_desired(replace(V1, version="1.2")), Snapshot(0))
    assert "'1.2' is not a version" in made.blocked[0]


def test_a_version_conflict_outside_git_names_the_work_tree() -> None:
    nowhere = Source()
    state = applied(a_desired(replace(V1, version="1.0.0"), source=nowhere))
    made = plan(a_desired(replace(V2, version="1.0.0"), source=nowhere), state)
    assert "made from a work tree outside git, this is the work tree" in made.blocked[0]
    dirty = plan(a_desired(replace(V2, version="1.0.0"), source=Source("2" * 40, dirty=True)), state)
    assert "commit 222222222222 with uncommitted changes" in dirty.blocked[0]


def test_an_explicit_version_below_the_highest_is_said_to_go_back() -> None:
    state = applied(a_desired(replace(V1, version="2.0.0")))
    made = plan(a_desired(replace(V2, version="1.5.0")), state)
    assert made.notices == ("use case 'invoice' goes back to version 1.5.0: there is 2.0.0 already",)


def test_the_same_content_under_another_version_is_the_same_template() -> None:
    made = plan(a_desired(replace(V1, version="3.0.0")), applied(a_desired(V1)))
    assert made.is_empty
    assert "same content, same template" in made.notices[0]


def test_an_instance_of_an_unknown_use_case_or_stage_blocks() -> None:
    made = plan(a_desired(V1, replace(DEV, use_case="gone"), replace(PROD, stage="moon")), Snapshot(0))
    assert "which this project does not have" in made.blocked[0]
    assert "the project's stages are: dev, prod" in made.blocked[1]


@pytest.mark.parametrize(
    ("change", "words"), [({"use_case": "other"}, "is of process"), ({"stage": "prod"}, "is in stage")]
)
def test_an_instance_keeps_its_use_case_and_stage_for_life(change: dict[str, str], words: str) -> None:
    other = a_use_case("other")
    state = applied(a_desired(V1, other, DEV))
    made = plan(a_desired(V1, other, replace(DEV, **change)), state)  # type: ignore[arg-type]
    assert words in made.blocked[0]
    assert "cannot move" in made.blocked[0]


def test_the_name_of_an_instance_that_a_user_installed_is_taken() -> None:
    state = applied(a_desired(V1, DEV))
    by_hand = replace(state.instances[DEV.name], applied={})
    made = plan(a_desired(V1, DEV), replace(state, instances={DEV.name: by_hand}))
    assert "was installed by a user" in made.blocked[0]


def test_a_process_of_nobody_is_taken_too() -> None:
    state = applied(a_desired(V1))
    orphan = replace(state.processes["invoice"], project="")
    made = plan(a_desired(V1), replace(state, processes={"invoice": orphan}))
    assert "belongs to no project" in made.blocked[0]


def test_a_stage_that_is_none_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(CasewayError) as raised:
        plan(a_desired(V1), Snapshot(0), stage="moon")
    assert (raised.value.code, raised.value.hint) == ("unknown-stage", "the project's stages are: dev, prod")


def test_planning_for_one_stage_leaves_the_others_alone() -> None:
    made = plan(a_desired(V1, DEV, PROD), Snapshot(0), stage="dev")
    assert {action.name for action in made.actions} == {"invoice", "invoice@1.0.0", "invoice-dev"}


def test_nothing_is_published_for_a_use_case_that_could_not_be_made() -> None:
    state = applied(a_desired(replace(V1, version="1.0.0"), PROD))
    made = plan(a_desired(replace(V2, version="1.0.0"), PROD), state, stage="prod")
    assert made.blocked
    assert not [action for action in made.actions if action.verb == "publish"]


def test_a_use_case_back_in_the_repo_is_restored() -> None:
    repo = a_desired(V1, DEV)
    gone = applied(repo, a_desired(), prune=True)
    assert gone.processes["invoice"].archived
    made = plan(repo, gone)
    assert an_action(made, "update-process:invoice").reason == "is back in the repo"
    assert an_action(made, "update-instance:invoice-dev").reason == "is back"
    assert not simulate(gone, made).processes["invoice"].archived


def _with_attempt(state: Snapshot, **changes: Any) -> Snapshot:
    """The state in which the deployment of dev became a failed attempt."""
    item = state.instances[DEV.name]
    assert item.current is not None
    failed = replace(item.current, status=DeploymentStatus.FAILED, error="", **changes)
    return replace(state, instances={DEV.name: replace(item, current=None, last=failed)})


def test_a_first_deployment_that_failed_is_tried_again() -> None:
    desired = a_desired(V1, DEV)
    made = plan(desired, _with_attempt(applied(desired)))
    assert an_action(made, "deploy-deployment:invoice-dev").reason == "tried again: the last attempt failed"


def test_what_was_undeployed_by_hand_is_deployed_again() -> None:
    desired = a_desired(V1, DEV)
    state = applied(desired)
    item = state.instances[DEV.name]
    assert item.current is not None
    gone = replace(item, current=None, last=replace(item.current, status=DeploymentStatus.UNDEPLOYED))
    made = plan(desired, replace(state, instances={DEV.name: gone}))
    assert an_action(made, "deploy-deployment:invoice-dev").reason == "not deployed"


def test_an_instance_that_waits_for_a_credential_is_not_deployed_again_and_again() -> None:
    desired = a_desired(V1, DEV)
    state = _with_attempt(applied(desired))
    waiting = replace(state.instances[DEV.name], phase=InstancePhase.MISSING_INTEGRATION)
    made = plan(desired, replace(state, instances={DEV.name: waiting}))
    assert made.is_empty
    assert "waits for a credential" in made.notices[0]


def _after_failed_update(**changes: Any) -> tuple[Desired, Snapshot]:
    after = a_desired(V2, DEV)
    state = applied(a_desired(V1, DEV))
    state = simulate(state, plan(after, state), fails=frozenset({DEV.name}))
    item = state.instances[DEV.name]
    assert item.last is not None
    failed = replace(item, last=replace(item.last, **changes))
    return after, replace(state, instances={DEV.name: failed})


def test_a_failed_update_waits_for_a_person() -> None:
    made = plan(*_after_failed_update(error=""))
    assert made.is_empty
    assert "update to 1.0.1 failed; the version before still serves" in made.notices[0]


def test_an_update_that_was_only_interrupted_is_made_again() -> None:
    assert ids(plan(*_after_failed_update(error_code="interrupted"))) == ["update-deployment:invoice-dev"]


def test_a_failed_update_is_made_again_once_its_inputs_differ() -> None:
    after, state = _after_failed_update()
    changed = a_desired(V2, replace(DEV, parameters={"a": 1}), source=after.source)
    assert "update-deployment:invoice-dev" in ids(plan(changed, state))


def test_drift_of_a_live_workflow_is_left_when_hands_may_change_it() -> None:
    desired = a_desired(V1, DEV)
    state = applied(desired)
    item = state.instances[DEV.name]
    assert item.current is not None
    live = tuple(replace(one, digest="sha256:else") for one in item.current.workflows)
    drifted = replace(
        state, instances={DEV.name: replace(item, current=replace(item.current, workflows=live))}
    )
    made = plan(desired, drifted)
    assert made.actions[0].reason == "drift: workflow 'main' was changed by hand"
    assert plan(replace(desired, ignore=("invoice-*:/workflows/main",)), drifted).is_empty


def _edited(state: Snapshot, **fields: Any) -> Snapshot:
    item = state.instances[DEV.name]
    return replace(
        state, instances={**state.instances, DEV.name: replace(item, desired={**item.desired, **fields})}
    )


@pytest.mark.parametrize(
    ("ignore", "by_hand", "changed"),
    [
        ("invoice-dev:/resources", {"resources": {"cpu": 2}}, []),
        ("invoice-dev:/resources/cpu", {"resources": {"cpu": 2}}, []),
        ("invoice-dev:/parameters/deep/x", {"parameters": {"deep": {"x": 2}}}, []),
        ("invoice-dev:/resources/memory", {"resources": {"cpu": 2}}, ["/resources/cpu"]),
        ("other:/resources", {"resources": {"cpu": 2}}, ["/resources"]),
        ("invoice-dev:/nonsense", {"resources": {"cpu": 2}}, ["/resources/cpu"]),
        ("invoice-dev:", {"resources": {"cpu": 2}}, ["/resources/cpu"]),
    ],
)
def test_hands_may_change_what_is_ignored(ignore: str, by_hand: dict[str, Any], changed: list[str]) -> None:
    desired = a_desired(V1, DEV, ignore=(ignore,))
    made = plan(desired, _edited(applied(desired), **by_hand))
    updates = [action for action in made.actions if action.verb == "update" and action.kind == "instance"]
    found = [change.path for action in updates for change in action.changes]
    assert bool(found) == bool(changed)


def test_an_ignored_field_that_hands_took_away_stays_away() -> None:
    desired = a_desired(V1, replace(DEV, parameters={"a": 1}), ignore=("*:/parameters/a",))
    made = plan(desired, _edited(applied(desired), parameters={}))
    assert not [action for action in made.actions if action.kind == "instance"]


def test_an_ignored_path_through_something_else_is_no_path() -> None:
    desired = a_desired(V1, replace(DEV, parameters={"a": 1}), ignore=("*:/parameters/a/b",))
    assert plan(desired, applied(desired)).is_empty


def test_a_change_in_the_repo_beside_one_by_hand_is_told_as_both() -> None:
    state = _edited(applied(a_desired(V1, DEV)), parameters={"a": 2})
    made = plan(a_desired(V1, replace(DEV, resources={"cpu": 1})), state)
    assert made.actions[0].reason == "changed in the repo, and by hand"


def _by_hand(state: Snapshot, **changes: Any) -> Snapshot:
    mine = replace(state.instances[DEV.name], name="mine", id="mine", applied={}, project="", **changes)
    return replace(state, instances={**state.instances, "mine": mine})


def test_what_a_user_installed_gets_the_new_version_its_range_allows() -> None:
    made = plan(a_desired(V2, DEV), _by_hand(applied(a_desired(V1, DEV))))
    assert "update-deployment:mine" in ids(made)


@pytest.mark.parametrize("change", [{"desired": {"version": "1.0.0"}}, {"current": None}])
def test_what_a_user_pinned_or_never_deployed_is_left_alone(change: dict[str, Any]) -> None:
    made = plan(a_desired(V2, DEV), _by_hand(applied(a_desired(V1, DEV)), **change))
    assert "mine" not in {action.name for action in made.actions}


def test_what_a_user_installed_waits_when_its_parameters_do_not_suit_the_new_version() -> None:
    strict = a_use_case(parameters={"properties": {"a": {"type": "number"}, "b": {}}, "required": ["b"]})
    state = _by_hand(applied(a_desired(V1, DEV)), desired={"parameters": {"a": "text", "b": 1}})
    made = plan(a_desired(strict, DEV), state)
    assert "mine: update available, 1.0.0 → 2.0.0, but parameter 'a' has the wrong type" in made.notices
    state = _by_hand(applied(a_desired(V1, DEV)), desired={"parameters": {}})
    assert "parameter 'b' is required and has no value" in plan(a_desired(strict, DEV), state).notices[-1]


def test_a_failed_update_of_what_a_user_installed_is_told() -> None:
    state = _by_hand(applied(a_desired(V1, DEV)))
    after = a_desired(V2, DEV)
    state = simulate(state, plan(after, state), fails=frozenset({"mine"}))
    made = plan(after, state)
    assert made.is_empty
    assert made.notices[0].startswith("mine: update to 1.0.1 failed")


def test_a_running_stage_that_a_user_installed_keeps_ours_waiting() -> None:
    state = applied(a_desired(V1, DEV))
    mine = replace(state.instances[DEV.name], name="mine", id="mine", applied={}, project="")
    state = replace(state, instances={"mine": mine})
    made = plan(a_desired(V1, an_instance("ours", stage="prod", version="1.0.0")), state)
    deploy = an_action(made, "deploy-deployment:ours")
    assert deploy.warning == "stays paused: dev is active"
    assert an_action(made, "pause-instance:ours").reason == "dev is active"


def test_owners_that_change_places_are_to_do_so_in_two_steps() -> None:
    dev, prod = DEV, replace(PROD, version="1.0.0")
    state = applied(a_desired(V1, dev, prod))
    made = plan(a_desired(V1, replace(dev, owner="bob"), replace(prod, owner="ann")), state)
    assert len([words for words in made.blocked if "two steps" in words]) == 2


def test_a_warning_names_what_a_new_version_makes_of_the_parameters() -> None:
    before = a_use_case(parameters={"properties": {"a": {"type": "number"}, "b": {"type": "number"}}})
    after = a_use_case(parameters={"properties": {"a": {"type": "string"}, "c": {}}, "required": ["c"]})
    installed = replace(DEV, parameters={"a": 1, "b": 2})
    made = plan(a_desired(after, installed), applied(a_desired(before, installed)))
    assert an_action(made, "update-deployment:invoice-dev").warning == (
        "parameter 'a' has the wrong type; parameter 'c' is required and has no value; "
        "parameter 'b' is no longer declared: its value is ignored"
    )


def test_a_stored_credential_is_not_warned_of() -> None:
    needing = a_use_case(credentials={"erp": {"type": "bearer", "required": True}, "x": {"required": False}})
    bound = replace(DEV, credentials={"erp": "acme"})
    stored = Snapshot(0, credentials=frozenset({"organization/acme"}))
    assert an_action(plan(a_desired(needing, bound), stored), "deploy-deployment:invoice-dev").warning == ""


@pytest.mark.parametrize(
    ("value", "declared", "fits"),
    [
        (1, "number", True),
        (1.0, "integer", True),
        (1.5, "integer", False),
        (True, "number", False),
        (True, "boolean", True),
        (None, ["string", "null"], True),
        ([1], "array", True),
        ({}, "array", False),
        ("$[[ params.x ]]", "number", True),
        ("text", None, True),
        ("text", "unheard-of", True),
    ],
)
def test_a_value_has_its_type_or_not(value: Any, declared: Any, fits: bool) -> None:
    assert has_type(value, declared) is fits


def test_a_mass_delete_goes_through_when_allowed() -> None:
    state = applied(a_desired(*(a_use_case(f"c{number}") for number in range(9))))
    assert plan(a_desired(), state, prune=True).blocked
    assert not plan(a_desired(), state, prune=True, allow_mass_delete=True).blocked


def test_a_tenth_of_what_there_is_may_go_without_asking() -> None:
    cases = [a_use_case(f"c{number}") for number in range(60)]
    state = applied(a_desired(*cases))
    assert not plan(a_desired(*cases[6:]), state, prune=True).blocked
    assert plan(a_desired(*cases[7:]), state, prune=True).blocked


def test_one_orphan_is_told_in_the_singular() -> None:
    made = plan(a_desired(), applied(a_desired(V1)))
    assert made.notices == ("no longer in the repo, left alone: process invoice; --prune would archive it",)


def test_a_process_that_others_use_is_kept() -> None:
    state = _by_hand(applied(a_desired(V1, DEV)))
    made = plan(a_desired(prune=PrunePolicy.DELETE), state, prune=True)
    assert "delete-instance:invoice-dev" in ids(made)
    assert "delete-process:invoice" not in ids(made)


def test_a_connection_is_kept_while_a_template_names_it() -> None:
    used = a_use_case(connections=["db"])
    state = applied(a_desired(used, DEV, connections=(a_resource("db"), a_resource("idle"))))
    made = plan(a_desired(used, DEV), state, prune=True)
    assert ids(made) == ["delete-connection:idle"]


def test_undeploying_follows_archiving_in_the_repo() -> None:
    state = applied(a_desired(V1, DEV))
    made = plan(a_desired(V1, replace(DEV, archived=True)), state)
    assert ids(made) == ["update-instance:invoice-dev", "undeploy-deployment:invoice-dev"]


def test_two_published_templates_left_by_a_crash_become_one() -> None:
    pinned = replace(PROD, version="1.0.1")
    state = applied(a_desired(V1, PROD), a_desired(V2, pinned))
    process = state.processes["invoice"]
    both = tuple(replace(item, status=TemplateStatus.PUBLISHED) for item in process.templates)
    state = replace(state, processes={"invoice": replace(process, templates=both)})
    assert ids(plan(a_desired(V2, pinned), state)) == ["deprecate-template:invoice@1.0.0"]


def test_a_pin_below_what_is_published_does_not_take_it_down() -> None:
    state = applied(a_desired(V1), a_desired(V2, PROD), stage="prod")
    made = plan(a_desired(V2, PROD, replace(PROD, name="second", owner="eve", version="1.0.0")), state)
    assert not [action for action in made.actions if action.kind == "template"]


def test_a_stage_that_publishes_skips_what_no_instance_there_asks_for() -> None:
    made = plan(a_desired(V1, DEV), Snapshot(0), stage="prod")
    assert ids(made) == ["create-process:invoice", "create-template:invoice@1.0.0"]


def test_an_instance_of_a_process_that_left_the_repo_is_blocked_and_not_crashed_on() -> None:
    state = _by_hand(applied(a_desired(V1, DEV)))
    assert plan(a_desired(), state).is_empty


def test_a_project_without_stages_blocks_its_instances() -> None:
    made = plan(a_desired(V1, DEV, stages=()), Snapshot(0))
    assert made.blocked
    with pytest.raises(CasewayError) as raised:
        plan(a_desired(V1, stages=()), Snapshot(0), stage="dev")
    assert raised.value.hint.endswith("none")


def test_the_last_stage_that_gets_something_to_run_wins() -> None:
    stages = (Stage("dev"), Stage("test"), Stage("prod"))
    many = [an_instance(f"i-{stage.name}", stage=stage.name) for stage in stages]
    made = plan(a_desired(V1, *many, stages=stages), Snapshot(0))
    assert {action.name for action in made.actions if action.verb == "pause"} == {"i-dev", "i-test"}


def test_when_the_active_stage_leaves_the_one_it_paused_comes_back() -> None:
    prod = replace(PROD, owner="ann", version="1.0.0")
    state = applied(a_desired(V1, DEV, prod))
    assert state.instances[DEV.name].auto_paused_by == "prod"
    made = plan(a_desired(V1, DEV, replace(prod, enabled=False)), state)
    assert ids(made) == ["update-instance:invoice-prod", "resume-instance:invoice-dev"]


def test_pruning_the_active_stage_pauses_it_before_the_other_comes_back() -> None:
    prod = replace(PROD, owner="ann", version="1.0.0")
    state = applied(a_desired(V1, DEV, prod))
    assert ids(plan(a_desired(V1, DEV), state, prune=True)) == [
        "pause-instance:invoice-prod",
        "resume-instance:invoice-dev",
        "undeploy-deployment:invoice-prod",
        "archive-instance:invoice-prod",
    ]


def test_a_schedule_change_is_shown_field_by_field() -> None:
    nightly = {"id": "nightly", "type": "schedule", "cron": "0 2 * * *"}
    before = a_use_case(workflows=[a_workflow(triggers=[nightly])])
    after = a_use_case(workflows=[a_workflow(triggers=[{**nightly, "cron": "0 3 * * *"}])])
    made = plan(a_desired(after), applied(a_desired(before)))
    assert made.actions[0].changes == (
        Change("/workflows/main/triggers/nightly/cron", "0 2 * * *", "0 3 * * *"),
    )


def test_a_process_turns_exclusive_only_after_both_its_stages_were_switched_off() -> None:
    both = (DEV, replace(PROD, owner="ann", version="1.0.0"))
    state = applied(a_desired(replace(V1, exclusive=False), *both))
    made = plan(a_desired(V1, *(replace(item, enabled=False) for item in both)), state)
    assert ids(made)[-1] == "update-process:invoice"
    made = plan(a_desired(V1), state, prune=True)
    assert ids(made)[-1] == "update-process:invoice"


def test_without_anything_to_run_nobody_is_switched() -> None:
    later = replace(PROD, owner="ann")
    made = plan(a_desired(V1, replace(DEV, version="^9"), later), Snapshot(0))
    assert not [action for action in made.actions if action.verb in {"pause", "resume"}]


def test_the_stage_that_a_user_had_paused_stays_so_when_only_it_could_run() -> None:
    state = applied(a_desired(V1, DEV))
    mine = replace(state.instances[DEV.name], name="mine", applied={}, project="", auto_paused_by="prod")
    made = plan(a_desired(V1), replace(state, instances={"mine": mine}))
    assert made.is_empty


def test_while_an_instance_waits_for_a_credential_the_stage_that_can_run_is_active() -> None:
    prod = replace(PROD, owner="ann", version="1.0.0")
    desired = a_desired(V1, DEV, prod)
    state = applied(desired)
    item = state.instances[prod.name]
    assert item.current is not None
    failed = replace(item.current, status=DeploymentStatus.FAILED, error_code="missing-integration")
    waiting = replace(item, current=None, last=failed)
    waits = replace(state, instances={**state.instances, prod.name: waiting})
    made = plan(desired, waits)
    assert ids(made) == ["resume-instance:invoice-dev"]
    assert plan(desired, simulate(waits, made)).is_empty


def test_an_update_that_no_range_or_stage_lets_in_is_told_with_its_reason() -> None:
    narrow, published = replace(DEV, version="~1.0.0"), replace(PROD, version="published")
    state = applied(a_desired(V1, narrow, replace(PROD, version="1.0.0")))
    made = plan(a_desired(replace(V2, version="1.1.0"), narrow, published), state)
    assert made.notices == (
        "invoice-dev: update available, 1.0.0 → 1.1.0 (not in ~1.0.0)",
        "invoice-prod: update available, 1.0.0 → 1.1.0 (not published)",
    )


def test_a_changed_runtime_is_named_as_the_reason_for_deploying_again() -> None:
    used = a_use_case(runtime="python")
    before = a_desired(used, DEV, runtimes=(a_resource("python", image="a"),))
    made = plan(replace(before, runtimes=(a_resource("python", image="b"),)), applied(before))
    assert an_action(made, "update-deployment:invoice-dev").reason == "runtime 'python' changed"


def test_the_policy_to_keep_prunes_nothing_and_says_nothing() -> None:
    made = plan(a_desired(prune=PrunePolicy.KEEP), applied(a_desired(V1, DEV)), prune=True)
    assert (made.actions, made.notices) == ((), ())


def test_what_was_never_deployed_is_pruned_without_undeploying() -> None:
    state = applied(a_desired(V1, replace(DEV, enabled=False)))
    assert ids(plan(a_desired(V1), state, prune=True)) == ["archive-instance:invoice-dev"]


def test_a_blocked_use_case_gives_its_new_instance_nothing_to_run() -> None:
    state = applied(a_desired(replace(V1, version="1.0.0")))
    made = plan(a_desired(replace(V2, version="1.0.0"), DEV), state)
    assert ids(made) == ["create-instance:invoice-dev"]


def test_a_range_with_nothing_in_it_is_told() -> None:
    made = plan(a_desired(V1, replace(DEV, version="^9")), Snapshot(0))
    assert made.notices == (
        "invoice-dev: not deployed, for no version is in ^9; publish a version, or name one",
    )


def test_what_is_published_may_lie_outside_the_range() -> None:
    state = applied(a_desired(V1, PROD), stage="prod")
    made = plan(a_desired(V1, replace(PROD, name="other", owner="eve", version="^2")), state)
    assert "what is published is not in ^2" in made.notices[0]


def test_the_planner_sees_a_repair_as_no_claim_to_be_active() -> None:
    desired = a_desired(V1, DEV, replace(PROD, owner="ann", version="1.0.0"))
    state = applied(desired)
    item = state.instances[DEV.name]
    assert item.current is not None
    live = tuple(replace(one, digest="") for one in item.current.workflows)
    drifted = replace(item, current=replace(item.current, workflows=live))
    made = plan(desired, replace(state, instances={**state.instances, DEV.name: drifted}))
    assert ids(made) == ["repair-deployment:invoice-dev"]


def test_enabling_a_stage_makes_it_the_active_one() -> None:
    prod = replace(PROD, owner="ann", version="1.0.0")
    first, then = a_desired(V1, DEV, prod), a_desired(V1, DEV, replace(prod, enabled=False))
    state = applied(first, then)
    made = plan(first, state)
    assert ids(made) == ["pause-instance:invoice-dev", "update-instance:invoice-prod"]
