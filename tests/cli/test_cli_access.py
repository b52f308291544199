"""People, tokens, trust and signing in, from the command line against a real server."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from caseway.model.access import local
from caseway.platform.access import people, trust
from caseway.platform.access.caller import caller_of
from chaos.store_builders import ORGANIZATION, a_platform
from platform_identity import a_provider, github_claims
from server.server_world import Running, running

PASSWORD = "correct horse battery staple"


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server that knows its callers by their tokens; ann is its first owner."""
    url = f"sqlite:///{tmp_path / 'server.db'}"
    with a_platform(url) as platform, running(platform, authenticate=caller_of) as server:
        people.add_user(platform, local(ORGANIZATION, "x"), "ann", role="owner", password=PASSWORD)
        monkeypatch.setenv("CASEWAY_SERVER", server.url)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        monkeypatch.delenv("CASEWAY_TOKEN", raising=False)
        yield server


def told(caseway: Any, *words: str, code: int = 0, stdin: str | None = None) -> Any:
    said = caseway(*words, "--format", "json", stdin=stdin)
    assert said.code == code, said.out + said.err
    return said.json


def test_a_sign_in_is_kept_for_its_owner_alone_and_used(caseway: Any, folder: Path, remote: Running) -> None:
    assert caseway("user", "list").code == 1
    assert "who asks?" in caseway("user", "list").err
    told(caseway, "login", "--user", "ann", stdin=PASSWORD + "\n")
    file = next(folder.parent.rglob("sign-ins.json"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [user["name"] for user in told(caseway, "user", "list")["users"]] == ["ann"]
    told(caseway, "login", "--end")
    assert "cwl_" not in file.read_text()
    assert caseway("user", "list").code == 1


def test_a_wrong_password_is_refused_without_a_word_more(caseway: Any, folder: Path, remote: Running) -> None:
    said = caseway("login", "--user", "ann", stdin="wrong\n")
    assert (said.code, "name or password is wrong" in said.err) == (1, True)


def test_people_teams_accounts_and_tokens_are_kept(
    caseway: Any, folder: Path, remote: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(caseway, "login", "--user", "ann", stdin=PASSWORD + "\n")
    assert told(caseway, "user", "add", "bo", "--email", "bo@example.com")["role"] == "member"
    assert told(caseway, "user", "change", "bo", "--role", "admin")["role"] == "admin"
    assert told(caseway, "team", "create", "finance", "--member", "bo")["members"] == ["bo"]
    assert told(caseway, "team", "change", "finance", "--add", "ann", "--remove", "bo")["members"] == ["ann"]
    told(caseway, "service-account", "create", "ci", "--scope", "read", "--scope", "deploy")
    made = told(caseway, "token", "create", "--service-account", "ci", "--scope", "read")
    rotated = told(caseway, "token", "rotate", made["token"]["prefix"], "--overlap", "0s")
    monkeypatch.setenv("CASEWAY_TOKEN", made["secret"])
    assert caseway("user", "list").code == 1
    monkeypatch.setenv("CASEWAY_TOKEN", rotated["secret"])
    assert len(told(caseway, "user", "list")["users"]) == 2
    assert caseway("user", "rm", "bo", "--yes").code == 1
    monkeypatch.delenv("CASEWAY_TOKEN")
    told(caseway, "token", "revoke", rotated["token"]["id"])
    told(caseway, "service-account", "rm", "ci", "--yes")
    told(caseway, "team", "rm", "finance", "--yes")
    told(caseway, "user", "rm", "bo", "--yes")
    told(caseway, "user", "password", stdin=f"{PASSWORD}\nanother good password\n")
    assert caseway("user", "list").code == 1
    told(caseway, "login", "--user", "ann", stdin="another good password\n")


def test_a_run_of_github_actions_comes_in_without_a_stored_secret(
    caseway: Any, folder: Path, remote: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_provider() as provider, an_actions_service(provider, remote) as service:
        trust.add_trust(
            remote.platform,
            local(ORGANIZATION, "x"),
            "plans",
            issuer=provider.url,
            claims={"repository": "acme/automations", "ref": "refs/heads/main"},
            scopes=["read"],
        )
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{service}/token?api-version=2.0")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-run")
        said = caseway("user", "list", "--format", "json")
        assert said.code == 0, said.err
        assert "::add-mask::cwx_" in said.err
        assert "cwx_" not in said.out
        assert caseway("user", "add", "eve").code == 1


def an_actions_service(provider: Any, remote: Running) -> Any:
    """What a runner of GitHub Actions asks for its identity."""
    from contextlib import contextmanager  # noqa: PLC0415 - used here alone

    @contextmanager
    def serve() -> Iterator[str]:
        count = iter(range(100))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.headers["authorization"] == "Bearer of-the-run"
                assert "audience=caseway" in self.path
                claims = github_claims(provider, remote.platform.clock(), jti=str(next(count)))
                body = json.dumps({"value": provider.signed(claims)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on the terminal."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
            thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{http.server_port}"
            finally:
                http.shutdown()
                thread.join()

    return serve()


def test_secrets_for_git_are_made_encrypted_and_stored(
    caseway: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = told(caseway, "secret", "keygen")
    monkeypatch.setenv("CASEWAY_AGE_IDENTITY", keys["identity"])
    assert told(caseway, "secret", "recipient")["recipients"] == [keys["recipient"]]
    file = project / "secrets" / "erp.age.yaml"
    file.parent.mkdir()
    file.write_text("name: erp\ntype: bearer\nvalue: {token: planted-token}\n")
    told(caseway, "apply", "--yes")
    assert "clear text" in caseway("secret", "put").err
    told(caseway, "secret", "encrypt", str(file), "--recipient", keys["recipient"])
    kept = file.read_text()
    assert "planted-token" not in kept
    told(caseway, "secret", "encrypt", str(file), "--recipient", keys["recipient"])
    assert file.read_text() == kept
    assert told(caseway, "secret", "decrypt", str(file))["value"] == {"token": "planted-token"}
    told(caseway, "secret", "put")
    listed = told(caseway, "credential", "list")["credentials"]
    assert [(item["name"], item["source"]) for item in listed] == [("erp", "age")]
