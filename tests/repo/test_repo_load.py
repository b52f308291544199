"""Trees, projects and documents: what is loaded, and what never is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.errors import CasewayError
from caseway.repo.discover import candidates, projects
from caseway.repo.globs import matches_any
from caseway.repo.load import LoadedProject, load
from caseway.repo.tree import GitTree, Tree, UnreadableError, WorkTree
from repo.repo_builder import INSTANCE, PROJECT, USE_CASE, a_project, a_use_case, commit, git, write


def codes(project: LoadedProject) -> list[str]:
    return [each.code for each in project.diagnostics]


def only(tree: Tree) -> LoadedProject:
    (project,) = load(tree).projects
    return project


def kinds(project: LoadedProject) -> list[tuple[str, str]]:
    return sorted((each.kind, each.path) for each in project.documents)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    write(tmp_path, a_project())
    commit(tmp_path)
    return tmp_path


def test_a_project_is_loaded_alike_from_a_folder_and_from_a_commit(repo: Path) -> None:
    left, right = only(WorkTree(repo)), only(GitTree(repo, "HEAD"))
    assert kinds(left) == kinds(right) == [
        ("Project", "caseway.yaml"),
        ("UseCase", "use-cases/orders/usecase.yaml"),
        ("Workflow", "use-cases/orders/workflows/main.yaml"),
    ]  # fmt: skip
    assert left.blobs == right.blobs
    assert left.paths == right.paths
    assert codes(left) == codes(right) == []


def test_a_folder_outside_git_is_loaded_and_its_gitignore_is_honoured(tmp_path: Path) -> None:
    write(tmp_path, a_project() | {".gitignore": "instances/\n", "instances/a.yaml": "broken: ["})
    assert codes(only(WorkTree(tmp_path))) == []


def test_ignored_files_are_not_loaded_and_untracked_ones_are(repo: Path) -> None:
    write(
        repo,
        {
            ".gitignore": "*-draft.yaml\n",
            "instances/a-draft.yaml": "kind: [",
            "instances/b.yaml": "kind: Nope",
        },
    )
    project = only(WorkTree(repo))
    assert [(each.code, each.file) for each in project.diagnostics] == [("CW118", "instances/b.yaml")]


def test_a_commit_is_loaded_as_it_was_whatever_the_folder_holds_now(repo: Path) -> None:
    first = git(repo, "rev-parse", "HEAD")
    write(repo, a_use_case("refunds"))
    commit(repo)
    write(repo, {"use-cases/orders/usecase.yaml": "half: [wri"})
    assert {each.name for each in only(GitTree(repo, first)).documents} == {"shop", "orders", "main"}
    assert {each.name for each in only(GitTree(repo, "main")).documents} >= {"refunds"}
    assert codes(only(GitTree(repo, "main"))) == []
    assert codes(only(WorkTree(repo))) == ["CW101"]


def test_a_deleted_file_is_not_loaded_even_when_git_still_tracks_it(repo: Path) -> None:
    (repo / "use-cases/orders/workflows/main.yaml").unlink()
    assert ("Workflow", "use-cases/orders/workflows/main.yaml") not in kinds(only(WorkTree(repo)))


@pytest.mark.parametrize(
    "ref", ["nowhere", "-h", "--all", "", "HEAD~9", "main:caseway.yaml", "a\0b", "HEAD^{tree}"]
)
def test_what_is_no_commit_is_refused(repo: Path, ref: str) -> None:
    with pytest.raises(CasewayError) as refused:
        GitTree(repo, ref)
    assert refused.value.code == "no-such-ref"


def test_state_in_git_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, a_project() | {".caseway/state.db": "x", ".caseway/more.yaml": "a: ["})
    assert codes(only(WorkTree(tmp_path))) == []
    commit(tmp_path)
    for tree in (WorkTree(tmp_path), GitTree(tmp_path, "HEAD")):
        project = only(tree)
        assert codes(project) == ["CW116"]
        assert not any(path.startswith(".caseway") for path in project.paths)


def test_the_nearest_project_owns_a_file(tmp_path: Path) -> None:
    inner = {f"teams/pay/{path}": text for path, text in a_project("payouts").items()}
    inner["teams/pay/caseway.yaml"] = PROJECT.replace("shop", "pay")
    write(tmp_path, a_project() | inner)
    outer, pay = load(WorkTree(tmp_path)).projects
    assert (outer.root, outer.name, pay.root, pay.name) == ("", "shop", "teams/pay/", "pay")
    assert {each.name for each in outer.documents} == {"shop", "orders", "main"}
    assert {each.path for each in pay.documents} == {
        "caseway.yaml", "use-cases/payouts/usecase.yaml", "use-cases/payouts/workflows/main.yaml",
    }  # fmt: skip


def test_two_projects_of_one_name_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"a/caseway.yaml": PROJECT, "b/caseway.yaml": PROJECT})
    (found,) = load(WorkTree(tmp_path)).diagnostics
    assert (found.code, found.file) == ("CW121", "b/caseway.yaml")


def test_two_project_files_side_by_side_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"caseway.yaml": PROJECT, "caseway.json": "{}"})
    assert "CW121" in codes(only(WorkTree(tmp_path)))


def test_a_tree_without_a_project_has_none(tmp_path: Path) -> None:
    write(tmp_path, a_use_case())
    assert load(WorkTree(tmp_path)).projects == ()


def test_include_and_exclude_choose_the_files(tmp_path: Path) -> None:
    head = PROJECT.replace(
        "owner: ops", 'owner: ops, include: ["use-cases/**", "instances"], exclude: ["**/old/**"]'
    )
    instance = INSTANCE.replace("USE_CASE", "orders").replace("NAME", "a")
    files = a_project() | {"caseway.yaml": head, "instances/a.yaml": instance, "runtimes/r.yaml": "kind: [",
                           "use-cases/old/usecase.yaml": "kind: ["}  # fmt: skip
    project = only(WorkTree(write(tmp_path, files)))
    assert {each.kind for each in project.documents} == {"Project", "UseCase", "Workflow", "Instance"}
    assert codes(project) == []


def test_foreign_yaml_is_left_alone(tmp_path: Path) -> None:
    foreign = {
        "docker-compose.yaml": "services: {a: {image: b}}",
        "charts/x/templates/a.yaml": "{{- if .Values.x }}\na: b\n{{- end }}",
        "package.json": "{}",
        ".github/workflows/ci.yaml": "on: push\n",
        "use-cases/orders/data/sample.json": "[1, 2",
        "k8s/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\n",
    }
    project = only(WorkTree(write(tmp_path, a_project() | foreign)))
    assert codes(project) == []
    assert len(project.documents) == 3


def test_a_document_that_says_it_is_ours_is_loaded_anywhere(tmp_path: Path) -> None:
    text = INSTANCE.replace("USE_CASE", "orders").replace("NAME", "orders-dev")
    project = only(WorkTree(write(tmp_path, a_project() | {"teams/ops.yaml": text})))
    assert ("Instance", "teams/ops.yaml") in kinds(project)


def test_a_workflow_is_found_wherever_its_use_case_names_it(tmp_path: Path) -> None:
    files = a_project()
    files["use-cases/orders/flows/x.yaml"] = files.pop("use-cases/orders/workflows/main.yaml")
    files["use-cases/orders/usecase.yaml"] = files["use-cases/orders/usecase.yaml"].replace(
        "workflows/main", "./flows/x"
    )
    assert ("Workflow", "use-cases/orders/flows/x.yaml") in kinds(only(WorkTree(write(tmp_path, files))))


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("apiVersion: caseway/v1\nkind: Usecase\n", "CW118", "did you mean UseCase?"),
        ("apiVersion: caseway/v1\nkind: Nonsense\n", "CW118", "the kinds are"),
        ("- a\n", "CW118", "a document is a mapping"),
        ("title: x\n", "CW118", "add 'apiVersion: caseway/v1'"),
        ("", "CW119", "write it"),
    ],
)
def test_what_is_no_document_in_our_folders_is_told(tmp_path: Path, text: str, code: str, hint: str) -> None:
    project = only(WorkTree(write(tmp_path, a_project() | {"instances/a.yaml": text})))
    (found,) = project.diagnostics
    assert found.code == code
    assert hint in found.hint


def test_many_documents_may_stand_in_one_file(tmp_path: Path) -> None:
    texts = [INSTANCE.replace("USE_CASE", "orders").replace("NAME", name) for name in ("one", "two")]
    project = only(WorkTree(write(tmp_path, a_project() | {"instances/all.yaml": "---\n".join(texts)})))
    found = [each for each in project.documents if each.kind == "Instance"]
    assert [(each.name, each.index) for each in found] == [("one", 0), ("two", 1)]
    assert found[1].positions.at("/spec/stage") == (9, 32)


def test_schema_findings_have_places_and_codes(tmp_path: Path) -> None:
    text = USE_CASE.replace("NAME", "orders").replace("  title:", "  titel:")
    project = only(WorkTree(write(tmp_path, a_project() | {"use-cases/orders/usecase.yaml": text})))
    found = project.diagnostics[0]
    assert (found.code, found.line, found.column, found.pointer) == ("CW201", 5, 3, "/spec/titel")
    assert "title" in found.message
    assert [each.is_valid for each in project.documents if each.kind == "UseCase"] == [False]


def test_n8n_workflows_are_taken_as_they_are(tmp_path: Path) -> None:
    text = '{"name": "x", "nodes": [], "connections": {}, "anything": [1]}'
    project = only(
        WorkTree(write(tmp_path, a_project() | {"use-cases/orders/workflows/sync.n8n.json": text}))
    )
    assert [each.name for each in project.documents if each.kind == "N8nWorkflow"] == ["sync"]
    assert codes(project) == []


def test_a_link_to_a_file_of_the_project_is_followed_alike_in_folder_and_commit(tmp_path: Path) -> None:
    write(tmp_path, a_project() | {"shared/flow.yaml": a_use_case()["use-cases/orders/workflows/main.yaml"]})
    link = tmp_path / "use-cases/orders/workflows/main.yaml"
    link.unlink()
    link.symlink_to("../../../shared/flow.yaml")
    commit(tmp_path)
    for tree in (WorkTree(tmp_path), GitTree(tmp_path, "HEAD")):
        assert ("Workflow", "use-cases/orders/workflows/main.yaml") in kinds(only(tree))
        assert codes(only(tree)) == []


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../../../../../etc/passwd",
        "../../..",
        "main.yaml",
        "nowhere.yaml",
        "../../../.git/config",
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(tmp_path: Path, target: str) -> None:
    write(tmp_path, a_project())
    link = tmp_path / "use-cases/orders/workflows/main.yaml"
    link.unlink()
    link.symlink_to(target)
    commit(tmp_path)
    for tree in (WorkTree(tmp_path), GitTree(tmp_path, "HEAD")):
        project = only(tree)
        assert codes(project) == ["CW114"]
        assert "root:" not in "".join(each.message for each in project.diagnostics)


def test_a_folder_replaced_by_a_link_is_not_entered(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"main.yaml": "secret: text"})
    root = write(tmp_path / "repo", a_project())
    commit(root)
    folder = root / "use-cases/orders/workflows"
    (folder / "main.yaml").unlink()
    folder.rmdir()
    folder.symlink_to(outside)
    project = only(WorkTree(root))
    assert not any("workflows" in path and "main" in path for path in project.paths)
    assert kinds(project) == [("Project", "caseway.yaml"), ("UseCase", "use-cases/orders/usecase.yaml")]


def test_pipes_are_not_read(repo: Path) -> None:
    target = repo / "use-cases/orders/workflows/main.yaml"
    target.unlink()
    os.mkfifo(target)
    assert codes(only(WorkTree(repo))) == ["CW100"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(repo: Path) -> None:
    (repo / "caseway.yaml").chmod(0)
    assert codes(only(WorkTree(repo))) == ["CW100"]


@pytest.mark.parametrize("name", ["a\nb.yaml", "a\x1b[31mb.yaml", "a\u202eb.yaml"])
def test_file_names_that_do_not_print_are_refused_in_print(repo: Path, name: str) -> None:
    write(repo, {f"instances/{name}": INSTANCE})
    commit(repo)
    for tree in (WorkTree(repo), GitTree(repo, "HEAD")):
        (found,) = only(tree).diagnostics
        assert found.code == "CW115"
        assert (found.file + found.message).isprintable()


def test_file_names_that_are_not_utf_8_are_refused_in_print(repo: Path) -> None:
    (repo / "instances").mkdir()
    Path(os.fsdecode(os.fsencode(repo) + b"/instances/\xff.yaml")).write_text(INSTANCE)
    (found,) = only(WorkTree(repo)).diagnostics
    assert (found.code, found.file) == ("CW115", "instances/\\xff.yaml")


def test_a_repository_inside_the_project_is_not_entered(repo: Path) -> None:
    write(repo / "vendor", a_project("foreign"))
    commit(repo / "vendor")
    assert not any("vendor" in path for path in only(WorkTree(repo)).paths)


def test_text_answers_for_the_project_s_own_files_only(repo: Path) -> None:
    project = only(WorkTree(repo))
    assert project.text("caseway.yaml") == PROJECT
    assert (
        project.text("../../etc/passwd") == project.text("/etc/passwd") == project.text(".git/config") == ""
    )
    with pytest.raises(UnreadableError):
        project.read("nowhere")


def test_many_texts_of_a_commit_come_one_by_one(repo: Path) -> None:
    write(repo, {f"docs/{number}.md": f"text {number}" for number in range(600)})
    commit(repo)
    project = only(GitTree(repo, "HEAD"))
    assert [project.text(f"docs/{number}.md") for number in (0, 599, 300, 1)] == [
        "text 0",
        "text 599",
        "text 300",
        "text 1",
    ]


def test_a_project_that_cannot_be_read_is_still_a_project(tmp_path: Path) -> None:
    project = only(WorkTree(write(tmp_path, {"caseway.yaml": "a: ["})))
    assert (project.name, codes(project)) == ("", ["CW101"])


@pytest.mark.parametrize(
    ("path", "pattern", "is_match"),
    [
        ("a/b/c.yaml", "**", True), ("a/b.yaml", "a", True), ("a/b.yaml", "a/", True),
        ("a/b.yaml", "./a/*", True),
        ("ab/c", "a", False), ("x/a/b", "**/a", True), ("x/a/b", "**/c", False), ("a", "**/a", True),
        ("a/b/c", "a/**/c", True), ("a/c", "a/**/c", True), ("a/b.yml", "*.yml", False),
        ("b.yml", "*.yml", True),
        ("a/b.yml", "**/*.yml", True), ("archive/x/y", "archive/**", True), ("a/b", "b", False),
        ("a/x1", "a/x?", True),
    ],
)  # fmt: skip
def test_globs_match_within_and_across_folders(path: str, pattern: str, is_match: bool) -> None:
    assert matches_any(path, [pattern]) is is_match


def test_no_glob_takes_for_ever() -> None:
    assert not matches_any("a/" * 2000 + "b", ["**/a*/" * 300 + "c"])
    assert not matches_any("a" * 5000, ["*a" * 1000 + "c"])


NAMES = st.sampled_from(
    ["a", "b", "use-cases", "workflows", "tests", "instances", ".x", "caseway.yaml", "usecase.yaml", "m.json"]
)


@given(st.sets(st.lists(NAMES, min_size=1, max_size=5).map("/".join), max_size=12))
def test_every_file_has_at_most_one_owner_and_it_is_the_nearest(files: set[str]) -> None:
    found = projects(files)
    owned = [share.root + path for share in found for path in share.paths]
    assert len(owned) == len(set(owned))
    for share in found:
        assert share.root + share.file in files
        inner = [other.root for other in found if len(other.root) > len(share.root)]
        assert not any((share.root + path).startswith(tuple(inner)) for path in share.paths if inner)
        assert set(candidates(share.paths, share.file, (), ())) <= set(share.paths)
