"""From a path to desired state: defaults, digests, instances, cache and fingerprint."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caseway.model.desired import Desired, Follows, Source, Strategy, UseCase
from caseway.model.diagnostic import Severity
from caseway.model.errors import CasewayError
from caseway.repo.cache import Cache, tool_stamp, user_folder
from caseway.repo.compile import desired as compiled
from caseway.repo.fingerprint import read_fingerprint
from caseway.repo.load import load
from caseway.repo.parse import parse
from caseway.repo.read import Reading, read
from caseway.repo.tree import WorkTree
from repo.repo_builder import INSTANCE, PROJECT, a_project, a_use_case, commit, git, write


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield


def an_instance(name: str, use_case: str = "orders", **spec: Any) -> str:
    document = yaml.safe_load(INSTANCE.replace("USE_CASE", use_case).replace("NAME", name))
    document["spec"] |= spec
    return json.dumps(document)


def desired(path: Path, **options: Any) -> Desired:
    reading = read(path, **options)
    assert [each for each in reading.diagnostics if each.severity is Severity.ERROR] == []
    (found,) = reading.desired
    return found


def the_use_case(path: Path) -> UseCase:
    (found,) = desired(path).use_cases
    return found


def codes(reading: Reading) -> set[str]:
    return {each.code for each in reading.diagnostics if each.severity is Severity.ERROR}


def test_defaults_are_written_out(tmp_path: Path) -> None:
    write(tmp_path, {"caseway.yaml": PROJECT.replace(", owner: ops", "")} | a_use_case())
    found = desired(tmp_path)
    assert (found.project, found.organization, found.owner) == ("shop", "acme", "local")
    assert [(each.name, each.follows) for each in found.stages] == [
        ("dev", Follows.LATEST),
        ("prod", Follows.PUBLISHED),
    ]
    (use_case,) = found.use_cases
    assert (use_case.version, use_case.strategy, use_case.exclusive) == ("", Strategy.AUTO, True)
    body = use_case.body
    assert body["resources"] == {"cpu": 0.5, "memory": "1GB", "disk": "5GB", "gpu": 0, "gpuType": "none"}
    assert (body["target"], body["runtime"], body["retries"], body["processType"]) == (
        "builtin",
        "default",
        3,
        "personal",
    )
    (workflow,) = body["workflows"]
    assert [each["type"] for each in workflow["triggers"]] == ["manual"]
    assert workflow["response"] == "async"
    assert workflow["definition"]["do"] == [{"first": {"set": {"a": 1}}}]
    assert (found.complete, found.max_deletes, str(found.prune)) == (True, 3, "archive")


def test_the_organization_is_the_project_s_name_unless_it_is_said(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"caseway.yaml": "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: shop}\nspec: {}\n"},
    )
    assert desired(tmp_path).organization == "shop"


def test_the_project_s_defaults_stand_between_use_case_and_schema(tmp_path: Path) -> None:
    defaults = "owner: ops, defaults: {runtime: big, resources: {cpu: 2, memory: 4GB}}"
    files = a_project() | {"caseway.yaml": PROJECT.replace("owner: ops", defaults)}
    files["use-cases/orders/usecase.yaml"] += "  resources: {memory: 8GB}\n"
    files["runtimes/big.yaml"] = (
        "apiVersion: caseway/v1\nkind: Runtime\nmetadata: {name: big}\nspec: {image: a/b}\n"
    )
    body = the_use_case(write(tmp_path, files)).body
    assert body["runtime"] == "big"
    assert body["resources"] == {"cpu": 2, "memory": "8GB", "disk": "5GB", "gpu": 0, "gpuType": "none"}


def test_visibility_changes_the_listing_and_not_the_digest(tmp_path: Path) -> None:
    before = the_use_case(write(tmp_path, a_project()))
    text = a_project()["use-cases/orders/usecase.yaml"] + "  visibility: userList\n  users: [ann]\n"
    after = the_use_case(write(tmp_path, {"use-cases/orders/usecase.yaml": text}))
    assert before.digest == after.digest
    assert (before.listing["visibility"], after.listing["visibility"]) == ("private", "userList")


@pytest.mark.parametrize("change", ["  retries: 4\n", "  releaseNotes: New\n", "  resources: {cpu: 1}\n"])
def test_what_a_template_holds_changes_the_digest(tmp_path: Path, change: str) -> None:
    before = the_use_case(write(tmp_path, a_project()))
    text = a_project()["use-cases/orders/usecase.yaml"] + change
    assert the_use_case(write(tmp_path, {"use-cases/orders/usecase.yaml": text})).digest != before.digest


def test_a_workflow_and_the_docs_beside_it_are_part_of_the_digest(tmp_path: Path) -> None:
    files = a_project()
    files["use-cases/orders/usecase.yaml"] += "  docs: docs/guide.md\n  skills: [skills/a.md]\n"
    files |= {"use-cases/orders/docs/guide.md": "# Guide\n", "use-cases/orders/skills/a.md": "Do\n"}
    first = the_use_case(write(tmp_path, files))
    assert first.body["docs"]["text"] == "# Guide\n"
    assert first.body["skills"][0]["path"] == "skills/a.md"
    second = the_use_case(write(tmp_path, {"use-cases/orders/docs/guide.md": "# Other\n"}))
    workflow = files["use-cases/orders/workflows/main.yaml"].replace("a: 1", "a: 2")
    third = the_use_case(write(tmp_path, {"use-cases/orders/workflows/main.yaml": workflow}))
    assert len({first.digest, second.digest, third.digest}) == 3


@pytest.mark.parametrize(
    ("text", "version", "strategy"),
    [('"1.2.0"', "1.2.0", "auto"), ("{strategy: minor}", "", "minor"), ("{strategy: auto}", "", "auto")],
)
def test_a_version_is_explicit_or_a_strategy(tmp_path: Path, text: str, version: str, strategy: str) -> None:
    files = a_project()
    files["use-cases/orders/usecase.yaml"] += f"  version: {text}\n"
    found = the_use_case(write(tmp_path, files))
    assert (found.version, str(found.strategy)) == (version, strategy)


def test_a_use_case_without_instances_gets_one_in_the_first_stage(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_project("orders", "refunds") | {"instances/o.json": an_instance("orders-prod", stage="prod")},
    )
    found = {each.name: each for each in desired(tmp_path).instances}
    assert set(found) == {"orders-prod", "refunds"}
    assert (found["refunds"].stage, found["refunds"].owner, found["refunds"].version) == ("dev", "ops", "*")
    assert not found["refunds"].declared
    assert found["orders-prod"].declared


def test_a_broken_instance_still_speaks_of_its_use_case(tmp_path: Path) -> None:
    write(tmp_path, a_project() | {"instances/o.json": an_instance("orders-prod", nonsense=1)})
    (found,) = read(tmp_path).desired
    assert found.instances == ()
    assert not found.complete


def test_an_instance_is_taken_as_written(tmp_path: Path) -> None:
    text = an_instance(
        "o", version="1.0.0", enabled=False, owner="ann", parameters={"x": [1]}, credentials={"a": "b"}
    )
    files = a_project() | {"instances/o.json": text}
    files["use-cases/orders/usecase.yaml"] += (
        "  parameters: {type: object, properties: {x: {type: array}}}\n"
        "  credentials: {a: {type: bearer, scope: organization}}\n"
    )
    (found,) = desired(write(tmp_path, files)).instances
    assert (found.version, found.enabled, found.owner, found.path) == (
        "1.0.0",
        False,
        "ann",
        "instances/o.json",
    )
    assert (found.parameters, found.credentials) == ({"x": [1]}, {"a": "b"})


def test_form_fields_are_compiled_into_the_body(tmp_path: Path) -> None:
    files = a_project()
    files["use-cases/orders/usecase.yaml"] += (
        "  parameters: {fields: [{key: a, type: string, label: A, default: x}]}\n"
    )
    parameters = the_use_case(write(tmp_path, files)).body["parameters"]
    assert parameters["properties"]["a"]["default"] == "x"


@pytest.mark.parametrize(
    "file", ["/etc/passwd", "../../caseway.yaml", "../refunds/workflows/main.yaml", "workflows/none.yaml"]
)
def test_a_workflow_outside_its_folder_or_missing_is_an_error_and_loses_the_use_case(
    tmp_path: Path, file: str
) -> None:
    files = a_project("orders", "refunds")
    files["use-cases/orders/usecase.yaml"] = files["use-cases/orders/usecase.yaml"].replace(
        "workflows/main.yaml", file
    )
    reading = read(write(tmp_path, files))
    assert codes(reading)
    assert [each.name for each in reading.desired[0].use_cases] == ["refunds"]
    assert not reading.desired[0].complete


def test_a_broken_file_makes_the_desired_state_incomplete(tmp_path: Path) -> None:
    reading = read(write(tmp_path, a_project() | {"connections/a.yaml": "kind: ["}))
    assert not reading.desired[0].complete
    assert [each.name for each in reading.desired[0].use_cases] == ["orders"]


def test_a_runtime_changes_with_the_files_it_is_built_from(tmp_path: Path) -> None:
    head = "apiVersion: caseway/v1\nkind: Runtime\nmetadata: {name: big}\n"
    runtime = head + "spec: {dockerfile: runtimes/big/Dockerfile}\n"
    write(tmp_path, a_project() | {"runtimes/big.yaml": runtime, "runtimes/big/Dockerfile": "FROM a\n"})
    before = read(tmp_path).desired[0].runtimes[0]
    write(tmp_path, {"runtimes/big/Dockerfile": "FROM b\n"})
    after = read(tmp_path).desired[0].runtimes[0]
    assert before.digest != after.digest
    assert after.body["dockerfile"] == "runtimes/big/Dockerfile"


def test_n8n_workflows_are_inlined_as_they_are(tmp_path: Path) -> None:
    n8n = {
        "name": "x",
        "nodes": [{"id": "1", "name": "Start", "type": "n8n-nodes-base.manualTrigger"}],
        "connections": {},
    }
    files = a_project() | {"use-cases/orders/workflows/main.n8n.json": json.dumps(n8n)}
    text = files["use-cases/orders/usecase.yaml"].replace("workflows/main.yaml", "workflows/main.n8n.json")
    files["use-cases/orders/usecase.yaml"] = text + "  target: n8n\n"
    found = read(write(tmp_path, files)).desired[0].use_cases[0]
    assert found.body["target"] == "n8n"
    assert found.body["workflows"][0]["definition"] == n8n


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        dice.shuffle(keys)
        return {key: shuffled(value[key], dice) for key in keys}
    return [shuffled(each, dice) for each in value] if isinstance(value, list) else value


def respelt(text: str, dice: random.Random) -> tuple[str, str]:
    """The same document in another spelling: its suffix and text."""
    value = shuffled(parse(text.encode(), "a.yaml").documents[0].value, dice)
    style = dice.choice(["json", "indented json", "block", "flow", "quoted"])
    if "json" in style:
        return ".json", json.dumps(value, indent=3 if style == "indented json" else None)
    spelt = yaml.safe_dump(
        value,
        sort_keys=False,
        default_flow_style=style == "flow",
        width=dice.choice([20, 200]),
        explicit_start=dice.random() < 0.5,
    )
    return ".yaml", f"# {style}\n\n{spelt}# the end\n"


RICH = """\
apiVersion: caseway/v1
kind: UseCase
metadata: {name: orders}
spec:
  title: "Orders: taken, and answered"
  description: "Two lines\\nand a long one that has to be folded somewhere, when the width is small"
  tags: [a, "yes", "2026-01-01", "12"]
  parameters:
    type: object
    properties: {limit: {type: number, default: 1.0}, names: {type: array, default: [x, null, true, 0.25]}}
  credentials: {erp: {type: bearer, scope: organization}}
  workflows:
    - {id: main, file: workflows/main.yaml, triggers: [{id: m, type: manual}, {id: h, type: http, path: /x}]}
