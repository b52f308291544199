"""Every command of the tree, once embedded and once against `caseway serve all` as a process of its own: what
it answers has the same form, or it says clearly why it is done on the platform's own machine only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cli_world import Said, commit, edit, git
from click.testing import CliRunner
from test_cli_every_command import COMMANDS

from caseway.cli.main import cli
from caseway.model.access import ALL_SCOPES, local
from caseway.platform.access import people, tokens
from chaos.store_builders import KEY, a_platform
from server.server_world import where

pytestmark = pytest.mark.timeout(900)  # whichever is first waits for the whole walk, done twice
Words = tuple[str, ...]
Shapes = dict[Words, list[Any]]

# Done where the platform's database, its keys, or the container engine is: refused with CASEWAY_SERVER set.
ON_ITS_MACHINE: dict[Words, list[str]] = {
    ("credential", "rotate"): [],
    ("db", "migrate"): [],
    ("db", "status"): [],
    ("organization", "create"): ["globex"],
    ("runtime", "build"): ["default"],
    ("runtime", "gc"): [],
    ("runtime", "rebuild"): ["default"],
    ("runtime", "rm"): ["default", "--yes"],
    ("serve", "all"): [],
    ("serve", "web"): [],
    ("serve", "worker"): [],
}
# Ask no platform: files, git, this machine's engine, keys that are made and kept here.
OF_FILES: set[Words] = {
    *((name,) for name in ("init", "validate", "fmt", "upgrade", "test", "run", "export", "schema")),
    *((name,) for name in ("completion",)),
    *(("secret", name) for name in ("keygen", "recipient", "encrypt", "decrypt")),
    ("new", "use-case"),
    ("import", "bundle"),
    ("hook", "install"),
    ("runtime", "base"),
    ("runtime", "layer"),
}
OF_SERVERS: set[Words] = {
    ("login",)
}  # there is nothing to sign in to elsewhere: tests/cli/test_cli_access.py


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str]]:
    """`caseway serve all` on an empty platform: its address, and the token of ann, its owner."""
    url = f"sqlite:///{folder / 'state.db'}"
    with a_platform(url) as platform:
        people.add_user(platform, local("acme", "tests"), "ann", role="owner")
        _, token = tokens.create_token(platform, local("acme", "tests"), user="ann", scopes=ALL_SCOPES)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CASEWAY_")}
    words = ("-m", "caseway", "serve", "all", "--port", "0", "--drain", "0", "--format", "json")
    process = subprocess.Popen(
        [sys.executable, *words, "--database-url", url],
        cwd=folder,
        env={**environment, "CASEWAY_SECRET_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield where(process), token
    finally:
        process.terminate()
        process.communicate(timeout=120)


@dataclass
class Walk:
    """One walk through the commands, and the forms of what they answered."""

    project: Path
    shapes: Shapes = field(default_factory=dict)

    def __call__(self, *words: str, code: int | set[int] = 0, stdin: str | None = None) -> Any:
        """What a command said, as JSON; it must end with that code."""
        said = CliRunner().invoke(cli, [*words, "--format", "json"], input=stdin, prog_name="caseway")
        if said.exception and not isinstance(said.exception, SystemExit):
            raise said.exception
        assert said.exit_code in ({code} if isinstance(code, int) else code), (
            words,
            said.stdout,
            said.stderr,
        )
        told = json.loads(said.stdout)
        command = max((known for known in COMMANDS if words[: len(known)] == known), key=len)
        self.shapes.setdefault(command, []).append(shape(told))
        return told


def shape(value: Any, depth: int = 0) -> Any:
    """The form of an answer: which keys it has, how deep, and for an error its code."""
    if isinstance(value, dict):
        if "error" in value and isinstance(value["error"], dict) and "hint" in value["error"]:
            return {"error": value["error"]["code"]}
        return {key: shape(item, depth + 1) for key, item in value.items()} if depth < 4 else "…"
    if isinstance(value, list):
        return [shape(item, depth + 1) for item in value[:1]]
    return "value"


def differ(here: Any, there: Any, path: str = "") -> Iterator[str]:
    """Where two forms are not alike; an empty list, object or null is like any."""
    if isinstance(here, dict) and isinstance(there, dict) and here and there:
        if set(here) != set(there):
            yield f"{path}: {sorted(set(here) ^ set(there))}"
        for key in set(here) & set(there):
            yield from differ(here[key], there[key], f"{path}.{key}")
    elif isinstance(here, list) and isinstance(there, list) and here and there:
        yield from differ(here[0], there[0], f"{path}[]")
    elif isinstance(here, str) and isinstance(there, str) and here != there:
        yield f"{path}: {here} and {there}"


def look(walk: Walk) -> None:
    """What reads, and what goes live from the work tree."""
    walk("plan")
    walk("apply", "--yes")
    walk("plan", "--detailed-exitcode")
    walk("status")
    walk("drift")
    walk("diff", "hello")
    walk("doctor", code={0, 1})
    walk("doctor", "--checklist", "hello", code={0, 1})
    walk("audit")
    walk("metrics")
    walk("runtime", "list")
    walk("runtime", "get", "python")
    walk("runtime", "get", "missing", code=1)
    walk("instance", "list")
    walk("instance", "get", "hello")
    walk("process", "list")
    walk("process", "get", "hello")
    walk("process", "verify")
    walk("process", "gc", "--yes")
    walk("organization", "list")
    walk("watch", "--once")
    walk("dev")
    walk("preview", "up", "--id", "pr-1")
    walk("preview", "list")
    walk("preview", "gc")
    walk("preview", "down", "--id", "pr-1")
    walk("ci", "--do", "plan", code={0, 1})
    head = git(walk.project, "rev-parse", "HEAD")
    walk("hook", "run", "pre-receive", code={0, 1}, stdin=f"{'0' * 40} {head} refs/heads/none\n")


def execute(walk: Walk) -> None:
    """Executions, from their start to what they left."""
    made = walk("trigger", "hello", "--wait")
    walk("executions", "list")
    walk("executions", "get", made["id"])
    walk("executions", "logs", made["id"])
    walk("executions", "spans", made["id"])
    walk("executions", "artifacts", made["id"])
    walk("executions", "approvals")
    walk("executions", "retry", made["id"], "--wait")
    walk("executions", "rerun", made["id"], "--wait")
    walk("executions", "suspend", made["id"], code=1)
    walk("executions", "resume", made["id"], "--wait", code={0, 1})
    walk("executions", "cancel", made["id"], code=1)
    walk("executions", "decide", made["id"], "--approve", code=1)
    walk("event", "send", "--type", "tested", "--source", "urn:tests", "--id", "1")


def steer(walk: Walk) -> None:
    """Instances and processes, from one state to the next."""
    for verb in ("pause", "resume", "archive", "restore", "undeploy", "deploy"):
        walk("instance", verb, "hello")
    walk("instance", "update", "hello", "--resource", "cpu=1")
    walk("instance", "share", "hello", "--mode", "everyone")
    walk("instance", "clone", "hello", "theirs", "--owner", "bo")
    walk("instance", "install", "hello", "another", "--owner", "cy")
    walk("instance", "delete", "theirs", "--yes")
    edit(walk.project / "use-cases/hello/usecase.yaml", 'title: "Hello"', 'title: "Good day"')
    commit(walk.project, "say it otherwise")
    walk("apply", "--yes")
    walk("process", "diff", "hello", "1.0.0", "1.0.1")
    walk("instance", "rollback", "hello")
    walk("process", "publish", "hello", "1.0.0")
    walk("process", "publish", "hello", "1.0.1")
    walk("process", "deprecate", "hello", "1.0.1")
    walk("process", "promote", "hello", "prod", "--version", "1.0.0", "--owner", "local")
    walk("promote", "hello", "prod", "--version", "1.0.0", "--dry-run", code={0, 1})
    walk("process", "clone", "hello", "copied")
    walk("process", "delete", "copied", "--yes")


def keep(walk: Walk) -> None:
    """Secrets, people and what they prove themselves with."""
    walk("credential", "set", "mail", "--type", "bearer", "--value", "t0psecret")
    walk("credential", "list")
    walk("credential", "test", "mail", code={0, 1})
    walk("credential", "authorize", "mail", code=1)
    walk("credential", "rm", "mail", "--yes")
    walk("secret", "put", code={0, 1})
    made = walk("key", "create", "hello")
    walk("key", "list", "hello")
    walk("key", "revoke", made["id"])
    walk("user", "add", "bob", "--role", "admin")
    walk("user", "list")
    walk("user", "change", "bob", "--role", "member")
    walk("user", "password", code=1, stdin="one\ntwo\n")
    walk("team", "create", "finance", "--member", "bob")
    walk("team", "list")
    walk("team", "change", "finance", "--remove", "bob")
    walk("team", "rm", "finance", "--yes")
    walk("service-account", "create", "robot", "--scope", "deploy")
    walk("service-account", "list")
    made = walk("token", "create", "--scope", "deploy", "--service-account", "robot")
    walk("token", "list", "--all")
    made = walk("token", "rotate", made["token"]["prefix"])
    walk("token", "revoke", made["token"]["prefix"])
    walk("service-account", "change", "robot", "--disable")
    walk("service-account", "rm", "robot", "--yes")
    walk("user", "rm", "bob", "--yes")
    trust = ("--repository", "acme/automations", "--ref", "refs/heads/main", "--scope", "deploy")
    walk("trust", "add", "deploys", *trust, "--for-project", "acme")
    walk("trust", "list")
    walk("trust", "rm", "deploys", "--yes")


def pull(walk: Walk) -> None:
    """Projects that the platform pulls."""
    walk("project", "add", "acme", f"file://{walk.project}")
    walk("project", "status")
    walk("project", "suspend", "acme")
    walk("project", "resume", "acme")
    walk("project", "pull", "acme")
    walk("project", "remove", "acme")


STRETCHES: tuple[Callable[[Walk], None], ...] = (look, execute, steer, keep, pull)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shapes]:
    """Both walks: through a platform of the project's own, and through one behind a server."""
    found = {}
    for world in ("embedded", "remote"):
        folder = tmp_path_factory.mktemp(world)
        with pytest.MonkeyPatch.context() as patch:
            found[world] = walk_in(folder, patch, is_remote=world == "remote")
    return found


