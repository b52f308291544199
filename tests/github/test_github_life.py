"""A pull request's life, and what pushes, tags, schedules and forks lead to, played against a fake GitHub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caseway.github.job import Do, Means
from caseway.platform import instances, previews
from caseway.platform.views import get_instance, get_process, list_instances
from github.github_fake import FakeGitHub
from github.github_world import Pipeline, Repo, commands, git, outputs_of

PREVIEW = "preview/pr-7"
PROD = """\
apiVersion: caseway/v1
kind: Instance
metadata: {name: greet-prod}
spec: {useCase: greet, stage: prod}
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.made(tmp_path / "repo")


@pytest.fixture
def pipeline(repo: Repo, github: FakeGitHub, tmp_path: Path, database_url: str) -> Pipeline:
    """Runs for the repo, with main deployed."""
    (tmp_path / "files").mkdir()
    made = Pipeline(repo, database_url, github.transport(), files=tmp_path / "files")
    assert made.push().is_ok
    github.requests.clear()
    return made


def change(repo: Repo, words: str) -> None:
    """A commit on branch `change`."""
    repo.branch("change")
    repo.use_case("greet", words)
    repo.commit(words)


def comment(github: FakeGitHub) -> str:
    """The one comment of the pull request."""
    [only] = github.comments[7]
    return str(only["body"])


def test_the_life_of_a_pull_request(pipeline: Pipeline, repo: Repo, github: FakeGitHub) -> None:
    change(repo, "good day")
    opened = pipeline.request("opened")
    assert opened.is_ok
    assert "greet | 1.0.0 → **1.0.1**" in comment(github)
    assert "https://caseway.test/hooks/" in comment(github)
    assert github.state_of(PREVIEW) == ["success"]
    assert github.checks[-1]["conclusion"] == "success"

    change(repo, "good evening")
    assert pipeline.request("synchronize").is_ok
    assert github.state_of(PREVIEW) == ["inactive", "success"]
    change(repo, "good evening to all")
    assert pipeline.request("synchronize").is_ok
    assert github.state_of(PREVIEW) == ["inactive", "inactive", "success"]
    with pipeline.platform() as platform:
        assert previews.get(platform, "acme", "shop", "pr-7").commit == repo.head

    repo.branch("change")
    repo.write(
        "use-cases/greet/usecase.yaml", "apiVersion: caseway/v1\nkind: UseCase\nmetadata: {name: greet}\n"
    )
    repo.commit("broken")
    broken = pipeline.request("synchronize")
    assert not broken.is_ok
    assert "❌" in comment(github)
    assert "usecase.yaml" in comment(github)
    assert github.checks[-1]["conclusion"] == "failure"
    assert github.checks[-1]["all_annotations"][0]["path"] == "use-cases/greet/usecase.yaml"
    with pipeline.platform() as platform:
        assert previews.get(platform, "acme", "shop", "pr-7").status == "stale"

    change(repo, "good night")
    assert pipeline.request("synchronize").is_ok
    assert "❌" not in comment(github)
    with pipeline.platform() as platform:
        assert previews.get(platform, "acme", "shop", "pr-7").status == "ready"

    git(repo.folder, "checkout", "-q", "main")
    closed = pipeline.request("closed")
    assert closed.is_ok
    assert "The preview is gone" in comment(github)
    assert set(github.state_of(PREVIEW)) == {"inactive"}
    with pipeline.platform() as platform:
        assert previews.listed(platform, "acme") == []
        assert list_instances(platform, "acme", stage="pr-7") == []