"""
MAIN = """\
document: {dsl: 1.0.1, namespace: orders, name: main, version: 1.0.0}
do:
  - first: {set: {a: "${ .x + 1 }", b: "$[[ params.limit ]]", c: [1, 2.50, 1e3, "1.5"], d: {e: null}}}
  - second: {set: {text: "one: two # three"}}
"""


def digest_of(folder: Path) -> str:
    (project,) = load(WorkTree(folder)).projects
    assert [each for each in project.diagnostics if each.severity is Severity.ERROR] == []
    (use_case,) = compiled(project, Source()).use_cases
    return use_case.digest


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_spelling_changes_a_digest(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    dice = random.Random(seed)
    folder = tmp_path_factory.mktemp("plain")
    plain = {
        "caseway.yaml": PROJECT,
        "use-cases/orders/usecase.yaml": RICH,
        "use-cases/orders/workflows/main.yaml": MAIN,
    }
    other = tmp_path_factory.mktemp("respelt")
    for path, text in plain.items():
        suffix, spelt = respelt(text, dice)
        # the workflow's file name is part of the template, and JSON is YAML, so that one stays
        write(other, {path if "workflows" in path else path.replace(".yaml", suffix): spelt})
    assert digest_of(other) == digest_of(write(folder, plain))


def test_a_source_says_which_commit_who_and_whether_it_is_dirty(tmp_path: Path) -> None:
    write(tmp_path, a_project())
    first = commit(tmp_path, "First\n\nWith a body")
    source = desired(tmp_path).source
    assert (source.commit, source.dirty, source.ref) == (first, False, "refs/heads/main")
    assert (source.author, source.message) == ("Ann <ann@example.com>", "First\n\nWith a body")
    write(tmp_path, {"notes.txt": "new"})
    assert desired(tmp_path).source == replace(source, dirty=True)
    assert desired(tmp_path, ref="main").source == replace(source, ref="main")


def test_a_folder_outside_git_has_no_source(tmp_path: Path) -> None:
    assert desired(write(tmp_path, a_project())).source.commit == ""


def test_a_reverted_commit_gives_the_old_digest(tmp_path: Path) -> None:
    write(tmp_path, a_project())
    commit(tmp_path, "First")
    first = the_use_case(tmp_path).digest
    write(
        tmp_path,
        {"use-cases/orders/usecase.yaml": a_project()["use-cases/orders/usecase.yaml"] + "  retries: 1\n"},
    )
    commit(tmp_path, "Second")
    second = the_use_case(tmp_path).digest
    git(tmp_path, "revert", "--no-edit", "HEAD")
    assert the_use_case(tmp_path).digest == first != second
    assert desired(tmp_path, ref="HEAD~1").use_cases[0].digest == second


@pytest.mark.parametrize("start", [".", "use-cases/orders", "use-cases/orders/usecase.yaml"])
@pytest.mark.parametrize("ref", [None, "HEAD"])
def test_the_project_around_a_path_is_read(tmp_path: Path, start: str, ref: str | None) -> None:
    write(tmp_path / "automations", a_project())
    commit(tmp_path)
    reading = read(tmp_path / "automations" / start, ref=ref)
    assert (reading.prefix, reading.root) == ("automations/", tmp_path / "automations")
    assert [each.name for each in reading.projects] == ["shop"]


def test_a_project_that_only_a_commit_still_holds_can_be_read(tmp_path: Path) -> None:
    write(tmp_path / "old", a_project())
    first = commit(tmp_path)
    git(tmp_path, "rm", "-rq", "old")
    commit(tmp_path)
    assert read(tmp_path / "old", ref=first).projects[0].name == "shop"


def test_a_bare_repository_is_read_by_commit_only(tmp_path: Path) -> None:
    write(tmp_path / "work", a_project())
    commit(tmp_path / "work")
    git(tmp_path, "clone", "-q", "--bare", "work", "bare.git")
    assert desired(tmp_path / "bare.git", ref="main").project == "shop"
    with pytest.raises(CasewayError, match="bare"):
        read(tmp_path / "bare.git")


def test_several_projects_are_read_together_and_one_can_be_chosen(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(
            tmp_path / name,
            a_project() | {"caseway.yaml": PROJECT.replace("shop", name), "instances/x.yaml": "a: ["},
        )
    reading = read(tmp_path)
    assert [each.project for each in reading.desired] == ["a", "b"]
    assert {each.file for each in reading.diagnostics} == {"a/instances/x.yaml", "b/instances/x.yaml"}
    assert [each.project for each in read(tmp_path, project="b").desired] == ["b"]
    with pytest.raises(CasewayError) as refused:
        read(tmp_path, project="c")
    assert refused.value.code == "no-such-project"


@pytest.mark.parametrize(
    ("path", "ref", "code"), [("none", None, "no-such-path"), (".", "HEAD", "no-git-repository")]
)
def test_what_is_not_there_stops_the_reading(tmp_path: Path, path: str, ref: str | None, code: str) -> None:
    with pytest.raises(CasewayError) as refused:
        read(tmp_path / path, ref=ref)
    assert refused.value.code == code


def test_the_tree_id_is_of_the_content(tmp_path: Path) -> None:
    write(tmp_path, a_project())
    commit(tmp_path)
    before = read(tmp_path).tree_id
    assert read(tmp_path, ref="HEAD").tree_id == before
    write(tmp_path, {"caseway.yaml": PROJECT + "\n"})
    assert read(tmp_path).tree_id != before


def test_a_clean_tree_has_the_fingerprint_of_its_commit(tmp_path: Path) -> None:
    write(tmp_path, a_project())
    assert read_fingerprint(tmp_path) == ""
    first = commit(tmp_path)
    assert read_fingerprint(tmp_path) == read_fingerprint(tmp_path, "main") == f"{first}:"
    assert read_fingerprint(tmp_path / "use-cases") == f"{first}:use-cases/"
    assert read_fingerprint(tmp_path, "nowhere") == ""


@pytest.mark.parametrize("change", ["edited", "new", "deleted", "staged"])
def test_a_changed_tree_has_no_fingerprint(tmp_path: Path, change: str) -> None:
    write(tmp_path, a_project())
    commit(tmp_path)
    if change == "deleted":
        (tmp_path / "caseway.yaml").unlink()
    else:
        write(tmp_path, {"new.txt" if change == "new" else "caseway.yaml": PROJECT + "# more\n"})
    if change == "staged":
        git(tmp_path, "add", "-A")
    assert read_fingerprint(tmp_path) == ""


def test_changes_beside_a_project_do_not_touch_its_fingerprint(tmp_path: Path) -> None:
    write(tmp_path / "project", a_project())
    first = commit(tmp_path)
    write(tmp_path, {"elsewhere.txt": "x", "project/ignored.log": "x", "project/.gitignore": "*.log\n"})
    git(tmp_path, "add", "project/.gitignore")
    second = commit(tmp_path)
    write(tmp_path, {"elsewhere.txt": "y", "project/other.log": "x"})
    assert first != second
    assert read_fingerprint(tmp_path / "project") == f"{second}:project/"


def test_the_way_to_a_remembered_answer_imports_nothing_heavy() -> None:
    code = (
        "import sys; import caseway.repo.cache, caseway.repo.fingerprint;"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " {'yaml', 'jsonschema', 'jsonschema_rs', 'git', 'sqlalchemy', 'jinja2', 'jq',"
        " 'caseway_runner', 'httpx'}])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def test_a_second_reading_takes_everything_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a_project() | {"instances/a.yaml": "kind: Nope", "instances/b.yaml": "a: ["})
    first = read(tmp_path)
    monkeypatch.setattr("caseway.repo.reader.examine", None)
    monkeypatch.setattr("caseway.repo.rules.run_rules", None)
    second = read(tmp_path)
    assert second.diagnostics == first.diagnostics
    assert second.desired == first.desired
    assert second.tree_id == first.tree_id


def test_findings_are_remembered_for_exactly_the_same_files(tmp_path: Path) -> None:
    write(tmp_path, a_project())
    with Cache(tmp_path / ".cache", "one") as cache:
        sound = read(tmp_path, cache=cache)
        write(tmp_path, {"instances/a.yaml": INSTANCE.replace("USE_CASE", "nowhere").replace("NAME", "a")})
        broken = read(tmp_path, cache=cache)
        (tmp_path / "instances/a.yaml").unlink()
        assert read(tmp_path, cache=cache).diagnostics == sound.diagnostics
        assert codes(broken) == {"CW301"}


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path, a_project())
    before = the_use_case(tmp_path).digest
    for number in range(5):  # quick edits of one length: times alone would not tell them apart
        text = a_project()["use-cases/orders/usecase.yaml"] + f"  retries: {number}\n"
        after = the_use_case(write(tmp_path, {"use-cases/orders/usecase.yaml": text}))
        assert after.body["retries"] == number
        assert after.digest != before or number == 3


@pytest.mark.parametrize(
    "damage", [b"", b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_cache_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    write(tmp_path, a_project())
    first = read(tmp_path)
    (user_folder() / "cache.sqlite").write_bytes(damage)
    assert read(tmp_path).desired == first.desired
    assert read(tmp_path).desired == first.desired
    with Cache(user_folder(), tool_stamp()) as cache:
        cache.put("key", "value")
        assert cache.get("key") == "value"


def test_an_answer_that_is_no_answer_is_worked_out_again(tmp_path: Path) -> None:
    write(tmp_path, a_project())
    first = read(tmp_path)
    connection = sqlite3.connect(user_folder() / "cache.sqlite")
    with connection:
        connection.execute("UPDATE files SET value = '[1, 2'")
    connection.close()
    assert read(tmp_path).desired == first.desired


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a_project() | {"cache": "a file where a folder should be"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert desired(tmp_path).project == "shop"


def test_another_version_finds_an_empty_cache(tmp_path: Path) -> None:
    with Cache(tmp_path, "one") as cache:
        cache.put("key", "value")
        assert cache.get("key") == "value"
    with Cache(tmp_path, "two") as cache:
        assert cache.get("key") is None


def test_the_cache_is_for_its_user_alone(tmp_path: Path) -> None:
    with Cache(tmp_path / "folder", "one") as cache:
        assert cache.file.stat().st_mode & 0o077 == 0
        assert cache.file.parent.stat().st_mode & 0o077 == 0


def test_a_repo_cannot_bring_its_own_cache(tmp_path: Path) -> None:
    write(tmp_path, a_project() | {".cache/caseway/cache.sqlite": "x", ".caseway/cache.sqlite": "x"})
    assert tmp_path not in user_folder().parents
    assert desired(tmp_path).project == "shop"


def test_a_large_value_is_not_kept(tmp_path: Path) -> None:
    with Cache(tmp_path, "one") as cache:
        cache.put("key", "x" * 6_000_000)
        assert cache.get("key") is None


def test_the_same_tree_is_loaded_with_and_without_a_cache(tmp_path: Path) -> None:
    write(tmp_path, a_project("orders", "refunds"))
    with Cache(tmp_path / ".cache", "one") as cache:
        for _ in range(2):
            left, right = (
                load(WorkTree(tmp_path)).projects[0],
                load(WorkTree(tmp_path), cache=cache).projects[0],
            )
            assert [(each.kind, each.path, each.value) for each in left.documents] == [
                (each.kind, each.path, each.value) for each in right.documents
            ]
            assert left.blobs == right.blobs
