"""The pipeline that every way in takes: read, validate, plan, guard, apply, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from caseway.delivery.pipeline import (
    PlanRequest,
    apply_plan,
    plan_project,
    read_desired,
    report_json,
    require_unblocked,
)
from caseway.delivery.reading import InvalidProject, is_bad, read_project
from caseway.model.access import local
from caseway.model.engine_facts import nobody_asked
from caseway.model.errors import CasewayError
from caseway.operations.local_client import EmptyClient, LocalClient
from chaos.store_builders import a_platform

PROJECT = """apiVersion: caseway/v1
kind: Project
metadata: {name: shop}
spec: {organization: acme, stages: [{name: dev}]}
"""
USE_CASE = """apiVersion: caseway/v1
kind: UseCase
metadata: {name: hello}
spec:
  title: Hello
  workflows:
    - {id: main, file: workflows/main.yaml, triggers: [{id: by-hand, type: manual}]}
"""
WORKFLOW = """document: {dsl: 1.0.0, namespace: tests, name: main, version: 1.0.0}
do:
  - say: {set: {text: hello}}
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A valid project with one use case."""
    root = tmp_path / "project"
    for name, text in (
        ("caseway.yaml", PROJECT),
        ("use-cases/hello/usecase.yaml", USE_CASE),
        ("use-cases/hello/workflows/main.yaml", WORKFLOW),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def client(tmp_path: Path):
    with a_platform(f"sqlite:///{tmp_path / 'state.db'}") as platform:
        yield LocalClient(platform, local("acme", "ann"))


def test_a_project_is_read_planned_and_applied(project, client):
    request = PlanRequest(project)
    (asked,) = read_desired(request)
    plan = plan_project(client, asked.desired, request)
    heard = []
    report = apply_plan(client, plan, heard.append)
    told = report_json(plan, report)
    assert told["ok"]
    assert [item["id"] for item in told["results"]] == [action.id for action in plan.actions]
    assert heard
    assert apply_plan(client, plan_project(client, asked.desired, request)) is None


def test_a_project_with_an_error_is_not_planned(project):
    (project / "use-cases/hello/usecase.yaml").write_text(USE_CASE.replace("title", "titel"))
    with pytest.raises(InvalidProject) as caught:
        read_desired(PlanRequest(project))
    assert caught.value.diagnostics
    assert caught.value.place.startswith("use-cases/hello/usecase.yaml:")


def test_a_folder_without_a_project_is_said_to_be_none(tmp_path):
    with pytest.raises(CasewayError) as caught:
        read_desired(PlanRequest(tmp_path))
    assert caught.value.code == "no-project"


def test_a_stage_that_the_project_lacks_is_refused_with_those_it_has(project):
    with pytest.raises(CasewayError) as caught:
        read_desired(PlanRequest(project, stage="moon"))
    assert caught.value.code == "no-such-stage"
    assert "dev" in caught.value.hint


def test_an_organization_that_is_said_wins_over_the_project_s(project):
    (asked,) = read_desired(PlanRequest(project, organization="others"))
    assert asked.desired.organization == "others"


def test_a_blocked_plan_is_not_applied(project, client):
    request = PlanRequest(project)
    (asked,) = read_desired(request)
    plan = replace(plan_project(client, asked.desired, request), blocked=("because", "also"))
    with pytest.raises(CasewayError) as caught:
        require_unblocked(plan)
    assert caught.value.code == "plan-blocked"
    assert "also" in caught.value.message
    with pytest.raises(CasewayError):
        apply_plan(client, plan)


def test_a_platform_that_is_not_there_yet_can_be_planned_for_and_nothing_else(project):
    request = PlanRequest(project)
    (asked,) = read_desired(request)
    empty = EmptyClient("nowhere", nobody_asked)
    plan = plan_project(empty, asked.desired, request)
    assert plan.revision == 0
    for ask in (lambda: apply_plan(empty, plan), lambda: empty.call("status.get")):
        with pytest.raises(CasewayError) as caught:
            ask()
        assert caught.value.code == "no-platform"


def test_warnings_count_only_when_they_are_asked_to(project):
    reading = read_project(project)
    assert not is_bad(reading.diagnostics, strict=False)
