"""The laws of planning, over random repos and random histories of edits, failures and meddling."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from caseway.model.canonical import Json
from caseway.model.desired import Desired, Instance, PrunePolicy, Strategy, UseCase
from caseway.model.plan import Kind, Plan, Verb
from caseway.model.snapshot import Instance as Installed
from caseway.model.snapshot import Snapshot
from caseway.model.states import TemplateStatus
from caseway.reconcile.placement import is_enabled, is_serving
from caseway.reconcile.plan import plan
from caseway.reconcile.ranges import version_of
from caseway.reconcile.text import as_text
from reconcile.builders import a_body, a_desired, a_resource, a_use_case, a_workflow, applied
from reconcile.simulate import prefixes, simulate

NAMES = ("alpha", "beta")
STAGES = ("dev", "prod")
OWNERS = ("ann", "bob")
# Shrinking such histories takes minutes; CASEWAY_SHRINK=1 asks for it.
PHASES = tuple(Phase) if os.environ.get("CASEWAY_SHRINK") else (Phase.explicit, Phase.generate)
COMMON = settings(max_examples=40, deadline=None, phases=PHASES)


def _content(variant: int) -> dict[str, Any]:
    """Bodies that differ in every direction, so that all bumps occur."""
    parameters = {f"p{index}": {"type": "number"} for index in range(variant % 3)}
    workflows = [a_workflow("main")] + ([a_workflow("extra")] if variant > 3 else [])
    return {
        "title": f"variant {variant}",
        "workflows": workflows,
        "parameters": {"type": "object", "properties": parameters},
        "connections": ["db"] if variant % 2 else [],
        "runtime": "python",
    }


@st.composite
def use_cases(draw: st.DrawFn, name: str) -> UseCase:
    variant = draw(st.integers(0, 5))
    explicit = draw(st.booleans()) and draw(st.booleans())
    return a_use_case(
        name,
        body=a_body(**_content(variant)),
        listing={"visibility": draw(st.sampled_from(("private", "public")))},
        version=f"{variant + 1}.5.0" if explicit else "",
        strategy=draw(st.sampled_from(Strategy)),
        exclusive=draw(st.sampled_from((True, True, True, False))),
    )


@st.composite
def instances(draw: st.DrawFn, name: str, snapshot: Snapshot) -> Iterator[Instance]:
    known = (
        [item.version for item in snapshot.processes[name].templates] if name in snapshot.processes else []
    )
    versions = ("*", "*", "*", "^1", "~1.0", ">=1 <3", "latest", "published", *known)
    result = []
    for stage in STAGES:
        for number in range(2):
            if not draw(st.sampled_from((True, True, False))):
                continue
            result.append(
                Instance(
                    name=f"{name}-{stage}-{number}",
                    use_case=name,
                    stage=stage,
                    owner=draw(st.sampled_from(OWNERS)),
                    version=draw(st.sampled_from(versions)),
                    enabled=draw(st.sampled_from((True, True, True, False))),
                    archived=draw(st.sampled_from((False, False, False, True))),
                    parameters={"p0": draw(st.integers(0, 1))},
                )
            )
    return tuple(result)  # type: ignore[return-value]


@st.composite
def repos(draw: st.DrawFn, snapshot: Snapshot) -> Desired:
    """A random project, whose pins are of versions that exist."""
    cases = [draw(use_cases(name)) for name in NAMES if draw(st.sampled_from((True, True, True, False)))]
    installed: list[Any] = [item for case in cases for item in draw(instances(case.name, snapshot))]
    return a_desired(
        *cases,
        *draw(st.permutations(installed)),
        # Whoever runs a version names connections that it may name: a valid project declares them.
        connections=(a_resource("db", url=draw(st.sampled_from(("a", "b")))),)
        if cases or draw(st.booleans())
        else (),
        runtimes=(a_resource("python", image="x"),) if draw(st.booleans()) else (),
        prune=draw(st.sampled_from(PrunePolicy)),
        max_deletes=100,
        complete=draw(st.sampled_from((True, True, True, False))),
        ignore=draw(st.sampled_from(((), ("alpha-*:/parameters/p0",)))),
    )


def _foreign(snapshot: Snapshot, draw: Any) -> Snapshot:
    """Somebody installs, by hand, an instance of a process that has a template."""
    ready = [item for item in snapshot.processes.values() if item.templates and not item.archived]
    if not ready:
        return snapshot
    process = draw(st.sampled_from(ready))
    repo = a_desired(
        Instance("hand", process.name, draw(st.sampled_from(STAGES)), "ann", version="^1"),
        a_use_case(process.name, body=process.templates[-1].body),
        connections=(a_resource("db"),),
    )
    template = process.templates[-1]
    installed = applied(repo).instances["hand"]
    current = installed.current and replace(
        installed.current, version=template.version, template_digest=template.digest
    )
    others = [item for item in snapshot.instances.values() if _key(item) == (process.name, "ann")]
    paused = "other" if any(_is_active(item) for item in others) else ""
    by_hand = replace(installed, applied={}, project="", current=current, auto_paused_by=paused)
    return replace(snapshot, instances={**snapshot.instances, "hand": by_hand})


def _meddled(snapshot: Snapshot, draw: Any) -> Snapshot:
    """Somebody changes instances and live workflows by hand."""
    changed = dict(snapshot.instances)
    for name, item in snapshot.instances.items():
        what = draw(st.sampled_from(("nothing", "nothing", "field", "live", "off")))
        if what == "field":
            fields: dict[str, Json] = {**item.desired, "parameters": {"p0": 77}}
            changed[name] = replace(item, desired=fields)
        elif what == "off":
            changed[name] = replace(item, desired={**item.desired, "enabled": False})
        elif what == "live" and item.current is not None and item.applied:
            live = tuple(replace(one, digest="sha256:else") for one in item.current.workflows)
            changed[name] = replace(item, current=replace(item.current, workflows=live))
    return replace(snapshot, instances=changed)


def _key(item: Installed) -> tuple[str, str]:
    return item.process, item.owner


def _is_active(item: Installed) -> bool:
    return is_serving(item) and is_enabled(item.desired) and not item.auto_paused_by


def _active_stages(snapshot: Snapshot) -> dict[tuple[str, str], set[str]]:
    stages: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in snapshot.instances.values():
        if snapshot.processes[item.process].exclusive and _is_active(item):
            stages[_key(item)].add(item.stage)
    return stages


def _assert_one_stage(snapshot: Snapshot) -> None:
    for key, stages in _active_stages(snapshot).items():
        members = [
            (item.name, item.stage, item.auto_paused_by, _is_active(item))
            for item in snapshot.instances.values()
            if _key(item) == key
        ]
        assert len(stages) == 1, members


def _assert_foreign_kept(before: Snapshot, after: Snapshot) -> None:
    for name, item in before.instances.items():
        if not item.applied:
            there = after.instances[name]
            kept = {"current": None, "last": None, "phase": item.phase}
            assert replace(there, **kept) == replace(item, **kept)


def _assert_monotonic(before: Snapshot, made: Plan) -> None:
    for action in made.actions:
        if (action.kind, action.verb) == (Kind.TEMPLATE, Verb.CREATE):
            process = before.processes.get(str(action.payload["process"]))
            version = version_of(str(action.payload["version"]))
            if process is not None and action.payload["bump"] != "explicit":
                assert all(version > version_of(item.version) for item in process.templates)


@COMMON
@given(st.data())
def test_after_any_history_applying_a_plan_leaves_nothing_to_do(data: st.DataObject) -> None:
    state = Snapshot(revision=0)
    for number in range(data.draw(st.integers(1, 5), "length")):
        repo = data.draw(repos(state), f"repo {number}")
        options = {
            "prune": data.draw(st.booleans()),
            "stage": data.draw(st.sampled_from(("", "", "dev", "prod"))),
        }
        made = plan(repo, state, **options)
        if made.blocked:
            continue
        note(as_text(made))
        before = state
        for step in prefixes(before, made):
            _assert_one_stage(step)
        state = simulate(before, made)
        _assert_monotonic(before, made)
        _assert_foreign_kept(before, state)
        again = plan(repo, state, **options)
        assert again.actions == (), as_text(again)
        if data.draw(st.booleans(), "meddle"):
            state = _meddled(state, data.draw)
        if data.draw(st.booleans(), "install by hand") and "hand" not in state.instances:
            state = _foreign(state, data.draw)
        state = _settled(state)


def _settled(snapshot: Snapshot) -> Snapshot:
    """Meddling may have switched off an active stage, never on a second one: the platform sees to that."""
    _assert_one_stage(snapshot)
    return snapshot


@COMMON
@given(st.data())
def test_failed_deployments_never_make_two_stages_active_and_updates_are_not_retried(
    data: st.DataObject,
) -> None:
    state = Snapshot(revision=0)
    for number in range(data.draw(st.integers(1, 4), "length")):
        repo = data.draw(repos(state), f"repo {number}")
        made = plan(repo, state)
        if made.blocked:
            continue
        note(as_text(made))
        fails = data.draw(st.frozensets(st.sampled_from([f"{n}-{s}-0" for n in NAMES for s in STAGES])))
        for step in prefixes(state, made, fails=fails):
            _assert_one_stage(step)
        state = simulate(state, made, fails=fails)
        for action in plan(repo, state).actions:
            assert action.verb is not Verb.UPDATE or action.name not in fails
        state = simulate(state, plan(repo, state))
        _assert_one_stage(state)
        assert plan(repo, state).actions == ()


@COMMON
@given(st.data())
def test_the_plan_does_not_depend_on_the_order_of_the_documents(data: st.DataObject) -> None:
    state = Snapshot(revision=0)
    for number in range(2):
        repo = data.draw(repos(state), f"repo {number}")
        shuffled = replace(
            repo,
            use_cases=tuple(data.draw(st.permutations(repo.use_cases))),
            instances=tuple(data.draw(st.permutations(repo.instances))),
        )
        made = plan(repo, state)
        assert plan(shuffled, state).actions == made.actions
        state = simulate(state, made)


@COMMON
@given(st.data())
def test_nothing_is_pruned_from_an_incomplete_reading(data: st.DataObject) -> None:
    state = applied(replace(data.draw(repos(Snapshot(0))), complete=True), snapshot=None)
    repo = replace(data.draw(repos(state)), complete=False)
    declared = {item.name for item in repo.instances}
    made = plan(repo, state, prune=True, allow_mass_delete=True)
    for action in made.actions:
        assert action.verb not in {Verb.DELETE, Verb.ARCHIVE}
        assert action.verb is not Verb.UNDEPLOY or action.name in declared


@COMMON
@given(st.data())
def test_at_most_one_template_of_a_process_is_published(data: st.DataObject) -> None:
    state = Snapshot(revision=0)
    for number in range(data.draw(st.integers(1, 4), "length")):
        repo = data.draw(repos(state), f"repo {number}")
        made = plan(repo, state, stage=data.draw(st.sampled_from(("", "prod"))))
        state = state if made.blocked else simulate(state, made)
        for process in state.processes.values():
            published = [item for item in process.templates if item.status is TemplateStatus.PUBLISHED]
            assert len(published) <= 1
