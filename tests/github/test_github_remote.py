"""The same through a server: a pull request's life, and the identity that a run shows instead of a token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from caseway.cli import kept_tokens
from caseway.github.job import Do
from caseway.model.errors import CasewayError
from caseway.platform import previews
from caseway.platform.views import get_instance
from github.github_fake import FakeGitHub
from github.github_world import Pipeline, Repo, git
from server.server_world import TOKEN, running


@pytest.fixture
def pipeline(tmp_path: Path, database_url: str, github: FakeGitHub) -> Iterator[Pipeline]:
    """Runs that reach the platform through a server only, with main deployed."""
    made = Pipeline(Repo.made(tmp_path / "repo"), database_url, github.transport())
    with made.platform() as platform, running(platform) as server:
        made.server = (server.url, TOKEN)
        report = made.push()
        assert report.is_ok, report.headline
        yield made


def change(repo: Repo, words: str) -> None:
    repo.branch("change")
    repo.use_case("greet", words)
    repo.commit(words)


def test_a_pull_requests_life_through_a_server(pipeline: Pipeline, github: FakeGitHub) -> None:
    repo = pipeline.repo
    change(repo, "good day")
    opened = pipeline.request("opened")
    assert opened.is_ok, opened.headline
    assert [(each.use_case, each.before, each.version) for each in opened.parts[0].versions] == [
        ("greet", "1.0.0", "1.0.1")
    ]
    assert github.state_of("preview/pr-7") == ["success"]

    repo.branch("change")
    repo.write("use-cases/greet/usecase.yaml", "kind: UseCase\n")
    repo.commit("broken")
    assert not pipeline.request("synchronize").is_ok
    with pipeline.platform() as platform:
        assert previews.get(platform, "acme", "shop", "pr-7").status == "stale"

    git(repo.folder, "checkout", "-q", "main")
    assert pipeline.request("closed").is_ok
    with pipeline.platform() as platform:
        assert previews.listed(platform, "acme") == []


def test_drift_is_reported_through_a_server(pipeline: Pipeline) -> None:
    git(pipeline.repo.folder, "checkout", "-q", "main")
    report = pipeline.run("schedule", {})
    assert (report.job.do, report.is_ok, report.is_changed) == (Do.DRIFT, True, False)


def test_a_push_deploys_through_a_server(pipeline: Pipeline) -> None:
    git(pipeline.repo.folder, "checkout", "-q", "main")
    pipeline.repo.use_case("greet", "changed")
    pipeline.repo.commit()
    assert pipeline.push().is_ok
    with pipeline.platform() as platform:
        assert get_instance(platform, "acme", "greet").version == "1.0.1"


@contextmanager
def identity_provider() -> Iterator[tuple[str, list[str]]]:
    """What gives a run of GitHub its identity; its address and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['Authorization']}")
            body = json.dumps({"value": "an.assertion.signed"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/idtoken?api-version=2.0", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_run_asks_for_its_identity_as_github_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with identity_provider() as (address, asked):
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", address)
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-run")
        with pytest.raises(CasewayError):  # no server listens there: the assertion was got before
            kept_tokens.exchanged("http://127.0.0.1:1")
    assert asked == ["/idtoken?api-version=2.0&audience=caseway Bearer of-the-run"]