def walk_in(folder: Path, patch: pytest.MonkeyPatch, *, is_remote: bool) -> Shapes:
    """One walk, in a new project."""
    project = folder / "work"
    project.mkdir()
    patch.chdir(project)
    patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    patch.setenv("CASEWAY_ACTOR", "ann")
    patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        patch.setenv(f"GIT_{role}_NAME", "Ann")
        patch.setenv(f"GIT_{role}_EMAIL", "ann@example.com")
    for name in ("CASEWAY_SERVER", "CASEWAY_TOKEN", "CASEWAY_FORMAT", "CASEWAY_DATABASE_URL", "CI"):
        patch.delenv(name, raising=False)
    walk = Walk(project)
    walk("init", "--name", "acme")
    walk("new", "use-case", "hello")
    (project / "runtimes").mkdir()
    (project / "runtimes" / "python.yaml").write_text(
        "apiVersion: caseway/v1\nkind: Runtime\nmetadata: {name: python}\nspec: {image: python}\n"
    )
    commit(project, "begin")
    if not is_remote:
        for stretch in STRETCHES:
            stretch(walk)
        return walk.shapes
    home = folder / "server"
    home.mkdir()
    with serving(home) as (url, token):
        patch.setenv("CASEWAY_SERVER", url)
        patch.setenv("CASEWAY_TOKEN", token)
        for stretch in STRETCHES:
            stretch(walk)
    assert not (project / ".caseway" / "state.db").exists(), "something was done here instead"
    return walk.shapes


