"""Fixes mend one thing at a time, keep everything else, and come to an end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.repo.fix import differences, fixes, mend
from caseway.repo.load import LoadedProject, load
from caseway.repo.parse import parse
from caseway.repo.rules.docs import BASE
from caseway.repo.tree import WorkTree

HEAD = "apiVersion: caseway/v1\nkind: UseCase\nmetadata:\n  name: demo\nspec:\n"
FLOW = 'document: {dsl: "1.0.3", namespace: demo, name: main, version: "1.0.0"}\n'


def use_case(text: str) -> str:
    return mend(HEAD + text, "usecase.yaml", {0: "UseCase"}).removeprefix(HEAD)


def workflow(text: str) -> str:
    return mend(FLOW + text, "main.yaml", {0: "Workflow"}).removeprefix(FLOW)


def project(folder: Path, **files: str) -> LoadedProject:
    for path, content in {**BASE, **files}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode())
    return load(WorkTree(folder)).projects[0]


REST = "  workflows: [{id: main, file: main.yaml}]\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  titel: x # the name\n" + REST, "  title: x # the name\n" + REST),
        ('  "titel": x\n' + REST, '  "title": x\n' + REST),
        ("  title: x\n  limits: {timout: 5m}\n" + REST, "  title: x\n  limits: {timeout: 5m}\n" + REST),
        (
            "  title: x\n  visibility: Organizational\n" + REST,
            "  title: x\n  visibility: organizational\n" + REST,
        ),
        ("  title: x\n  visibility: 'user-list'\n" + REST, "  title: x\n  visibility: 'userList'\n" + REST),
        ("  title: x\n  version: 1.2\n" + REST, '  title: x\n  version: "1.2.0"\n' + REST),
        ("  title: 2024 # year\n" + REST, '  title: "2024" # year\n' + REST),
        ("  title: x\n  starter: 'true'\n" + REST, "  title: x\n  starter: true\n" + REST),
        ("  title: x\n  retries: '2'\n" + REST, "  title: x\n  retries: 2\n" + REST),
        (
            "  titel: x\n  subtitel: y\n  wrokflows: [{id: main, flie: main.yaml}]\n",
            "  title: x\n  subtitle: y\n  workflows: [{id: main, file: main.yaml}]\n",
        ),
        ("  title: x\r\n" + REST, "  title: x\n" + REST),
        ("  title: x\n" + REST.rstrip("\n"), "  title: x\n" + REST),
    ],
)
def test_what_has_one_answer_is_mended(before: str, after: str) -> None:
    assert use_case(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "  title: x\n  visibility: everyone\n" + REST,
        "  title: x\n  titel: y\n" + REST,
        "  title: x\n  zzzzzz: y\n" + REST,
        "  title: x\n  retries: many\n" + REST,
        "  title: [x]\n" + REST,
        "  title: x\n  description: |\n    no newline at the end",
        "  title: 'never closed\n",
        "  title: x\n" + REST,
    ],
)
def test_what_needs_a_decision_or_nothing_is_left_alone(text: str) -> None:
    assert use_case(text) == text


def test_keys_of_tasks_are_mended_in_workflows() -> None:
    before = "do:\n  - greet:\n      # say hello\n      sett: {a: 1}\n      thn: end\n"
    assert workflow(before) == "do:\n  - greet:\n      # say hello\n      set: {a: 1}\n      then: end\n"


def test_keys_that_the_language_allows_but_nothing_reads_are_mended() -> None:
    before = "timeuot: {after: PT5M}\ndo:\n  - greet:\n      set: {a: 1}\n"
    assert workflow(before) == before.replace("timeuot", "timeout")


def test_tabs_that_break_a_file_become_spaces() -> None:
    text = "do:\n\t- greet:\n\t\t\tset: {a: 1}\n"
    assert workflow(text) == "do:\n  - greet:\n      set: {a: 1}\n"


def test_json_is_mended_in_place() -> None:
    head = '{"apiVersion": "caseway/v1", "kind": "Instance",\n "metadata": {"name": "a"},\n'
    text = head + ' "spec": {"usecase": "demo"}}\n'
    assert mend(text, "a.json", {0: "Instance"}) == text.replace("usecase", "useCase")


def test_a_value_behind_an_alias_is_left_alone() -> None:
    text = "  title: &t 5\n  subtitle: *t\n" + REST
    assert "*t" in use_case(text)


def test_a_use_case_takes_the_name_of_its_folder_when_nobody_uses_the_old_one(tmp_path: Path) -> None:
    text = BASE["use-cases/demo/usecase.yaml"]
    found = fixes(
        project(tmp_path, **{"use-cases/other/usecase.yaml": text.replace("name: demo", "name: otter")})
    )
    assert "name: other\n" in found["use-cases/other/usecase.yaml"]


def test_a_use_case_keeps_a_name_that_instances_use(tmp_path: Path) -> None:
    files = {
        "use-cases/demo/usecase.yaml": BASE["use-cases/demo/usecase.yaml"].replace(
            "name: demo", "name: otter"
        ),
        "instances/demo-dev.yaml": BASE["instances/demo-dev.yaml"].replace("useCase: demo", "useCase: otter"),
    }
    assert fixes(project(tmp_path, **files)) == {}


def test_a_project_without_faults_needs_no_fixes(tmp_path: Path) -> None:
    assert fixes(project(tmp_path)) == {}


def test_the_preview_is_a_unified_diff(tmp_path: Path) -> None:
    text = BASE["instances/demo-dev.yaml"].replace("stage:", "stgae:").rstrip("\n")
    diff = differences(project(tmp_path, **{"instances/demo-dev.yaml": text}))
    assert "--- a/instances/demo-dev.yaml\n" in diff
    assert "-  stgae: dev\n\\ No newline at end of file\n+  stage: dev\n" in diff


def test_after_applying_the_fixes_there_are_none(tmp_path: Path) -> None:
    text = BASE["use-cases/demo/usecase.yaml"].replace("title: Demo", "titel: Demo\r\n  exclusiv: true")
    for path, mended in fixes(project(tmp_path, **{"use-cases/demo/usecase.yaml": text})).items():
        (tmp_path / path).write_bytes(mended.encode())
    again = load(WorkTree(tmp_path)).projects[0]
    assert fixes(again) == {}
    assert again.diagnostics == ()


lines = st.lists(
    st.sampled_from(
        [
            "  title: x",
            "  titel: y # c",
            "  version: 1.0",
            "  version: 2",
            "\tretries: '3'",
            "  visibility: PRIVATE",
            "  visibilty: public",
            "  starter: 'false'",
            "  limits: {depht: 3, timout: 5m}",
            "  description: |",
            "    text",
            "  workflows: [{id: 5, file: a.yaml, respose: Sync}]",
            "  tags: [1, 'a']",
            "# comment",
            "",
        ]
    ),
    max_size=8,
)


@settings(max_examples=60)
@given(lines, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_fixing_twice_is_fixing_once_and_loses_nothing(body: list[str], end: str, is_closed: bool) -> None:
    text = HEAD + end.join(body) + (end if is_closed else "")
    once = mend(text, "usecase.yaml", {0: "UseCase"})
    assert mend(once, "usecase.yaml", {0: "UseCase"}) == once
    assert once.count("#") == text.count("#")
    before, after = parse(text.encode(), "a.yaml"), parse(once.encode(), "a.yaml")
    if before.is_sound:
        assert after.is_sound
        assert sizes(before.documents[0].value) == sizes(after.documents[0].value)


def sizes(value: Any) -> Any:
    """The form of a value: what no fix may change."""
    if isinstance(value, dict):
        return [sizes(item) for item in value.values()]
    return [sizes(item) for item in value] if isinstance(value, list) else None
