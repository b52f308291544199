"""Projects pulled from real repositories, and the hooks that tell of pushes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.delivery.pull import pull_due, stage_refs
from caseway.delivery.pull_fetch import Heads
from caseway.model.desired import Stage
from caseway.model.errors import CasewayError
from caseway.platform import instances, pulling
from caseway.platform.compose import Platform
from caseway.platform.pulling import Remote, Secrets
from caseway.platform.pulling_url import check_url
from caseway.platform.views import get_instance, get_process, list_instances
from caseway.server.hooks.push import received
from chaos.store_builders import StandingClock
from delivery.git_world import TOKEN, a_bare, a_clone, commit, git, smart_http
from delivery.pushes import HOOK, a_push, signed
from delivery.ssh_server import a_key, ssh_server
from delivery.watched import a_project, a_use_case, a_workflow
from github.github_api import webhook_examples


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    return a_bare(tmp_path / "remotes" / "acme.git")


@pytest.fixture
def work(tmp_path: Path, bare: Path) -> Path:
    """A clone with a project of one use case, pushed."""
    folder = a_project(a_clone(tmp_path / "work", str(bare)), "hello")
    commit(folder)
    git(folder, "push", "-q", "origin", "main")
    return folder


def registered(platform: Platform, url: str, *, secrets: Secrets | None = None, **changes: Any) -> None:
    remote = Remote("acme", "acme", url, **changes)
    pulling.register(platform, remote, secrets or Secrets(hook=HOOK), actor="ann")


def look(platform: Platform, tmp_path: Path) -> pulling.ProjectView:
    """Pull what is due; how the project stands."""
    pull_due(platform, tmp_path / "cache")
    return pulling.status(platform, "acme", "acme")


def save(work: Path, text: str) -> str:
    """Change the workflow, commit and push; the commit."""
    a_workflow(work, "hello", text)
    made = commit(work)
    git(work, "push", "-q", "origin", "main")
    return made


def test_what_was_pushed_is_applied(platform: Platform, tmp_path: Path, bare: Path, work: Path) -> None:
    registered(platform, f"file://{bare}")
    head = git(work, "rev-parse", "HEAD")

    view = look(platform, tmp_path)

    assert (view.error, view.heads, view.applied) == ("", {"refs/heads/main": head}, {"dev": head})
    assert get_instance(platform, "acme", "hello").version == "1.0.0"


def test_over_smart_http_with_a_token(platform: Platform, tmp_path: Path, bare: Path, work: Path) -> None:
    with smart_http(bare.parent) as url:
        registered(platform, f"{url}/acme.git", secrets=Secrets(token=TOKEN))
        assert look(platform, tmp_path).error == ""
    assert get_instance(platform, "acme", "hello").phase == "active"


def test_over_ssh_with_a_key(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    with ssh_server(tmp_path / "ssh") as ssh:
        registered(platform, ssh.url(bare), secrets=Secrets(key=ssh.key))
        assert look(platform, tmp_path).error == ""
        head = save(work, "changed")
        clock.advance(hours=1)
        assert look(platform, tmp_path).applied == {"dev": head}
    assert get_instance(platform, "acme", "hello").version == "1.0.1"


def test_a_wrong_key_is_an_error_in_words(platform: Platform, tmp_path: Path, bare: Path, work: Path) -> None:
    with ssh_server(tmp_path / "ssh") as ssh:
        other = a_key(tmp_path / "other")
        registered(platform, ssh.url(bare), secrets=Secrets(key=other))
        view = look(platform, tmp_path)
    assert view.failures == 1
    assert "Permission denied" in view.error
    assert "PRIVATE KEY" not in view.error


def test_a_host_that_has_another_key_than_before_is_not_fetched_from(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    with ssh_server(tmp_path / "ssh") as ssh:
        registered(platform, ssh.url(bare), secrets=Secrets(key=ssh.key))
        assert look(platform, tmp_path).error == ""
    with ssh_server(tmp_path / "forged", port=ssh.port, authorized=tmp_path / "ssh/key.pub"):
        clock.advance(hours=1)
        view = look(platform, tmp_path)
    assert view.failures == 1
    assert "verification failed" in view.error


def test_a_wrong_token_is_an_error_in_words_and_in_no_log(
    platform: Platform, tmp_path: Path, bare: Path, work: Path
) -> None:
    with smart_http(bare.parent) as url:
        registered(platform, f"{url}/acme.git", secrets=Secrets(token="wr0ng-token"))
        view = look(platform, tmp_path)
    assert view.failures == 1
    assert "git cannot fetch" in view.error
    assert "wr0ng" not in view.error


def test_the_next_push_is_seen_when_its_time_comes(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    registered(platform, f"file://{bare}", seconds=60)
    look(platform, tmp_path)
    head = save(work, "changed")

    assert pull_due(platform, tmp_path / "cache") is None
    clock.advance(seconds=61)
    assert look(platform, tmp_path).applied == {"dev": head}
    assert get_instance(platform, "acme", "hello").version == "1.0.1"


def test_a_revert_goes_back_to_the_template_before(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    registered(platform, f"file://{bare}")
    look(platform, tmp_path)
    save(work, "changed")
    clock.advance(hours=1)
    look(platform, tmp_path)
    git(work, "revert", "--no-edit", "HEAD")
    git(work, "push", "-q", "origin", "main")
    clock.advance(hours=1)

    look(platform, tmp_path)

    assert get_instance(platform, "acme", "hello").version == "1.0.0"
    assert [item.version for item in get_process(platform, "acme", "hello").templates] == ["1.0.1", "1.0.0"]


def test_of_a_repository_only_the_newest_commit_is_fetched(
    platform: Platform, tmp_path: Path, bare: Path, work: Path
) -> None:
    for number in range(3):
        save(work, f"text {number}")
    registered(platform, f"file://{bare}")
    look(platform, tmp_path)
    [cached] = (tmp_path / "cache").glob("*.git")
    assert git(cached, "rev-list", "--count", "--all") == "1"


def test_a_forced_push_is_followed(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    registered(platform, f"file://{bare}")
    look(platform, tmp_path)
    a_workflow(work, "hello", "rewritten")
    git(work, "commit", "-q", "-a", "--amend", "-m", "another history")
    git(work, "push", "-q", "--force", "origin", "main")
    clock.advance(hours=1)
    assert look(platform, tmp_path).applied == {"dev": git(work, "rev-parse", "HEAD")}


def test_a_commit_that_does_not_hold_is_told_with_its_place_and_changes_nothing(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    registered(platform, f"file://{bare}")
    good = look(platform, tmp_path).applied
    save(work, 'x"]')
    clock.advance(hours=1)

    view = look(platform, tmp_path)

    assert "use-cases/hello/workflows/main.yaml:4" in view.error
    assert view.applied == good
    head = save(work, "mended")
    clock.advance(hours=1)
    view = look(platform, tmp_path)
    assert (view.error, view.failures, view.applied) == ("", 0, {"dev": head})


def test_failures_are_tried_again_ever_more_seldom(
    platform: Platform, tmp_path: Path, clock: StandingClock
) -> None:
    registered(platform, f"file://{tmp_path}/nowhere.git", seconds=60)
    waits = []
    for _ in range(9):
        before = clock()
        view = look(platform, tmp_path)
        due = clock.__class__(now=before).now.fromisoformat(view.due_at)
        waits.append(due - before)
        clock.now = due
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)


def test_drift_is_counted_and_left_alone_unless_it_is_to_be_healed(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    registered(platform, f"file://{bare}")
    look(platform, tmp_path)
    instances.pause(platform, "acme", "hello", actor="bob")
    clock.advance(hours=1)
    assert look(platform, tmp_path).drift == 1
    assert get_instance(platform, "acme", "hello").phase == "user_paused"

    registered(platform, f"file://{bare}", heals=True)
    assert look(platform, tmp_path).drift == 0
    assert get_instance(platform, "acme", "hello").phase == "active"


def test_a_suspended_project_stays_as_it_is(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    registered(platform, f"file://{bare}")
    look(platform, tmp_path)
    pulling.suspend(platform, "acme", "acme", actor="ann")
    head = save(work, "changed")
    clock.advance(hours=1)
    assert pull_due(platform, tmp_path / "cache") is None
    pulling.resume(platform, "acme", "acme", actor="ann")
    assert look(platform, tmp_path).applied == {"dev": head}


def test_each_stage_runs_what_its_branch_has(
    platform: Platform, tmp_path: Path, bare: Path, work: Path
) -> None:
    text = (work / "caseway.yaml").read_text()
    text = text.replace("follows: latest}", "follows: latest, branches: [main]}")
    text = text.replace("protected: true}", "tags: ['v*']}")
    (work / "caseway.yaml").write_text(text)
    (work / "instances").mkdir()
    for stage in ("dev", "prod"):
        document = f"apiVersion: caseway/v1\nkind: Instance\nmetadata: {{name: hello-{stage}}}\n"
        (work / f"instances/{stage}.yaml").write_text(
            document + f"spec: {{useCase: hello, stage: {stage}}}\n"
        )
    (work / "use-cases/hello/usecase.yaml").write_text(
        (work / "use-cases/hello/usecase.yaml").read_text().replace("spec:\n", "spec:\n  exclusive: false\n")
    )
    tagged = commit(work, "a release")
    git(work, "tag", "-a", "v1.9.0", "-m", "older")
    git(work, "tag", "-a", "v1.10.0", "-m", "a release")
    a_workflow(work, "hello", "newer")
    newest = commit(work)
    git(work, "push", "-q", "--tags", "origin", "main")
    registered(platform, f"file://{bare}")

    view = look(platform, tmp_path)

    assert (view.error, view.applied) == ("", {"dev": newest, "prod": tagged})
    versions = {item.stage: item.version for item in list_instances(platform, "acme")}
    assert versions == {"dev": "1.0.0", "prod": "1.0.1"}


def test_of_several_tags_the_highest_version_counts() -> None:
    stages = (Stage("dev", branches=("main",)), Stage("prod", tags=("v*",)))
    refs = {"refs/heads/main": "a", "refs/tags/v1.9.0": "b", "refs/tags/v1.10.0": "c", "refs/heads/x": "d"}
    found = stage_refs(stages, Heads(refs, "refs/heads/main"))
    assert found == {"dev": "refs/heads/main", "prod": "refs/tags/v1.10.0"}


def test_a_repository_without_the_project_is_an_error(
    platform: Platform, tmp_path: Path, bare: Path, work: Path
) -> None:
    pulling.register(platform, Remote("acme", "other", f"file://{bare}"), Secrets(), actor="ann")
    pull_due(platform, tmp_path / "cache")
    assert "has no project 'other'" in pulling.status(platform, "acme", "other").error


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-upload-pack=touch /tmp/x",
        "--upload-pack=x",
        "ext::sh -c touch% /tmp/x",
        "fd::17",
        "ssh://-oProxyCommand=x/y",
        "ssh://git@-oProxyCommand=x/y",
        "git@-oProxyCommand=x:y",
        "-oProxyCommand=x@host:y",
        "http://git.example.com/x.git",
        "git://example.com/x.git",
        "https://user:secret@example.com/x.git",
        "https://token@example.com/x.git",
        "file://host/x.git",
        "file://x.git",
        "/srv/x.git",
        "../x.git",
        "https://example.com/x\n.git",
        "https:///x.git",
        "host:path",
    ],
)
def test_an_address_in_disguise_is_refused(platform: Platform, url: str) -> None:
    with pytest.raises(CasewayError) as caught:
        registered(platform, url)
    assert caught.value.code == "git-url"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/acme/automations.git",
        "ssh://git@git.example.com:2222/acme/automations.git",
        "git@git.example.com:acme/automations.git",
        "file:///srv/git/acme.git",
        "http://127.0.0.1:3000/acme.git",
    ],
)
def test_usual_addresses_are_taken(url: str) -> None:
    assert check_url(url) == url


@given(st.text(max_size=60))
def test_no_address_makes_the_check_stumble(url: str) -> None:
    try:
        assert check_url(url) == url
    except CasewayError as error:
        assert error.code == "git-url"


@pytest.mark.parametrize("forge", ["github", "gitea", "gitlab"])
def test_a_push_that_a_forge_tells_of_is_live_without_waiting(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, forge: str
) -> None:
    registered(platform, f"file://{bare}", seconds=3600)
    look(platform, tmp_path)
    head = save(work, "changed")

    answer = received(platform, *signed(a_push(bare), forge))

    assert (answer["status"], answer["project"]) == ("queued", "acme")
    assert look(platform, tmp_path).applied == {"dev": head}


def test_a_push_that_is_told_of_during_a_look_gets_a_look_of_its_own(
    platform: Platform, clock: StandingClock, tmp_path: Path, bare: Path, work: Path
) -> None:
    registered(platform, f"file://{bare}", seconds=3600)
    pushed: list[str] = []

    def meddle(name: str) -> None:
        if name.startswith("action:") and not pushed:
            pushed.append(save(work, "changed"))
            clock.advance(seconds=1)
            received(platform, *signed(a_push(bare)))

    pull_due(replace(platform, on_boundary=meddle), tmp_path / "cache")
    assert look(platform, tmp_path).applied == {"dev": pushed[0]}


def test_a_delivery_that_comes_again_does_nothing(
    platform: Platform, tmp_path: Path, bare: Path, work: Path
) -> None:
    registered(platform, f"file://{bare}", seconds=3600)
    look(platform, tmp_path)
    assert received(platform, *signed(a_push(bare)))["status"] == "queued"
    look(platform, tmp_path)
    assert received(platform, *signed(a_push(bare)))["status"] == "known"
    assert pull_due(platform, tmp_path / "cache") is None


@pytest.mark.parametrize("forge", ["github", "gitea", "gitlab"])
def test_a_delivery_with_the_wrong_secret_is_refused(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, forge: str
) -> None:
    registered(platform, f"file://{bare}", seconds=3600)
    look(platform, tmp_path)
    with pytest.raises(CasewayError) as caught:
        received(platform, *signed(a_push(bare), forge, secret="guessed"))
    assert caught.value.code == "unauthenticated"
    assert pull_due(platform, tmp_path / "cache") is None


def test_a_delivery_that_was_changed_on_the_way_is_refused(platform: Platform, bare: Path) -> None:
    registered(platform, f"file://{bare}")
    headers, body = signed(a_push(bare))
    with pytest.raises(CasewayError) as caught:
        received(platform, headers, body.replace(b"main", b"evil"))
    assert caught.value.code == "unauthenticated"


def test_a_project_without_a_hook_secret_takes_no_deliveries(platform: Platform, bare: Path) -> None:
    registered(platform, f"file://{bare}", secrets=Secrets())
    with pytest.raises(CasewayError) as caught:
        received(platform, *signed(a_push(bare), secret=""))
    assert caught.value.code == "unauthenticated"


def test_a_repository_is_the_same_whichever_way_one_gets_there(platform: Platform) -> None:
    registered(platform, "https://git.example.com/acme/automations.git")
    told = {"repository": {"ssh_url": "git@git.example.com:acme/automations.git"}}
    assert received(platform, *signed({**a_push(Path("/x")), **told}))["status"] == "queued"


def test_every_real_push_of_github_is_understood(platform: Platform) -> None:
    """The examples that GitHub itself publishes."""
    expected = {"new": "queued", "gone": "ignored"}
    for number, payload in enumerate(webhook_examples()["push"]):
        registered(platform, payload["repository"]["clone_url"])
        answer = received(platform, *signed(payload, **{"X-GitHub-Delivery": f"real-0000-{number}"}))
        assert answer["status"] == expected["gone" if payload["deleted"] else "new"], payload["ref"]
    assert number >= 1
    for payload in webhook_examples()["ping"]:
        if "repository" in payload:
            registered(platform, payload["repository"]["clone_url"])
            answer = received(platform, *signed(payload, **{"X-GitHub-Event": "ping"}))
            assert "the hook works" in answer["reason"]


@pytest.mark.parametrize("url", ["https://h:99999/x", "https://[/x", "https://h:x/y", "//", ":", "\ud800://"])
def test_an_address_that_is_none_is_refused_in_words(platform: Platform, url: str) -> None:
    registered(platform, "https://git.example.com/acme/automations.git")
    with pytest.raises(CasewayError) as caught:
        received(platform, *signed({"ref": "refs/heads/main", "repository": {"clone_url": url}}))
    assert caught.value.code == "unauthenticated"


def test_what_is_no_push_is_ignored(platform: Platform, bare: Path) -> None:
    registered(platform, f"file://{bare}")
    ping = {"repository": {"clone_url": f"file://{bare}"}, "zen": "Keep it logically awesome."}
    headers, body = signed(ping)
    assert received(platform, {**headers, "X-GitHub-Event": "ping"}, body)["status"] == "ignored"
    gone = a_push(bare, after="0" * 40)
    assert received(platform, *signed(gone))["status"] == "ignored"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"', b"[" * 100_000])
def test_what_is_no_delivery_is_refused_in_words(platform: Platform, body: bytes) -> None:
    with pytest.raises(CasewayError) as caught:
        received(platform, {"X-GitHub-Event": "push"}, body)
    assert caught.value.code == "bad-request"


def test_secrets_are_not_stored_in_the_clear(platform: Platform, bare: Path, tmp_path: Path) -> None:
    registered(platform, f"file://{bare}", secrets=Secrets("tok-123", "key-123", "hook-123"))
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("state.db*"))
    assert not any(word in stored for word in (b"tok-123", b"key-123", b"hook-123"))


def test_registering_again_without_secrets_keeps_them(platform: Platform, bare: Path) -> None:
    registered(platform, f"file://{bare}")
    registered(platform, f"file://{bare}", secrets=Secrets(token="new"))
    assert [secret for _, secret in pulling.candidates(platform, lambda _: True)] == [HOOK]


def test_a_new_use_case_comes_and_one_that_is_gone_goes_when_pruning(
    platform: Platform, tmp_path: Path, bare: Path, work: Path, clock: StandingClock
) -> None:
    registered(platform, f"file://{bare}", prunes=True)
    look(platform, tmp_path)
    a_use_case(work, "other")
    git(work, "rm", "-q", "-r", "use-cases/hello")
    commit(work)
    git(work, "push", "-q", "origin", "main")
    clock.advance(hours=1)
    assert look(platform, tmp_path).error == ""
    assert [item.name for item in list_instances(platform, "acme")] == ["other"]
