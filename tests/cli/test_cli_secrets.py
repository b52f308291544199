"""A credential's value is planted on every path through an execution, and looked for in all that is left."""

from __future__ import annotations

import json
import sqlite3
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from cli_world import commit

TOKEN = 'tok/en "quoted" +ünter-7731'
PIN = 90817263
SECRETS = {"token": TOKEN, "pin": PIN}
FORMS = (
    TOKEN,
    json.dumps(TOKEN)[1:-1],
    json.dumps(TOKEN, ensure_ascii=False)[1:-1],
    quote(TOKEN, safe=""),
    b64encode(TOKEN.encode()).decode()[:-4],
    b64encode(f"user:{TOKEN}".encode()).decode()[8:-4],
    str(PIN),
)

USE_CASE = """
apiVersion: caseway/v1
kind: UseCase
metadata: {name: leaky}
spec:
  title: Leaky
  credentials: {erp: {type: custom, required: true}}
  workflows:
    - {id: main, file: workflows/main.yaml, triggers: [{id: manual, type: manual}]}
    - {id: child, file: workflows/child.yaml, calledBy: [main], triggers: [{id: sub, type: subworkflow}]}
"""

MAIN = """
document: {dsl: 1.0.0, namespace: leaky, name: main, version: 1.0.0}
use: {secrets: [erp]}
do:
  - set:
      set:
        whole: ${ $secrets.erp }
        inside: ${ "it is " + $secrets.erp.token + "!" }
        keys: '${ {($secrets.erp.token): 1} }'
        number: ${ $secrets.erp.pin * 10 }
        based: ${ "user:" + $secrets.erp.token | @base64 }
        escaped: ${ $secrets.erp | tojson | tojson }
        url: ${ $secrets.erp.token | @uri }
        input: ${ $workflow.input }
      export: {as: .}
  - http:
      call: http
      with:
        method: post
        endpoint: URL
        headers: {authorization: '${ "Bearer " + ($secrets.erp.token | @base64) }'}
        body: {told: '${ $secrets.erp.token }', all: '${ $context }'}
        output: response
  - shell:
      run:
        shell:
          command: 'printf "%s" "$T"; printf "%s" "$T" >&2'
          environment: {T: '${ $secrets.erp.token }'}
        return: all
  - child:
      run:
        workflow: {namespace: leaky, name: child, version: 1.0.0, input: {given: '${ $secrets.erp.token }'}}
  - caught:
      try:
        - raise:
            raise:
              error:
                type: https://e.example/x
                status: 500
                title: ${ $secrets.erp.token }
                detail: ${ "detail " + $secrets.erp.token }
      catch: {as: error, do: [{keep: {set: {error: '${ $error }'}}}]}
  - fails:
      raise:
        error:
          type: https://e.example/y
          status: 500
          title: ${ $secrets.erp.token }
          detail: ${ "at last " + $secrets.erp.token }
"""

CHILD = """
document: {dsl: 1.0.0, namespace: leaky, name: child, version: 1.0.0}
do:
  - echo: {set: {child: '${ . }'}}
"""


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was told, in body and header."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-told", self.headers["authorization"])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def leaky(caseway, folder, echo) -> Path:
    """A project whose one workflow copies its secret everywhere; applied, with its credential set."""
    assert caseway("init", "--name", "acme").code == 0
    home = folder / "use-cases" / "leaky"
    (home / "workflows").mkdir(parents=True)
    (home / "usecase.yaml").write_text(USE_CASE)
    (home / "workflows" / "main.yaml").write_text(MAIN.replace("URL", echo))
    (home / "workflows" / "child.yaml").write_text(CHILD)
    commit(folder, "begin")
    assert caseway("plan", "--out", "saved.plan").code == 0
    assert caseway("apply", "--yes").code == 0
    assert caseway("credential", "set", "erp", stdin=json.dumps(SECRETS)).code == 0
    return folder