ASKED = sorted(set(COMMANDS) - set(ON_ITS_MACHINE) - OF_FILES - OF_SERVERS)


@pytest.mark.parametrize("command", ASKED, ids=" ".join)
def test_a_command_answers_alike_embedded_and_remote(walked, command):
    here, there = walked["embedded"].get(command), walked["remote"].get(command)
    assert here and there, "no walk goes by this command"
    assert list(differ(here, there)) == []
    for one, other in zip(here, there, strict=True):
        assert list(differ(one, other)) == []


@pytest.mark.parametrize("command", sorted(ON_ITS_MACHINE), ids=" ".join)
def test_what_is_done_on_the_platforms_machine_says_so(caseway, project, monkeypatch, command):
    monkeypatch.setenv("CASEWAY_SERVER", "http://127.0.0.1:9")
    said: Said = caseway(*command, *ON_ITS_MACHINE[command], "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "local-only"
    assert "CASEWAY_SERVER" in said.json["error"]["message"]
    assert not (project / ".caseway").exists()


def test_every_command_is_of_one_kind():
    kinds = (set(ON_ITS_MACHINE), OF_FILES, OF_SERVERS)
    assert set().union(*kinds) <= set(COMMANDS)
    assert sum(map(len, kinds)) == len(set().union(*kinds))