def test_the_preview_has_the_version_that_the_merge_makes(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    change(repo, "good day")
    shown = pipeline.request("opened").parts[0].versions[0].version
    pipeline.request("closed")
    git(repo.folder, "checkout", "-q", "main")
    git(repo.folder, "merge", "-q", "change")
    pipeline.push()
    with pipeline.platform() as platform:
        assert get_instance(platform, "acme", "greet").version == shown


def test_only_what_the_change_touches_is_previewed(pipeline: Pipeline, repo: Repo) -> None:
    change(repo, "good day")
    preview = pipeline.request("opened").parts[0].preview
    assert preview is not None
    assert preview.instances == ("greet--pr-7",)


def test_a_change_that_no_use_case_notices_has_no_preview(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    change(repo, "good day")
    pipeline.request("opened")
    git(repo.folder, "checkout", "-q", "change")
    repo.use_case("greet")
    repo.write("README.md", "# Words\n")
    repo.commit("only words after all")
    report = pipeline.request("synchronize")
    assert (report.is_ok, report.headline) == (True, "Nothing would change")
    assert github.state_of(PREVIEW) == ["inactive"]
    with pipeline.platform() as platform:
        assert previews.listed(platform, "acme") == []


def test_a_late_run_changes_neither_preview_nor_comment(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    change(repo, "good day")
    pipeline.request("opened")
    change(repo, "good evening")
    pipeline.number += 5
    pipeline.request("synchronize")
    newest = comment(github)
    git(repo.folder, "branch", "-q", "-f", "change", "change~1")
    pipeline.number -= 4
    pipeline.request("synchronize")
    assert comment(github) == newest


def test_a_label_leaves_comment_check_and_preview_as_they_are(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    change(repo, "good day")
    pipeline.request("opened")
    github.requests.clear()
    assert pipeline.request("labeled").job.do is Do.NOTHING
    assert github.requests == []


def test_closing_leaves_the_verdict_as_it_was(pipeline: Pipeline, repo: Repo, github: FakeGitHub) -> None:
    change(repo, "good day")
    pipeline.request("opened")
    verdict = github.checks[-1]["output"]["title"]
    pipeline.request("closed")
    assert [each["output"]["title"] for each in github.checks] == [verdict]


def test_a_run_that_is_cancelled_leaves_no_check_running(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    def cancel(name: str) -> None:
        if name.startswith("preview:"):
            raise KeyboardInterrupt

    pipeline.on_boundary = cancel
    change(repo, "good day")
    with pytest.raises(KeyboardInterrupt):
        pipeline.request("opened")
    assert [each["conclusion"] for each in github.checks] == ["failure"]
    assert "the run was cancelled" in comment(github)


# Pushes, tags, schedules


def test_a_push_to_a_stages_branch_deploys(pipeline: Pipeline, repo: Repo) -> None:
    git(repo.folder, "checkout", "-q", "main")
    repo.use_case("greet", "changed")
    repo.commit()
    report = pipeline.push()
    assert (report.job.do, report.job.stages, report.is_ok) == (Do.APPLY, ("dev",), True)
    with pipeline.platform() as platform:
        assert get_instance(platform, "acme", "greet").version == "1.0.1"
    assert not pipeline.push().is_changed


def test_a_push_to_another_branch_is_only_validated(pipeline: Pipeline, repo: Repo) -> None:
    change(repo, "changed")
    report = pipeline.push("refs/heads/change")
    assert (report.job.do, report.is_changed) == (Do.VALIDATE, False)


def test_a_tag_promotes(pipeline: Pipeline, repo: Repo) -> None:
    repo.write("instances/greet-prod.yaml", PROD)
    repo.commit()
    report = pipeline.push("refs/tags/v1")
    assert (report.job.do, report.is_ok) == (Do.PROMOTE, True)
    with pipeline.platform() as platform:
        assert get_instance(platform, "acme", "greet-prod").version == "1.0.0"
        assert get_process(platform, "acme", "greet").templates[0].status == "published"


def test_a_commit_that_its_branch_has_left_behind_is_not_deployed(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    github.branches["main"] = "b" * 40
    repo.use_case("greet", "old words")
    repo.commit()
    report = pipeline.push()
    assert (report.job.do, report.is_ok) == (Do.NOTHING, True)
    assert "moved on" in report.job.reason


def test_a_forge_that_has_not_heard_of_the_push_yet_does_not_hold_it_up(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    github.branches["main"] = before = repo.head
    repo.use_case("greet", "new words")
    repo.commit()
    assert pipeline.push(before=before).job.do is Do.APPLY


def test_a_broken_push_deploys_nothing(pipeline: Pipeline, repo: Repo) -> None:
    repo.write("use-cases/greet/workflows/hello.yaml", "document: {}\n")
    repo.commit()
    report = pipeline.push()
    assert not report.is_ok
    assert any(
        "file=use-cases/greet/workflows/hello.yaml,line=1" in line for line in commands(pipeline.log, "error")
    )
    with pipeline.platform() as platform:
        assert get_instance(platform, "acme", "greet").version == "1.0.0"


def test_a_blocked_plan_fails_the_run(pipeline: Pipeline, repo: Repo) -> None:
    for words in ("one", "two"):
        repo.use_case("greet", words)
        file = repo.folder / "use-cases/greet/usecase.yaml"
        file.write_text(file.read_text().replace("spec:\n", "spec:\n  version: 3.0.0\n"))
        repo.commit()
        report = pipeline.push()
    assert report.headline.startswith("The plan is blocked")
    assert not report.is_ok


def test_a_schedule_reports_drift_and_repairs_nothing(pipeline: Pipeline, repo: Repo) -> None:
    assert pipeline.run("schedule", {}).headline == "No drift"
    with pipeline.platform() as platform:
        instances.pause(platform, "acme", "greet", actor="ann")
    report = pipeline.run("schedule", {})
    assert (report.is_ok, report.is_changed) == (True, True)
    with pipeline.platform() as platform:
        assert get_instance(platform, "acme", "greet").phase == "user_paused"


def test_a_dispatched_run_does_what_its_inputs_say(pipeline: Pipeline, repo: Repo) -> None:
    report = pipeline.run(
        "workflow_dispatch", {"inputs": {"do": "apply", "stage": "dev"}}, GITHUB_REF="refs/heads/x"
    )
    assert (report.job.do, report.job.stages, report.is_ok) == (Do.APPLY, ("dev",), True)


# Those who may see no secret


def test_a_fork_is_planned_without_the_platform_and_the_forge(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    change(repo, "good day")
    pipeline.connected.clear()
    report = pipeline.request("opened", fork="mallory/app")
    assert report.is_ok
    assert report.job.do is Do.PLAN
    assert [version.use_case for version in report.parts[0].versions] == ["greet"]
    assert pipeline.connected == []
    assert github.requests == []


def test_closing_a_forks_request_reaches_for_nothing(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    change(repo, "good day")
    pipeline.connected.clear()
    report = pipeline.request("closed", fork="mallory/app")
    assert (report.job.do, pipeline.connected, github.requests) == (Do.NOTHING, [], [])


def test_pull_request_target_is_refused_before_anything_is_read(pipeline: Pipeline, repo: Repo) -> None:
    pipeline.connected.clear()
    report = pipeline.run("pull_request_target", {"action": "opened", "number": 7})
    assert not report.is_ok
    assert report.headline == "Refused"
    [told] = commands(pipeline.log, "error")
    assert "Use the pull_request event" in told
    page = (pipeline.files / "summary.md").read_text()  # type: ignore[operator]
    assert page.rpartition("### ")[2].count("strangers wrote") == 1
    assert pipeline.connected == []


def test_a_request_without_a_platform_is_planned_against_its_target(pipeline: Pipeline, repo: Repo) -> None:
    change(repo, "good day")
    pipeline.means = Means(has_platform=False)
    pipeline.connected.clear()
    report = pipeline.request("opened")
    assert [(each.use_case, each.before) for each in report.parts[0].versions] == [("greet", "1.0.0")]
    assert pipeline.connected == []


# What is told


def test_a_forge_that_refuses_does_not_fail_the_run(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    github.denied |= {"POST /comments", "POST /check-runs", "POST /deployments"}
    change(repo, "good day")
    report = pipeline.request("opened")
    assert report.is_ok
    assert any("the token lacks a permission" in remark for remark in report.remarks)
    assert commands(pipeline.log, "warning")


def test_later_steps_get_the_outputs(pipeline: Pipeline, repo: Repo) -> None:
    change(repo, "good day")
    assert pipeline.files is not None
    (pipeline.files / "output").unlink()
    pipeline.request("opened")
    found = outputs_of(pipeline.files / "output")
    assert found["changed"] == "true"
    assert found["version"] == "1.0.1"
    assert found["preview-id"] == "pr-7"
    assert found["preview-url"].startswith("https://caseway.test/hooks/")
    assert json.loads(found["plan-json"]) == json.loads((pipeline.files / "plan.json").read_text())
    assert found["summary"].startswith("### ✅ Caseway")


def test_a_malicious_title_neither_pings_nor_breaks_the_page(
    pipeline: Pipeline, repo: Repo, github: FakeGitHub
) -> None:
    evil = (
        '"x | @acme/all </details> <!-- ![i](http://evil.test/i.png) ``` #1 [a](javascript:1) ::add-mask::y"'
    )
    repo.branch("change")
    repo.use_case("greet", "evil", title=evil)
    repo.commit("evil")
    report = pipeline.request("opened")
    assert report.is_ok
    outside = _outside_of_fences(comment(github))
    assert "@acme" not in outside
    assert "http://evil" not in outside
    assert "</details> <!--" not in outside
    assert not any(line.startswith("::add-mask::") for text in pipeline.log for line in text.splitlines())


def _outside_of_fences(text: str) -> str:
    kept, fence = [], ""
    for line in text.splitlines():
        marks = line[: len(line) - len(line.lstrip("`"))]
        if len(marks) >= 3 and not fence:
            fence = marks
        elif fence and line == fence:
            fence = ""
        elif not fence:
            kept.append(line)
    return "\n".join(kept)
