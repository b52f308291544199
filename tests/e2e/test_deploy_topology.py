"""The compose file's topology, run once: its commands, its environment, its secrets, its health checks, as
processes in a network of their own in which `postgres`, `redis` and `web` are names, as compose has it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

CLONE = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((CLONE / "deploy" / "compose.yaml").read_text())["services"]
SECONDS = 180.0  # until something that shall happen is given up
SAID = {"CASEWAY_BASE_URL": "http://web:8080"}  # what the operator says
SPACE = """set -e
ip link set lo up
mount --bind "$1/hosts" /etc/hosts
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets /run/postgresql
chmod 1777 /run/postgresql
cp "$1"/secrets/* /run/secrets
mount -t tmpfs tmpfs /var/cache
mkdir -p /var/cache/caseway
[ "$2" = keep ] || mount -t tmpfs tmpfs /tmp
echo ready
exec sleep infinity
"""
# Never answers its first caller; says how many there were.
ENDPOINT = """import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
calls = 0
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        global calls
        if self.path == "/work":
            calls += 1
            if calls == 1:
                threading.Event().wait()
        body = json.dumps({"calls": calls}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *told):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 9000), Handler)
server.daemon_threads = True
server.serve_forever()
"""
ASK = """import json, sys, urllib.request
method, url, key = sys.argv[1:4]
headers = {"X-API-Key": key, "Content-Type": "application/json"}
asked = urllib.request.Request(url, method=method, headers=headers, data=b"{}" if method == "POST" else None)
print(urllib.request.urlopen(asked, timeout=120).read().decode())
"""
USE_CASE = """apiVersion: caseway/v1
kind: UseCase
metadata: {name: orders}
spec:
  title: Orders
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers: [{id: ask, type: http, method: POST, path: /ask, response: async}]
"""
WORKFLOW = """document: {dsl: 1.0.0, namespace: orders, name: main, version: 1.0.0}
do:
  - first: {set: {one: 1}}
  - work: {call: http, with: {method: get, endpoint: {uri: "http://elsewhere:9000/work"}}}
"""


def why_not() -> str:
    """Why it cannot be run here, or ""."""
    tools = ("unshare", "nsenter", "setpriv", "ip", "redis-server", "redis-cli")
    missing = [name for name in tools if shutil.which(name) is None]
    if os.geteuid() != 0:
        return "a network of one's own needs root"
    if missing or not _postgres_tools():
        return f"not installed: {', '.join([*missing, *([] if _postgres_tools() else ['postgresql'])])}"
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True)
    return "" if tried.returncode == 0 else "no network of one's own may be made here"


def _postgres_tools() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(found[-1].parent) if found else ""


def as_compose_reads(text: str) -> str:
    """A value with variables and `$$` resolved."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name, _, default = match[1].partition(":-")
        return SAID.get(name.partition(":?")[0], default)

    return re.sub(r"\$\$|\$\{([^}]*)\}", value, text)


@dataclass
class Machine:
    """What compose would run, in the folder `home` and the namespaces of the process `space`."""

    home: Path
    space: subprocess.Popen[str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def inside(self, *words: str) -> list[str]:
        return ["nsenter", "-t", str(self.space.pid), "-n", "-m", f"--wd={self.home}", "--", *words]

    def environment(self, service: str) -> dict[str, str]:
        """What compose gives a service, and nothing of the tests'."""
        told = {name: as_compose_reads(value) for name, value in COMPOSE[service]["environment"].items()}
        path = f"{Path(sys.executable).parent}:{_postgres_tools()}:/usr/bin:/bin:/usr/sbin:/sbin"
        return {"PATH": path, "HOME": "/var/cache", "LANG": "C.UTF-8", **told}

    def start(self, words: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """A process that goes on."""
        with (self.home / "log").open("ab") as log:
            started = subprocess.Popen(self.inside(*words), env=environment, stdout=log, stderr=log)
        self.running.append(started)
        return started

    def caseway(self, service: str) -> subprocess.Popen[bytes]:
        """A service of Caseway's, by its command in the compose file."""
        words = [sys.executable, "-m", "caseway", *COMPOSE[service]["command"]]
        return self.start(words, self.environment(service))

    def told(self, words: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
        """What a command that succeeds says."""
        inside = [part.replace(f"--wd={self.home}", f"--wd={folder or self.home}") for part in self.inside()]
        answer = subprocess.run(
            [*inside, *words], env=environment, capture_output=True, text=True, timeout=SECONDS
        )
        assert answer.returncode == 0, f"{words}: {answer.stdout}{answer.stderr}\n{self.log()}"
        return answer.stdout

    def execute(self, service: str, *words: str) -> str:
        """`docker compose exec SERVICE caseway WORDS`."""
        return self.told([sys.executable, "-m", "caseway", *words], self.environment(service)).strip()

    def ask(self, method: str, url: str, key: str = "") -> Any:
        """A request from inside the network."""
        return json.loads(self.told([sys.executable, "-c", ASK, method, url, key], dict(os.environ)))

    def healthy(self, service: str) -> None:
        """Return when the health check of the compose file passes."""
        kind, *check = [as_compose_reads(part) for part in COMPOSE[service]["healthcheck"]["test"]]
        words = ["sh", "-c", *check] if kind == "CMD-SHELL" else check

        def passes() -> bool:
            asked = self.inside(*words)
            environment = self.environment(service) if "environment" in COMPOSE[service] else os.environ
            return subprocess.run(asked, env=environment, capture_output=True).returncode == 0

        self.until(passes, f"{service} is not healthy")

    def until(self, happened: Callable[[], bool], otherwise: str) -> None:
        """Return when it has happened."""
        deadline = time.monotonic() + SECONDS
        while not happened():
            assert time.monotonic() < deadline, f"{otherwise}\n{self.log()}"
            time.sleep(0.1)

    def log(self) -> str:
        """The end of what the processes said."""
        return (self.home / "log").read_text(errors="replace")[-6000:]

    def start_postgres(self) -> None:
        """As the image of PostgreSQL begins: a user, a password from a file, a database."""
        told = self.environment("postgres")
        data = self.home / "data"
        somebody = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        words = ["initdb", "--no-sync", "-D", str(data), "-A", "scram-sha-256", "-U", told["POSTGRES_USER"]]
        self.told([*somebody, *words, f"--pwfile={told['POSTGRES_PASSWORD_FILE']}"], told)
        options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-k", "/run/postgresql"]
        self.start([*somebody, "postgres", "-D", str(data), *options], told)
        secret = (self.home / "secrets" / "postgres_password").read_text()
        login = {**told, "PGPASSWORD": secret, "PGHOST": "127.0.0.1", "PGUSER": told["POSTGRES_USER"]}

        def is_up() -> bool:
            asked = subprocess.run(
                self.inside("pg_isready", "-h", "127.0.0.1"), env=told, capture_output=True
            )
            return asked.returncode == 0

        self.until(is_up, "PostgreSQL does not start")
        self.told(["createdb", told["POSTGRES_DB"]], login)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """An empty machine with a network of its own, gone with everything on it afterwards."""
    if reason := why_not():
        pytest.skip(reason)
    home = Path(tempfile.mkdtemp(prefix="caseway-topology-", dir="/var/tmp"))
    home.chmod(0o777)  # PostgreSQL runs as somebody else
    subprocess.run([CLONE / "deploy" / "secrets.sh", home / "secrets"], check=True, capture_output=True)
    names = "127.0.0.1 localhost postgres redis web elsewhere\n"
    (home / "hosts").write_text(names)
    hidden = any(str(path).startswith("/tmp/") for path in (CLONE, sys.prefix, sys.base_prefix))
    words = ["unshare", "--net", "--mount", "sh", "-c", SPACE, "sh", str(home), "keep" if hidden else "own"]
    space = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert space.stdout is not None
    said = space.stdout.readline()
    if said.strip() != "ready":
        space.kill()
        pytest.skip(f"no network of one's own may be made here: {said}")
    made = Machine(home, space)
    yield made
    for process in reversed(made.running):
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
    space.kill()
    space.communicate()
    shutil.rmtree(home, ignore_errors=True)


def a_project(folder: Path) -> Path:
    """A use case whose only workflow works at an endpoint."""
    (folder / "use-cases" / "orders" / "workflows").mkdir(parents=True)
    head = "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
    (folder / "caseway.yaml").write_text(head)
    (folder / "use-cases" / "orders" / "usecase.yaml").write_text(USE_CASE)
    (folder / "use-cases" / "orders" / "workflows" / "main.yaml").write_text(WORKFLOW)
    return folder


@pytest.mark.timeout(900)  # a dozen processes, one after the other
def test_from_an_empty_machine_to_a_remote_apply_and_past_a_killed_worker(machine):
    machine.start_postgres()
    redis = [as_compose_reads(part) for part in COMPOSE["redis"]["command"]]
    machine.start(redis, dict(os.environ))
    machine.healthy("postgres")
    machine.healthy("redis")
    assert machine.caseway("web").wait(timeout=SECONDS) == 1  # nothing serves an old schema
    assert "caseway db migrate" in machine.log()
    migrating = machine.caseway("migrate")
    assert migrating.wait(timeout=SECONDS) == 0, machine.log()
    web, worker = machine.caseway("web"), machine.caseway("worker")
    machine.healthy("web")
    machine.healthy("worker")

    machine.execute("web", "organization", "create", "acme")
    machine.execute("web", "user", "add", "ann", "--role", "owner", "--organization", "acme")
    token = machine.execute(
        "web", *("token", "create", "--user", "ann", "--scope", "manage", "--organization", "acme")
    )

    project = a_project(machine.home / "project")
    there = {"PATH": os.environ["PATH"], "HOME": str(machine.home), "CASEWAY_SERVER": "http://web:8080"}
    there["CASEWAY_TOKEN"] = token.splitlines()[-1]
    caseway = [sys.executable, "-m", "caseway"]
    machine.told([*caseway, "apply", "--yes"], there, project)
    status = json.loads(machine.told([*caseway, "plan", "--format", "json"], there, project))
    assert status["actions"] == []

    made = json.loads(machine.told([*caseway, "key", "create", "orders", "--format", "json"], there, project))
    key, instance = made["secret"], made["instanceId"]
    machine.start([sys.executable, "-c", ENDPOINT], dict(os.environ))
    machine.until(lambda: _answers(machine), "the endpoint does not start")
    begun = machine.ask("POST", f"http://web:8080/hooks/{instance}/ask", key)
    machine.until(lambda: machine.ask("GET", "http://elsewhere:9000/")["calls"] == 1, "nobody works on it")

    worker.kill()
    worker.wait()
    other = machine.caseway("worker")
    poll = f"http://web:8080/hooks/{instance}/executions/{begun['id']}"
    machine.until(lambda: machine.ask("GET", poll, key)["status"] == "completed", "nobody took it over")
    assert machine.ask("GET", "http://elsewhere:9000/")["calls"] == 2

    for process in (web, other):
        process.send_signal(signal.SIGTERM)
    assert [process.wait(timeout=SECONDS) for process in (web, other)] == [0, 0]


def _answers(machine: Machine) -> bool:
    asked = machine.inside(sys.executable, "-c", ASK, "GET", "http://elsewhere:9000/", "")
    return subprocess.run(asked, capture_output=True).returncode == 0
