"""GitHub as a forge, against a GitHub that holds both sides to its own API description."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from caseway.github.forge import Check, Deployed, Forge, Note, Proposal, State
from caseway.github.forges import forge_of
from caseway.github.rest import ForgeError
from caseway.model.diagnostic import Diagnostic, Severity
from github.github_fake import ANN, APP, FakeGitHub
from github.github_world import Hurry

SHA, NEXT = "a" * 40, "b" * 40
PREVIEW = "preview/pr-7"


def a_forge(github: FakeGitHub, hurry: Hurry, token: str = APP) -> Forge:
    variables = {"GITHUB_API_URL": "https://api.github.com", "GITHUB_REPOSITORY": "acme/app"}
    forge = forge_of(variables, token, pace=hurry.pace, transport=github.transport())
    assert forge is not None
    return forge


@pytest.fixture
def forge(github: FakeGitHub, hurry: Hurry) -> Forge:
    return a_forge(github, hurry)


def a_note(text: str = "a plan", run: int = 1, attempt: int = 1) -> Note:
    return Note("ci-abc", (run, attempt), text)


def a_check(state: State = State.SUCCESS, **changes: Any) -> Check:
    return Check(**{"name": "Caseway", "commit": SHA, "state": state, "title": "Planned", **changes})


def texts(github: FakeGitHub, number: int = 7) -> list[str]:
    return [each["body"].partition("\n")[2] for each in github.comments.get(number, [])]


# Comments


def test_a_second_run_updates_the_first_ones_comment(github: FakeGitHub, forge: Forge) -> None:
    first = forge.put_comment(7, a_note("one"))
    second = forge.put_comment(7, a_note("two", run=2))
    assert texts(github) == ["two"]
    assert first == second
    assert first.startswith("https://github.com/acme/app/pull/7#issuecomment-")


def test_the_same_words_are_not_sent_again(github: FakeGitHub, forge: Forge) -> None:
    forge.put_comment(7, a_note())
    github.requests.clear()
    forge.put_comment(7, a_note())
    assert [each for each in github.requests if not each.startswith("GET")] == []


def test_a_late_run_does_not_overwrite_what_a_newer_one_wrote(github: FakeGitHub, forge: Forge) -> None:
    forge.put_comment(7, a_note("newer", run=5))
    forge.put_comment(7, a_note("older", run=4, attempt=9))
    assert texts(github) == ["newer"]


def test_a_second_attempt_of_the_same_run_overwrites(github: FakeGitHub, forge: Forge) -> None:
    forge.put_comment(7, a_note("one", run=5))
    forge.put_comment(7, a_note("two", run=5, attempt=2))
    assert texts(github) == ["two"]


def test_two_projects_of_one_repository_have_a_comment_each(github: FakeGitHub, forge: Forge) -> None:
    forge.put_comment(7, a_note("one"))
    forge.put_comment(7, Note("ci-def", (1, 1), "two"))
    assert texts(github) == ["one", "two"]


def test_somebody_elses_comment_with_our_mark_is_left_alone(github: FakeGitHub, forge: Forge) -> None:
    forged = github.add_comment(7, a_note("all is well", run=999).body, "mallory", "User")
    forge.put_comment(7, a_note("a plan"))
    assert texts(github) == ["all is well", "a plan"]
    assert forged["body"] == a_note("all is well", run=999).body


def test_a_person_with_a_token_of_their_own_updates_their_comment(github: FakeGitHub, hurry: Hurry) -> None:
    forge = a_forge(github, hurry, ANN)
    forge.put_comment(7, a_note("one"))
    forge.put_comment(7, a_note("two"))
    assert texts(github) == ["two"]


def test_our_comment_is_found_behind_many_others(github: FakeGitHub, forge: Forge) -> None:
    github.page_size = 10
    for number in range(25):
        github.add_comment(7, f"word {number}", "ann", "User")
    forge.put_comment(7, a_note("one"))
    for number in range(15):
        github.add_comment(7, f"more {number}", "ann", "User")
    forge.put_comment(7, a_note("two"))
    assert [text for text in texts(github) if text] == ["two"]


def test_two_runs_that_comment_at_once_leave_one_comment(github: FakeGitHub, forge: Forge) -> None:
    def meddle(request: httpx.Request) -> None:
        if request.method == "POST":
            github.after = lambda _request: None
            github.add_comment(7, a_note("the other", run=2).body, "github-actions[bot]", "Bot")

    github.after = meddle
    forge.put_comment(7, a_note("mine", run=1))
    assert texts(github) == ["the other"]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_comment_whose_answer_was_lost_is_looked_for_before_it_is_made_again(
    github: FakeGitHub, forge: Forge, arrived: bool
) -> None:
    def lose(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST":
            return None
        github.misbehaviour = lambda _request: None
        if arrived:
            github.handle(request)
        raise httpx.ReadError("the line is dead", request=request)

    github.misbehaviour = lose
    forge.put_comment(7, a_note())
    assert texts(github) == ["a plan"]


# Checks


def test_a_check_runs_and_then_says_how_it_ended(github: FakeGitHub, forge: Forge) -> None:
    forge.put_check(a_check(State.RUNNING, title="Running"))
    forge.put_check(
        a_check(State.FAILURE, title="2 errors", text="a page", url="https://github.com/acme/app")
    )
    [check] = github.checks
    assert (check["status"], check["conclusion"], check["output"]["title"]) == (
        "completed",
        "failure",
        "2 errors",
    )


def test_a_run_that_is_done_again_finds_the_check_that_was_left_running(
    github: FakeGitHub, forge: Forge
) -> None:
    for _ in range(2):
        forge.put_check(a_check(State.RUNNING))
    forge.put_check(a_check())
    assert [each["conclusion"] for each in github.checks] == ["success"]


def test_every_finding_stands_beside_its_line(github: FakeGitHub, forge: Forge) -> None:
    found = tuple(
        Diagnostic(f"use-cases/{n}.yaml", n, 1, "", "CW301", Severity.WARNING, "wrong", "do this")
        for n in range(120)
    )
    forge.put_check(a_check(findings=found))
    [check] = github.checks
    assert len(check["all_annotations"]) == 120
    assert check["all_annotations"][5]["path"] == "use-cases/5.yaml"
    assert check["all_annotations"][5]["start_line"] == 5
    assert check["conclusion"] == "success"


def test_a_token_that_may_not_make_checks_sets_a_status(github: FakeGitHub, hurry: Hurry) -> None:
    a_forge(github, hurry, ANN).put_check(a_check(State.FAILURE, title="x" * 300))
    [status] = github.statuses
    assert (status["state"], status["context"], len(status["description"])) == ("failure", "Caseway", 140)


# Deployments


def a_deployment(commit: str = SHA, state: State = State.SUCCESS, url: str = "") -> Deployed:
    return Deployed(PREVIEW, commit, state, url, "https://github.com/acme/app/actions/runs/1", "2 instances")


def test_a_preview_is_a_deployment_with_its_address(github: FakeGitHub, forge: Forge) -> None:
    forge.put_deployment(a_deployment(state=State.RUNNING))
    forge.put_deployment(a_deployment(url="https://caseway.test/hooks/1"))
    assert github.state_of(PREVIEW) == ["success"]
    [number] = github.deployment_statuses
    assert github.deployment_statuses[number][-1]["environment_url"] == "https://caseway.test/hooks/1"


def test_a_newer_commit_takes_the_older_ones_place(github: FakeGitHub, forge: Forge) -> None:
    forge.put_deployment(a_deployment())
    forge.put_deployment(a_deployment(NEXT))
    assert github.state_of(PREVIEW) == ["inactive", "success"]


def test_a_preview_that_is_gone_is_inactive(github: FakeGitHub, forge: Forge) -> None:
    forge.put_deployment(a_deployment())
    forge.put_deployment(a_deployment(NEXT))
    forge.retire(PREVIEW)
    forge.retire(PREVIEW)
    assert github.state_of(PREVIEW) == ["inactive", "inactive"]
    assert sum(len(each) for each in github.deployment_statuses.values()) == 4


def test_another_preview_stays_when_one_goes(github: FakeGitHub, forge: Forge) -> None:
    forge.put_deployment(a_deployment())
    forge.put_deployment(Deployed("preview/pr-8", NEXT, State.SUCCESS))
    forge.retire(PREVIEW)
    assert github.state_of("preview/pr-8") == ["success"]


# Branches and pull requests


def test_the_tip_of_a_branch_is_its_commit(github: FakeGitHub, forge: Forge) -> None:
    github.branches["release/1"] = NEXT
    assert forge.tip_of("release/1") == NEXT
    assert forge.tip_of("nowhere") == ""


def test_a_change_is_proposed_once(github: FakeGitHub, forge: Forge) -> None:
    proposal = Proposal("caseway/promote-invoice", "main", "Promote invoice 1.2.0", "why")
    assert forge.propose(proposal) == forge.propose(proposal)
    assert len(github.pulls) == 1


# Permissions and limits


def test_a_token_without_permission_is_an_error_that_says_where_to_look(
    github: FakeGitHub, forge: Forge
) -> None:
    github.denied.add("POST /comments")
    with pytest.raises(ForgeError) as caught:
        forge.put_comment(7, a_note())
    assert (caught.value.code, caught.value.status) == ("forge-denied", 403)
    assert "docs/github-action.md" in caught.value.hint


def test_a_wrong_token_is_an_error(github: FakeGitHub, hurry: Hurry) -> None:
    with pytest.raises(ForgeError) as caught:
        a_forge(github, hurry, "nonsense").put_comment(7, a_note())
    assert caught.value.status == 401


def test_without_a_token_there_is_no_forge() -> None:
    assert forge_of({"GITHUB_API_URL": "https://api.github.com", "GITHUB_REPOSITORY": "a/b"}, "") is None