def stored(root: Path) -> str:
    """Everything the database holds, row by row, and its files byte by byte."""
    file = root / ".caseway" / "state.db"
    connection = sqlite3.connect(file)
    try:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        rows = [row for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')]
    finally:
        connection.close()
    texts = [
        part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
        for row in rows
        for part in row
    ]
    decoded = [str(json.loads(text)) for text in texts if text[:1] in '{["' and is_json(text)]
    raw = [path.read_bytes().decode("utf-8", "replace") for path in file.parent.glob("state.db*")]
    return "\n".join([*texts, *decoded, *raw])


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def assert_clean(text: str, where: str) -> None:
    for form in FORMS:
        assert form not in text, f"{form} is in {where}"


def test_a_secret_planted_everywhere_is_found_nowhere(caseway, leaky):
    given = json.dumps({"mine": TOKEN, "pin": PIN})
    trigger = ("trigger", "leaky", "--allow-processes", "--input", given)
    ran = caseway(*trigger, "--format", "json")
    assert (ran.code, ran.json["status"]) == (1, "faulted")
    done = [task["name"] for task in ran.json["tasks"] if task["status"] == "completed"]
    assert {"set", "http", "shell", "child", "echo", "caught", "keep"} <= set(done)
    seen = [("trigger --format json", ran)]
    execution = ran.json["id"]
    for words in (
        trigger,
        ("executions", "get", execution),
        ("executions", "logs", execution),
        ("executions", "list"),
        ("instance", "get", "leaky", "--deployments"),
        ("credential", "list"),
        ("status",),
        ("plan",),
        ("executions", "retry", execution, "--allow-processes"),
        ("executions", "resume", execution, "--allow-processes"),
        ("trigger", "leaky", "nothing", "--input", given),
    ):
        seen += [(" ".join(words[:2]), caseway(*words))]
        seen += [(" ".join(words[:2]) + " json", caseway(*words, "--format", "json"))]
    for where, said in seen:
        assert_clean(said.out + said.err, where)
        if said.out.startswith("{"):
            assert_clean(str(said.json), where)
    assert_clean((leaky / "saved.plan").read_text(), "the saved plan")
    left = stored(leaky)
    assert_clean(left, "the database")
    assert "plain:erp/token" in left


def test_what_is_shown_says_that_something_was_hidden(caseway, leaky):
    given = json.dumps({"mine": f"<{TOKEN}>"})
    ran = caseway("trigger", "leaky", "--allow-processes", "--input", given, "--format", "json").json
    shown = caseway("executions", "get", ran["id"], "--format", "json").json
    assert shown["input"] == {"mine": "<***>"}
    assert shown["error"]["detail"] == "at last ***"
    assert shown["error"]["title"] == "***"


def test_a_run_with_no_platform_hides_its_secrets_too(caseway, leaky):
    for words in ((), ("--format", "json")):
        file = str(leaky / "use-cases/leaky/workflows/main.yaml")
        said = caseway(
            "run", file, "--secret", f"erp={json.dumps(SECRETS)}", "--input", json.dumps(TOKEN), *words
        )
        assert said.code == 1
        assert_clean(said.out + said.err, "run")


def test_a_resumed_execution_sees_the_values_it_saw_before(caseway, leaky, echo):
    """It fails behind what it journalled; the same task asks again when it is resumed."""
    file = leaky / "use-cases/leaky/workflows/main.yaml"
    file.write_text(
        "document: {dsl: 1.0.0, namespace: leaky, name: main, version: 1.0.0}\nuse: {secrets: [erp]}\ndo:\n"
        f"  - told:\n      call: http\n      with: {{method: post, endpoint: '{echo}', "
        "headers: {authorization: x}"
        ", body: {told: '${ $secrets.erp.token }', mine: '${ . }'}}\n"
        "  - check:\n      switch:\n"
        "        - same: {then: good, when: '${ .told == $secrets.erp.token "
        "and .mine.mine == $secrets.erp.token }'}\n"
        "        - other: {then: bad}\n"
        "  - bad: {set: {result: other}, then: end}\n  - good: {set: {result: same}}\n"
        "  - last: {raise: {error: {type: 'https://e.example/z', status: 500, title: '${ .result }'}}}\n"
    )
    commit(leaky, "resumable")
    assert caseway("apply", "--yes").code == 0
    first = caseway("trigger", "leaky", "--input", json.dumps({"mine": TOKEN}), "--format", "json").json
    again = caseway("executions", "resume", first["id"], "--format", "json").json
    assert [first["error"]["title"], again["error"]["title"]] == ["same", "same"]

    assert caseway("credential", "rm", "erp", "--yes").code == 0
    gone = caseway("executions", "resume", first["id"], "--format", "json").json
    assert gone["error"]["type"].endswith("/authorization")
    assert "'erp'" in gone["error"]["detail"]
