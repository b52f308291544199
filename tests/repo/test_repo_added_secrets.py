"""What a range of commits adds: secrets in any file, though they are gone again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caseway.cli.main import cli
from caseway.model.errors import CasewayError
from caseway.repo import git
from caseway.repo.added_secrets import secrets_added

TOKEN = "gh" + "p_" + "a1B2" * 9  # put together, so that this file holds none
LOGIN = "postgres://erp:" + "Tr0ub4dor3@db.example/erp"
PROJECT = "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
Commit = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run(tmp_path, "init", "--quiet", "--initial-branch=main")
    return tmp_path


@pytest.fixture
def commit(folder: Path) -> Commit:
    def make(files: dict[str, str | bytes | None]) -> str:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        run(folder, "add", "--all")
        run(folder, "commit", "--quiet", "--allow-empty", "-m", "a change")
        return git.resolve(folder, "HEAD")

    make({"caseway.yaml": PROJECT})
    return make


def run(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@acme.example")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def found(folder: Path, since: str, **options: Any) -> list[tuple[str, int]]:
    return [(item.file, item.line) for item in secrets_added(folder, since, **options)]


def test_a_secret_in_any_file_is_found(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    made = commit({"notes/deploy.txt": f"first\n{TOKEN}\n", "run.sh": f"psql {LOGIN}\n"})
    (one, other) = sorted(secrets_added(folder, base))
    assert (one.file, one.line, one.code, str(one.severity)) == ("notes/deploy.txt", 2, "CW123", "error")
    assert made[:10] in one.message and "GitHub token" in one.message
    assert other.file == "run.sh" and "password in a URL" in other.message


def test_no_secret_is_repeated(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    commit({"a.txt": f"{TOKEN} {LOGIN}\n"})
    said = json.dumps([item.message + item.hint for item in secrets_added(folder, base)])
    assert TOKEN not in said and "Tr0ub4dor3" not in said


def test_what_a_later_commit_removed_is_found(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    added = commit({"a.txt": f"{TOKEN}\n"})
    commit({"a.txt": "nothing\n"})
    (only,) = secrets_added(folder, base)
    assert added[:10] in only.message


def test_what_was_there_before_the_range_is_not_told_again(folder: Path, commit: Commit) -> None:
    base = commit({"a.txt": f"{TOKEN}\n"})
    commit({"a.txt": f"a line before\n{TOKEN}\n"})
    assert found(folder, base) == []


def test_a_secret_is_told_once_however_often_its_file_changes(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    commit({"a.txt": f"{TOKEN}\n"})
    commit({"a.txt": f"more\n{TOKEN}\n"})
    assert found(folder, base) == [("a.txt", 1)]


def test_what_a_merge_itself_adds_is_found_and_what_it_brings_once(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    run(folder, "checkout", "--quiet", "-b", "side")
    commit({"side.txt": f"{TOKEN}\n"})
    run(folder, "checkout", "--quiet", "main")
    commit({"main.txt": "x\n"})
    run(folder, "merge", "--quiet", "--no-ff", "--no-commit", "side")
    (folder / "main.txt").write_text(f"x\nhidden {TOKEN}\n")
    run(folder, "commit", "--quiet", "--all", "-m", "merge")
    assert sorted(found(folder, base)) == [("main.txt", 2), ("side.txt", 1)]


def test_the_first_commit_of_all_is_looked_at(folder: Path, commit: Commit) -> None:
    run(folder, "checkout", "--quiet", "--orphan", "other")
    commit({"a.txt": f"{TOKEN}\n"})
    assert ("a.txt", 1) in found(folder, "main")


def test_where_a_checkout_ends_what_was_there_is_not_new(
    folder: Path, commit: Commit, tmp_path: Path
) -> None:
    commit({"old.txt": f"{TOKEN}\n", "moved.txt": f"x {TOKEN}\n"})
    run(folder, "checkout", "--quiet", "-b", "side")
    run(folder, "mv", "moved.txt", "elsewhere.txt")
    commit({"new.txt": f"y {TOKEN}\n", "old.txt": f"a line before\n{TOKEN}\n"})
    run(folder, "checkout", "--quiet", "main")
    run(folder, "merge", "--quiet", "--no-ff", "side")
    shallow = tmp_path / "shallow"
    run(folder, "clone", "--quiet", "--depth=2", f"file://{folder}", str(shallow))
    assert found(shallow, "HEAD^1") == [("new.txt", 1)]


def test_a_line_may_say_that_it_is_meant(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    commit({"a.txt": f"{TOKEN}  # caseway: ignore CW123 -- a stand-in\n"})
    assert found(folder, base) == []


def test_what_is_no_text_is_passed_over(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    commit({"a.bin": b"\0" + TOKEN.encode(), "long.txt": "x" * 2_100_000 + TOKEN, "z.txt": TOKEN})
    assert found(folder, base) == [("z.txt", 1)]


def test_names_of_files_may_be_anything(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    commit({"a b\n:c.txt": f"{TOKEN}\n"})
    assert len(secrets_added(folder, base)) == 1


def test_files_are_named_from_the_folder_that_was_read(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    commit({"one/a.txt": f"{TOKEN}\n", "two/b.txt": f"{TOKEN}\n"})
    assert sorted(found(folder / "one", base, prefix="one/")) == [("../two/b.txt", 1), ("a.txt", 1)]


def test_a_program_of_the_repository_is_not_started(folder: Path, commit: Commit) -> None:
    base = git.resolve(folder, "HEAD")
    trap = folder.parent / "started"
    for setting in ("diff.external", "diff.trap.textconv", "gpg.program", "core.pager"):
        run(folder, "config", setting, f"touch {trap}; false")
    run(folder, "config", "log.showSignature", "true")
    commit({".gitattributes": "*.txt diff=trap\n", "a.txt": f"{TOKEN}\n"})
    assert found(folder, base) == [("a.txt", 1)] and not trap.exists()


@pytest.mark.parametrize("since", ["nothing-like-it", "--output=x", ""])
def test_a_beginning_that_is_not_there_is_an_error_in_words(folder: Path, commit: Commit, since: str) -> None:
    with pytest.raises(CasewayError) as caught:
        secrets_added(folder, since)
    assert caught.value.code == "no-such-ref"


def test_validate_and_plan_look_at_the_range(
    folder: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = git.resolve(folder, "HEAD")
    commit({"notes.txt": f"{TOKEN}\n"})
    commit({"notes.txt": None})
    monkeypatch.chdir(folder)
    assert CliRunner().invoke(cli, ["validate"]).exit_code == 0
    checked = CliRunner().invoke(cli, ["validate", "--since", base, "--format", "json"])
    assert checked.exit_code == 1
    assert [item["code"] for item in json.loads(checked.stdout)["diagnostics"]] == ["CW123"]
    planned = CliRunner().invoke(cli, ["plan", "--since", base, "--format", "json"])
    assert planned.exit_code == 1 and "invalid-project" in planned.output
    assert CliRunner().invoke(cli, ["validate", "--since", "HEAD"]).exit_code == 0
