"""Laws of the planner and the store together, over random repos and random histories of edits."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from caseway.model.desired import Desired, Instance, PrunePolicy, UseCase
from caseway.model.errors import CasewayError
from caseway.platform import instances
from caseway.platform.apply import apply
from caseway.platform.compose import Platform
from caseway.platform.snapshot import read_snapshot
from caseway.reconcile.placement import is_enabled, is_serving
from caseway.reconcile.plan import plan
from caseway.reconcile.text import as_text
from chaos.store_builders import ORGANIZATION, a_platform, a_repo, a_resource, a_use_case, a_workflow

NAMES = ("alpha", "beta")


@st.composite
def use_cases(draw: st.DrawFn, name: str) -> UseCase:
    variant = draw(st.integers(0, 3))
    properties = {f"p{index}": {"type": "number"} for index in range(variant)}
    workflows = [a_workflow()] + ([a_workflow("extra")] if variant == 3 else [])
    return a_use_case(
        name,
        title=f"variant {variant}",
        workflows=workflows,
        parameters={"type": "object", "properties": properties},
        connections=["db"],
        exclusive=draw(st.sampled_from((True, True, False))),
    )


@st.composite
def installed(draw: st.DrawFn, name: str) -> list[Instance]:
    """At most one instance for each user and stage, as the store allows."""
    return [
        Instance(
            name=f"{name}-{stage}-{owner}",
            use_case=name,
            stage=stage,
            owner=owner,
            version=draw(st.sampled_from(("*", "*", "^1", "1.0.0"))),
            enabled=draw(st.sampled_from((True, True, False))),
            archived=draw(st.sampled_from((False, False, True))),
            parameters={"p0": draw(st.integers(0, 1))},
        )
        for stage in ("dev", "prod")
        for owner in ("ann", "bob")
        if draw(st.booleans())
    ]


@st.composite
def repos(draw: st.DrawFn) -> Desired:
    cases = [draw(use_cases(name)) for name in NAMES if draw(st.sampled_from((True, True, False)))]
    things: list[Any] = [item for case in cases for item in draw(installed(case.name))]
    return a_repo(
        *cases,
        *things,
        connections=(a_resource(url=draw(st.sampled_from(("a", "b")))),),
        prune=draw(st.sampled_from(PrunePolicy)),
        max_deletes=100,
    )


def _assert_one_stage_is_active(platform: Platform) -> None:
    snapshot = read_snapshot(platform, ORGANIZATION)
    stages = defaultdict(set)
    for item in snapshot.instances.values():
        is_on = is_serving(item) and is_enabled(item.desired) and not item.auto_paused_by
        if snapshot.processes[item.process].exclusive and is_on:
            stages[item.process, item.owner].add(item.stage)
    assert all(len(found) == 1 for found in stages.values()), stages


def _meddle(platform: Platform, draw: Any) -> None:
    """Somebody steers an instance by hand."""
    names = sorted(read_snapshot(platform, ORGANIZATION).instances)
    if not names:
        return
    step = draw(st.sampled_from((instances.pause, instances.resume, instances.archive, instances.restore)))
    try:
        step(platform, ORGANIZATION, draw(st.sampled_from(names)), actor="hand")
    except CasewayError as error:
        assert error.code in {"illegal-transition", "one-instance"}


@pytest.fixture
def empty(sqlite_file: Path, tmp_path: Path) -> Any:
    """Makes the URL of an empty database, another one each time."""
    count = 0

    def make() -> str:
        nonlocal count
        count += 1
        shutil.copy(sqlite_file, tmp_path / f"{count}.db")
        return f"sqlite:///{tmp_path}/{count}.db"

    return make


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_after_any_history_applying_leaves_nothing_to_do_in_a_reopened_store(
    empty: Any, data: st.DataObject
) -> None:
    url = empty()
    for number in range(data.draw(st.integers(1, 3), "length")):
        repo = data.draw(repos(), f"repo {number}")
        prune = data.draw(st.booleans(), "prune")
        with a_platform(url) as platform:
            made = plan(repo, read_snapshot(platform, ORGANIZATION), prune=prune)
            note(as_text(made))
            if made.blocked:
                continue
            report = apply(platform, made, actor="tests")
            assert report.is_ok, report.failed
            _assert_one_stage_is_active(platform)
        with a_platform(url) as reopened:
            again = plan(repo, read_snapshot(reopened, ORGANIZATION), prune=prune)
            assert again.actions == (), as_text(again)
            renamed = replace(repo, source=replace(repo.source, commit="d" * 40))
            assert plan(renamed, read_snapshot(reopened, ORGANIZATION), prune=prune).is_empty
            if data.draw(st.booleans(), "meddle"):
                _meddle(reopened, data.draw)
                _assert_one_stage_is_active(reopened)
