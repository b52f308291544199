"""A project kept in memory says the same as reading everything anew, or that it cannot tell."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.model.diagnostic import Severity
from caseway.repo.cache import Cache
from caseway.repo.incremental import Incremental
from caseway.repo.read import Reading, read
from delivery.watched import a_project, a_use_case, a_workflow

NAMES = ("alpha", "beta", "gamma")

CALL = """\
document: {dsl: 1.0.0, namespace: acme, name: NAME, version: 1.0.0}
do:
  - other:
      run: {workflow: {namespace: acme, name: CALLED, version: 1.0.0}}
"""


def said(root: Path, name: str, text: str) -> list[Path]:
    return [a_workflow(root, name, text)]


def called(root: Path, name: str, other: str) -> list[Path]:
    file = root / "use-cases" / name / "workflows" / "main.yaml"
    file.write_text(CALL.replace("NAME", name).replace("CALLED", other))
    return [file]


def described(root: Path, name: str, text: str) -> list[Path]:
    file = root / "use-cases" / name / "usecase.yaml"
    a_use_case(root, name)
    file.write_text(file.read_text().replace("description: Answers.", f"description: {text}"))
    return [file, file.parent / "workflows" / "main.yaml"]


def placed(root: Path, name: str, stage: str) -> list[Path]:
    file = root / "instances" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        f"apiVersion: caseway/v1\nkind: Instance\nmetadata: {{name: {name}-x}}\n"
        f"spec: {{useCase: {name}, stage: {stage}}}\n"
    )
    return [file]


EDITS = st.one_of(
    st.tuples(
        st.just(said), st.sampled_from(NAMES), st.sampled_from(("one", "two", 'x"]', "$[[ params.x ]]"))
    ),
    st.tuples(st.just(called), st.sampled_from(NAMES), st.sampled_from((*NAMES, "nobody"))),
    st.tuples(st.just(described), st.sampled_from(NAMES), st.sampled_from(("One.", "Two.", "[", "{a: 1}"))),
    st.tuples(st.just(placed), st.sampled_from(NAMES), st.sampled_from(("dev", "prod", "moon"))),
)
Edit = tuple[Callable[[Path, str, str], list[Path]], str, str]


def errors_in(reading: Reading, files: set[str]) -> set[tuple[str, int, str, str]]:
    return {
        (item.file, item.line, item.code, item.message)
        for item in reading.diagnostics
        if item.severity is Severity.ERROR and item.file in files
    }


@settings(max_examples=25, deadline=None)
@given(edits=st.lists(EDITS, min_size=1, max_size=6))
def test_the_same_as_reading_everything(edits: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = a_project(Path(folder) / "work", *NAMES)
        for name in NAMES:
            placed(root, name, "dev")
        cache = Cache(Path(folder) / "cache", "tests")
        first = read(root, cache=cache)
        kept: Incremental | None = Incremental(first.projects[0], first.source)
        for act, name, value in edits:
            changed = [
                file.relative_to(root.resolve()).as_posix() for file in act(root.resolve(), name, value)
            ]
            patch = kept.patch(changed) if kept is not None else None
            whole = read(root, cache=cache)
            if patch is None:
                is_sound = not any(item.severity is Severity.ERROR for item in whole.diagnostics)
                kept = Incremental(whole.projects[0], whole.source) if is_sound else None
                continue
            concerned = {f"use-cases/{name}/usecase.yaml", f"use-cases/{name}/workflows/main.yaml"}
            concerned.add(f"instances/{name}.yaml")
            if not patch.paths:
                continue
            found = {
                (item.file, item.line, item.code, item.message)
                for item in patch.diagnostics
                if item.severity is Severity.ERROR
            }
            assert found == errors_in(whole, concerned)
            if not found:
                [desired] = whole.desired
                assert patch.desired.use_cases == tuple(
                    each for each in desired.use_cases if each.name == name
                )
                mine = tuple(each for each in desired.instances if each.use_case == name)
                assert patch.desired.instances == mine
        cache.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return a_project(tmp_path / "work", "alpha", "beta").resolve()


def test_shared_files_are_read_anew(root: Path, tmp_path: Path) -> None:
    reading = read(root, cache=Cache(tmp_path / "cache", "tests"))
    kept = Incremental(reading.projects[0], reading.source)
    assert kept.patch(["caseway.yaml"]) is None


def test_another_name_is_read_anew(root: Path, tmp_path: Path) -> None:
    reading = read(root, cache=Cache(tmp_path / "cache", "tests"))
    kept = Incremental(reading.projects[0], reading.source)
    file = root / "use-cases/alpha/usecase.yaml"
    file.write_text(file.read_text().replace("name: alpha", "name: gamma"))
    assert kept.patch(["use-cases/alpha/usecase.yaml"]) is None


def test_a_file_that_became_a_link_is_read_anew(root: Path, tmp_path: Path) -> None:
    reading = read(root, cache=Cache(tmp_path / "cache", "tests"))
    kept = Incremental(reading.projects[0], reading.source)
    file = root / "use-cases/alpha/workflows/main.yaml"
    (tmp_path / "secret").write_text("token: 1\n")
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    assert kept.patch(["use-cases/alpha/workflows/main.yaml"]) is None
