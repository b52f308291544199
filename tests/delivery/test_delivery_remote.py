"""Previews, watching and push hooks through a server: the same as in one's own process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from caseway.delivery.preview import (
    ChangeRequest,
    preview_down,
    preview_gc,
    preview_list,
    preview_request,
    preview_stale,
    preview_up,
)
from caseway.delivery.watch import Watch, WatchRequest
from caseway.model.errors import CasewayError
from caseway.operations.remote_client import RemoteClient
from caseway.platform import pulling
from caseway.platform.compose import Platform
from caseway.platform.pulling import Remote, Secrets
from caseway.platform.views import get_instance
from caseway.repo.read import read
from chaos.store_builders import deployed
from delivery.git_world import a_clone, commit
from delivery.pushes import HOOK, a_push, signed
from delivery.watched import a_project, a_workflow, said
from server.server_world import ENOUGH, Running, running


@pytest.fixture
def server(platform: Platform) -> Iterator[Running]:
    with running(platform) as made:
        yield made


@pytest.fixture
def client(server: Running) -> Iterator[RemoteClient]:
    with RemoteClient(server.url, server.token) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = a_project(a_clone(tmp_path / "work", "nowhere"), "hello", "other")
    commit(folder)
    return folder


def test_a_preview_lives_and_ends_through_the_server(
    platform: Platform, client: RemoteClient, root: Path
) -> None:
    deployed(platform, read(root).desired[0])
    a_workflow(root, "hello", "changed")

    made = preview_up(client, preview_request(ChangeRequest(root, "pr-42", base="HEAD")))

    assert made["status"] == "ready"
    assert [(item["useCase"], item["version"]) for item in made["useCases"]] == [("hello", "1.0.1")]
    assert [item["id"] for item in preview_list(client, "acme")] == ["pr-42"]
    told = preview_stale(client, "acme", "pr-42", "it does not hold")
    assert told is not None
    assert told["error"] == "it does not hold"
    assert preview_gc(client, "acme", ["pr-42"]) == []
    assert preview_down(client, "acme", "pr-42")["status"] == "destroyed"
    assert preview_list(client) == []


def test_a_base_that_does_not_hold_marks_no_credentials(root: Path) -> None:
    broken = root / "use-cases/other/usecase.yaml"
    text = broken.read_text()
    broken.write_text("{")
    commit(root, "broken")
    broken.write_text(text)
    request = preview_request(ChangeRequest(root, "pr-1", base="HEAD"))
    assert request.base is not None
    assert (request.base.use_cases, request.base.previews.credentials) == ((), ())


def test_only_what_is_touched_is_sent(
    platform: Platform, client: RemoteClient, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(platform, read(root).desired[0])
    a_workflow(root, "hello", "changed")
    request = preview_request(ChangeRequest(root, "pr-42", base="HEAD"))
    sent: list[object] = []

    class Listening:
        def call(self, operation: str, /, **arguments: object) -> dict[str, object]:
            sent.append([item["name"] for item in arguments["desired"]["useCases"]])  # type: ignore[index]
            return client.call(operation, **arguments)

    preview_up(Listening(), request)  # type: ignore[arg-type]
    assert sent == [["hello"]]


def test_forged_content_is_refused_by_the_server(client: RemoteClient, root: Path) -> None:
    request = preview_request(ChangeRequest(root, "pr-42"))
    forged = tuple(replace(item, body={**item.body, "title": "forged"}) for item in request.head.use_cases)
    with pytest.raises(CasewayError) as caught:
        preview_up(client, replace(request, head=replace(request.head, use_cases=forged)))
    assert caught.value.code == "digest-mismatch"


def test_a_save_is_live_through_the_server(platform: Platform, client: RemoteClient, root: Path) -> None:
    watch = Watch(client, WatchRequest(root))
    assert said(watch.begin()) == ("live", ("hello", "other"))
    assert said(watch.changed({a_workflow(root, "hello", "changed")})) == ("live", ("hello",))
    watch.end()
    assert get_instance(platform, "acme", "hello").version.startswith("1.0.0+dev.")


def test_a_forge_is_answered_at_once_over_http(server: Running, tmp_path: Path) -> None:
    bare = tmp_path / "acme.git"
    remote = Remote("acme", "acme", f"file://{bare}")
    pulling.register(server.platform, remote, Secrets(hook=HOOK), actor="ann")
    headers, body = signed(a_push(bare))
    url = f"{server.url}/hooks/push"

    told = httpx.post(
        url, headers={**headers, "Content-Type": "application/json"}, content=body, timeout=ENOUGH
    )
    again = httpx.post(
        url, headers={**headers, "Content-Type": "application/json"}, content=body, timeout=ENOUGH
    )
    wrong = httpx.post(
        url, headers={**headers, "X-Hub-Signature-256": "sha256=00"}, content=body, timeout=ENOUGH
    )
    none = httpx.post(url, content=b"{}", timeout=ENOUGH)

    assert (told.status_code, told.json()["status"]) == (202, "queued")
    assert (again.status_code, again.json()["status"]) == (202, "known")
    assert (wrong.status_code, none.status_code) == (401, 400)


def test_a_pulled_project_is_steered_through_the_server(client: RemoteClient, tmp_path: Path) -> None:
    made = client.call("projects.add", project="acme", url=f"file://{tmp_path}/x.git", token="t0ken")
    assert "t0ken" not in str(made)
    assert client.call("projects.suspend", project="acme")["suspended"] is True
    assert client.call("projects.resume", project="acme")["suspended"] is False
    assert client.call("projects.list")["items"][0]["project"] == "acme"
    assert client.call("projects.remove", project="acme") == {"project": "acme"}
    with pytest.raises(CasewayError) as caught:
        client.call("projects.get", project="acme")
    assert caught.value.code == "not-found"
