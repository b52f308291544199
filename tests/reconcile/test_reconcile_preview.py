"""What a change touches, and the laws of the preview it becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.model.desired import Desired, PreviewPolicy, UseCase
from caseway.model.plan import Kind, Verb
from caseway.model.snapshot import Snapshot
from caseway.reconcile.plan import plan
from caseway.reconcile.preview import changed_here, prospect, touched, with_callees
from caseway.reconcile.uncommitted import only, switched_off, tried_in
from reconcile.builders import (
    a_body,
    a_desired,
    a_resource,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
)

NAMES = ("alpha", "beta", "gamma", "delta")


def calling(name: str, *callees: str, **content: Any) -> UseCase:
    """A use case whose workflow runs those of `callees`."""
    head = {"namespace": "acme", "name": name, "version": "1.0.0"}
    tasks = [{f"to-{each}": {"run": {"workflow": {"namespace": "acme", "name": each}}}} for each in callees]
    definition = {"document": head, "do": [{"loop": {"for": {}, "do": tasks}}]}
    return a_use_case(name, body=a_body(workflows=[a_workflow(definition=definition)], **content))


def test_a_changed_use_case_is_touched_and_no_other() -> None:
    base = a_desired(a_use_case("alpha"), a_use_case("beta"))
    head = a_desired(a_use_case("alpha", title="changed"), a_use_case("beta"))
    assert touched(base, head) == {"alpha"}


def test_what_the_catalogue_shows_touches_nothing() -> None:
    base = a_desired(a_use_case("alpha"))
    head = a_desired(a_use_case("alpha", listing={"visibility": "public"}))
    assert touched(base, head) == set()


def test_a_changed_runtime_or_connection_touches_its_users() -> None:
    users = (a_use_case("alpha", runtime="py"), a_use_case("beta", connections=["db"]), a_use_case("gamma"))
    base = a_desired(*users, runtimes=(a_resource("py"),), connections=(a_resource("db", url="a"),))
    assert touched(base, replace(base, runtimes=(a_resource("py", image="new"),))) == {"alpha"}
    assert touched(base, replace(base, connections=(a_resource("db", url="b"),))) == {"beta"}


def test_a_changed_sub_workflow_touches_its_callers_and_theirs() -> None:
    base = a_desired(calling("alpha", "beta"), calling("beta", "gamma"), calling("gamma"), calling("delta"))
    head = replace(
        base, use_cases=(*base.use_cases[:2], calling("gamma", title="changed"), base.use_cases[3])
    )
    assert touched(base, head) == {"alpha", "beta", "gamma"}


def test_an_instance_that_changed_touches_its_use_case() -> None:
    base = a_desired(a_use_case("invoice"), an_instance(), a_use_case("beta"))
    head = replace(base, instances=(an_instance(parameters={"limit": 2}),))
    assert touched(base, head) == {"invoice"}


def test_a_credential_of_another_type_touches_its_use_case() -> None:
    base = a_desired(a_use_case("alpha", credentials={"erp": {"type": "custom"}}))
    assert touched(base, a_desired(a_use_case("alpha", credentials={"erp": {"type": "oauth2"}}))) == {"alpha"}


def test_what_is_called_comes_along() -> None:
    head = a_desired(calling("alpha", "beta"), calling("beta", "gamma"), calling("gamma"), calling("delta"))
    assert with_callees({"alpha"}, head) == {"alpha", "beta", "gamma"}
    assert with_callees({"delta", "unknown"}, head) == {"delta"}


def test_the_version_is_that_of_the_merge_and_why() -> None:
    actual = applied(a_desired(a_use_case("alpha")))
    head = a_desired(a_use_case("alpha", parameters={"type": "object", "properties": {"x": {}}}))
    found = prospect(head, {"alpha"}, actual, "pr-1")
    merged = plan(head, actual)
    [made] = [item for item in merged.actions if item.kind is Kind.TEMPLATE]
    assert [(item.version, item.is_new, item.reason) for item in found.expected] == [
        (made.payload["version"], True, made.reason)
    ]
    assert [item.version for item in found.desired.use_cases] == [made.payload["version"]]


def test_a_version_conflict_of_the_merge_blocks_the_preview() -> None:
    actual = applied(a_desired(a_use_case("alpha", version="1.0.0")))
    head = a_desired(a_use_case("alpha", version="1.0.0", title="changed"))
    assert "version 1.0.0 exists already" in prospect(head, {"alpha"}, actual, "pr-1").blocked[0]


def test_what_of_a_stage_comes_along_is_the_earliest_one() -> None:
    head = a_desired(
        a_use_case(),
        an_instance("invoice-prod", stage="prod", version="1.0.0", parameters={"limit": 9}),
        an_instance("invoice-dev", enabled=False, parameters={"limit": 1}),
    )
    [made] = prospect(head, {"invoice"}, Snapshot(revision=0), "pr-1").desired.instances
    assert (made.name, made.stage, made.version, made.enabled) == ("invoice-dev--pr-1", "pr-1", "*", True)
    assert made.parameters == {"limit": 1}


@st.composite
def repos(draw: st.DrawFn) -> Desired:
    """Use cases that call each other, with runtimes and connections."""
    made = [
        calling(
            name,
            *draw(st.sets(st.sampled_from(NAMES), max_size=2)),
            title=draw(st.sampled_from(("one", "two"))),
            connections=draw(st.sampled_from(([], ["db"]))),
            runtime=draw(st.sampled_from(("py", "node"))),
        )
        for name in draw(st.sets(st.sampled_from(NAMES), min_size=1))
    ]
    instances = [
        an_instance(f"{item.name}-{stage}", use_case=item.name, stage=stage)
        for item in made
        for stage in draw(st.sets(st.sampled_from(("dev", "prod"))))
    ]
    variants = st.sampled_from(("a", "b"))
    return a_desired(
        *made,
        *instances,
        connections=(a_resource("db", url=draw(variants)),),
        runtimes=(a_resource("py", image=draw(variants)), a_resource("node", image=draw(variants))),
        previews=PreviewPolicy(parameters={"limit": 1}),
    )


@settings(max_examples=60, deadline=None)
@given(base=repos(), head=repos(), other=repos())
def test_laws_of_previews(base: Desired, head: Desired, other: Desired) -> None:
    actual = applied(base)
    assert touched(base, base) == set()
    names = touched(base, head)
    found = prospect(head, names, actual, "pr-1")
    made = plan(found.desired, actual)

    # Nothing in it has the name of anything outside of it.
    assert all(action.name.partition("@")[0].endswith("--pr-1") for action in made.actions)
    assert not {action.verb for action in made.actions} & {
        Verb.PAUSE,
        Verb.PUBLISH,
        Verb.ARCHIVE,
        Verb.DELETE,
    }
    # What runs for real sees nothing of it, and the other way round.
    with_preview = applied(found.desired, snapshot=actual)
    assert plan(base, with_preview, prune=True, allow_mass_delete=True).is_empty
    assert plan(found.desired, with_preview).is_empty
    # The merge makes the versions that were shown, whether there is a preview or not.
    shown = {item.use_case: item.version for item in found.expected}
    merged = applied(head, snapshot=with_preview)
    for name, version in shown.items():
        digest = next(item.digest for item in head.use_cases if item.name == name)
        kept = {item.version for item in merged.processes[name].templates if item.digest == digest}
        assert kept == {version}
    # The next commit updates in place: the same ids, no second instance.
    later = prospect(other, touched(base, other), with_preview, "pr-1").desired
    after = applied(later, snapshot=with_preview)
    for name in with_preview.instances.keys() & {item.name for item in later.instances}:
        assert after.instances[name].id == with_preview.instances[name].id


@settings(max_examples=40, deadline=None)
@given(base=repos(), head=repos())
def test_without_a_base_everything_counts_that_the_platform_lacks(base: Desired, head: Desired) -> None:
    found = changed_here(head, applied(base))
    known = {item.name: item.digest for item in base.use_cases}
    assert {item.name for item in head.use_cases if known.get(item.name) != item.digest} <= found


@settings(max_examples=40, deadline=None)
@given(base=repos(), head=repos())
def test_trying_out_makes_no_version_and_the_commit_is_as_if_nothing_had_been_tried(
    base: Desired, head: Desired
) -> None:
    actual = applied(base)
    tried = plan(tried_in(head, "dev"), actual, stage="dev")
    versions = [item.payload["version"] for item in tried.actions if item.kind is Kind.TEMPLATE]
    assert all("+dev." in str(version) for version in versions)
    assert not any(item.kind is Kind.PROCESS and item.verb is Verb.UPDATE for item in tried.actions)
    assert (
        plan(only(head, frozenset()), actual, stage="dev").actions
        == plan(replace(head, use_cases=(), instances=()), actual, stage="dev").actions
    )
    assert switched_off(plan(base, actual)) == ()
