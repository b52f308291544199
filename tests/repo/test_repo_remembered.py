"""What is remembered of a project changes nothing of what is said about it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.repo.cache import Cache
from caseway.repo.compile import desired
from caseway.repo.load import LoadedProject, load
from caseway.repo.rules import run_rules
from caseway.repo.rules.remembered import Remembered
from caseway.repo.tree import WorkTree

PROJECT = """\
apiVersion: caseway/v1
kind: Project
metadata: {name: demo}
spec: {stages: [{name: dev}, {name: %s}]}
"""
USE_CASE = """\
apiVersion: caseway/v1
kind: UseCase
metadata: {name: %s}
spec:
  title: One
  skills: [%s]
  runtime: %s
  parameters: {type: object, properties: {limit: {type: number, default: %s}}}
  workflows:
    - {id: w, file: %s, triggers: [{id: http, type: http, path: /%s}]}
"""
WORKFLOW = """\
document: {dsl: 1.0.1, namespace: n, name: %s, version: 1.0.0}
do:
  - first: {set: {a: "$[[ params.%s ]]"}}
  - second: {run: {workflow: {namespace: n, name: %s, version: 1.0.0}}}  # caseway: ignore CW520 -- tried
"""
INSTANCE = """\
apiVersion: caseway/v1
kind: Instance
metadata: {name: %s}
spec: {useCase: %s, stage: %s, parameters: {limit: %s}, credentials: {erp: %s}}
"""
RUNTIME = """\
apiVersion: caseway/v1
kind: Runtime
metadata: {name: %s}
spec: {image: python}
"""

names = st.sampled_from(["one", "two", "three"])
files = st.sampled_from(["w.yaml", "../two/w.yaml", "../../shared/w.yaml", "none.yaml"])
skills = st.sampled_from(["s.md", "../one/s.md", "../../use-cases", "../../README.md"])
folders = st.sampled_from(["use-cases/one", "use-cases/two", "use-cases/two/inner", "shared", "instances"])
numbers = st.sampled_from(["1", "2", "a"])
edits = st.one_of(
    st.tuples(st.just("caseway.yaml"), st.builds(PROJECT.__mod__, st.sampled_from(["prod", "test"]))),
    st.tuples(
        st.builds("{}/usecase.yaml".format, folders),
        st.builds(USE_CASE.__mod__, st.tuples(names, skills, names, numbers, files, names)),
    ),
    st.tuples(
        st.builds("{}/w.yaml".format, folders),
        st.builds(WORKFLOW.__mod__, st.tuples(names, st.sampled_from(["limit", "gone"]), names)),
    ),
    st.tuples(
        st.builds("{}/i-{}.yaml".format, folders, names),
        st.lists(st.builds(INSTANCE.__mod__, st.tuples(names, names, names, numbers, names)), max_size=2).map(
            "---\n".join
        ),
    ),
    st.tuples(st.builds("{}/r.yaml".format, folders), st.builds(RUNTIME.__mod__, names)),
    st.tuples(st.builds("{}/s.md".format, folders), st.sampled_from(["a\n", "b"])),
    st.tuples(st.sampled_from(["README.md", "use-cases/one/usecase.yaml"]), st.sampled_from(["", "a: [\n"])),
)


def project(root: Path, cache: Cache | None = None) -> LoadedProject:
    return load(WorkTree(root), cache=cache).projects[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(edits, st.booleans()), min_size=1, max_size=6), min_size=2, max_size=5))
def test_findings_and_desired_state_are_the_same_with_and_without_what_is_remembered(
    rounds: list[list[tuple[tuple[str, str], bool]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "repo")
        root.mkdir()
        (root / "caseway.yaml").write_text(PROJECT % "prod")
        with Cache(Path(folder, "cache"), "stamp") as cache:
            for changes in rounds:
                for (path, text), is_written in changes:
                    file = root / path
                    if is_written:
                        file.parent.mkdir(parents=True, exist_ok=True)
                        file.write_text(text)
                    elif path != "caseway.yaml":
                        file.unlink(missing_ok=True)
                plain, known = project(root), project(root, cache)
                expected = run_rules(plain, others=plain.diagnostics)
                assert run_rules(known, others=known.diagnostics, cache=cache) == expected
                assert run_rules(known, others=known.diagnostics, cache=cache) == expected
                source = plain.tree.source()
                assert desired(known, source) == desired(plain, source)
                assert desired(known, source) == desired(plain, source)


def test_only_the_use_case_with_a_change_is_looked_at_again(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    for name in ("one", "two"):
        (root / "use-cases" / name).mkdir(parents=True)
        (root / f"use-cases/{name}/usecase.yaml").write_text(
            USE_CASE % (name, "s.md", "x", 1, "w.yaml", name)
        )
        (root / f"use-cases/{name}/w.yaml").write_text(WORKFLOW % (name, "limit", "one"))
    (root / "instances").mkdir()
    (root / "instances/one.yaml").write_text(INSTANCE % ("one-dev", "one", "dev", 1, "x"))
    (root / "caseway.yaml").write_text(PROJECT % "prod")
    with Cache(tmp_path / "cache", "stamp") as cache:
        run_rules(project(root, cache), cache=cache)
        assert Remembered(project(root, cache), cache).paths == {"caseway.yaml"}
        (root / "instances/one.yaml").write_text(INSTANCE % ("one-dev", "one", "dev", 2, "x"))
        assert Remembered(project(root, cache), cache).paths == {
            "caseway.yaml", "instances/one.yaml", "use-cases/one/usecase.yaml", "use-cases/one/w.yaml",
        }  # fmt: skip


def test_a_change_of_what_all_share_makes_every_use_case_looked_at_again(tmp_path: Path) -> None:
    (tmp_path / "repo/use-cases/one").mkdir(parents=True)
    root = tmp_path / "repo"
    (root / "use-cases/one/usecase.yaml").write_text(USE_CASE % ("one", "s.md", "x", 1, "w.yaml", "one"))
    (root / "caseway.yaml").write_text(PROJECT % "prod")
    with Cache(tmp_path / "cache", "stamp") as cache:
        run_rules(project(root, cache), cache=cache)
        (root / "caseway.yaml").write_text(PROJECT % "test")
        assert "use-cases/one/usecase.yaml" in Remembered(project(root, cache), cache).paths
