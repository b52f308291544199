"""The functions that use connections, each against a real server of its kind."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from caseway_runner import Outcome, Policy, SystemClock, problems
from runner.databases import mariadb, postgres
from runner.running import a_workflow, run
from runner.serving import asgi, broker, free_port

pytest.importorskip("sqlalchemy")


def services(**types: dict[str, Any]) -> dict[str, str]:
    """`CASEWAY_SERVICES` as a worker gives it."""
    named = {kind.replace("_", "-"): entries for kind, entries in types.items()}
    return {"CASEWAY_SERVICES": json.dumps(named)}


def called(function: str, environment: dict[str, str], **arguments: Any) -> Outcome:
    """What one call of a function gives."""
    document = a_workflow({"step": {"call": function, "with": arguments}})
    return run(document, {}, environment=environment, clock=SystemClock())


def output(outcome: Outcome) -> Any:
    assert outcome.error is None, outcome.error
    return outcome.output


def detail(outcome: Outcome) -> str:
    assert outcome.error is not None
    return f"{outcome.error.type.rpartition('/')[2]}: {outcome.error.detail}"


@pytest.fixture(scope="module")
def databases() -> Iterator[dict[str, dict[str, str]]]:
    """A PostgreSQL and a MariaDB server."""
    with postgres() as first, mariadb() as second:
        pg = {"url": f"postgres://127.0.0.1:{first}/postgres"}
        my = {"url": f"mysql://127.0.0.1:{second}/caseway"}
        yield {
            "postgres": services(
                postgres={"db": {**pg, "credential": {"username": "caseway", "password": "s3cret-pg"}}}
            ),
            "mysql": services(
                mysql={"db": {**my, "credential": {"username": "caseway", "password": "s3cret-my"}}}
            ),
            "wrong": services(
                postgres={"db": {**pg, "credential": {"username": "caseway", "password": "nonsense"}}}
            ),
        }


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
class TestSql:
    def test_a_query_gives_its_rows(self, databases: Any, kind: str) -> None:
        found = called("sql", databases[kind], connection="db", query="SELECT 1 AS one, 'x' AS word")
        assert output(found) == {"rows": [{"one": 1, "word": "x"}], "rowCount": 1}

    def test_values_are_bound_and_never_pasted_in(self, databases: Any, kind: str) -> None:
        hostile = "x'; DROP TABLE users; --"
        found = called(
            "sql",
            databases[kind],
            connection="db",
            query="SELECT :word AS word",
            parameters={"word": hostile},
        )
        assert output(found)["rows"] == [{"word": hostile}]

    def test_one_row_is_an_object(self, databases: Any, kind: str) -> None:
        found = called("sql", databases[kind], connection="db", query="SELECT 7 AS n", rows="one")
        assert output(found) == {"n": 7}

    def test_statements_are_one_transaction(self, databases: Any, kind: str) -> None:
        called("sql", databases[kind], connection="db", query="CREATE TABLE kept (n INT PRIMARY KEY)")
        insert = {"query": "INSERT INTO kept VALUES (:n)", "parameters": {"n": 1}}
        refused = called("sql", databases[kind], connection="db", statements=[insert, insert])
        assert detail(refused).startswith("runtime: connection db:")
        found = called("sql", databases[kind], connection="db", query="SELECT count(*) AS n FROM kept")
        assert output(found)["rows"] == [{"n": 0}]

    def test_times_and_decimals_become_text(self, databases: Any, kind: str) -> None:
        query = "SELECT CAST('2026-01-02' AS DATE) AS day, CAST(1.25 AS DECIMAL(10,2)) AS price"
        found = called("sql", databases[kind], connection="db", query=query)
        assert output(found)["rows"] == [{"day": "2026-01-02", "price": "1.25"}]

    def test_the_idempotency_key_can_be_bound(self, databases: Any, kind: str) -> None:
        found = called("sql", databases[kind], connection="db", query="SELECT :idempotency_key AS k")
        assert output(found)["rows"] == [{"k": "run-1:/do/0/step"}]

    def test_a_wrong_statement_is_named_by_the_database(self, databases: Any, kind: str) -> None:
        found = called("sql", databases[kind], connection="db", query="SELEC 1")
        assert "SELEC" in detail(found)

    def test_too_many_rows_are_a_limit(self, databases: Any, kind: str) -> None:
        table = "information_schema.columns"
        query = f"SELECT 1 AS n FROM {table} a, {table} b, {table} c"
        found = called("sql", databases[kind], connection="db", query=query)
        assert "more than 10000 rows" in str(found.error)


def test_a_wrong_password_is_a_communication_fault_without_the_password(databases: Any) -> None:
    found = detail(called("sql", databases["wrong"], connection="db", query="SELECT 1"))
    assert found.startswith("communication:")
    assert "nonsense" not in found


@pytest.fixture(scope="module")
def redis_server() -> Iterator[dict[str, str]]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--requirepass", "s3cret"]
    with broker(command, port):
        entry = {
            "url": f"redis://127.0.0.1:{port}/0",
            "credential": {"username": "default", "password": "s3cret"},
        }
        yield services(redis={"cache": entry})


class TestRedis:
    def test_a_command_gives_its_answer(self, redis_server: dict[str, str]) -> None:
        called("redis", redis_server, connection="cache", command=["SET", "greeting", "hello"])
        assert (
            output(called("redis", redis_server, connection="cache", command=["GET", "greeting"])) == "hello"
        )

    def test_commands_are_one_transaction(self, redis_server: dict[str, str]) -> None:
        commands = [["INCR", "n"], ["INCR", "n"], ["GET", "n"]]
        assert output(called("redis", redis_server, connection="cache", commands=commands)) == [1, 2, "2"]

    def test_a_hash_is_an_object(self, redis_server: dict[str, str]) -> None:
        called("redis", redis_server, connection="cache", command=["HSET", "h", "a", 1])
        assert output(called("redis", redis_server, connection="cache", command=["HGETALL", "h"])) == {
            "a": "1"
        }

    @pytest.mark.parametrize("word", ["CONFIG", "shutdown", "EVAL", "SUBSCRIBE"])
    def test_what_is_no_workflows_business_is_refused(self, redis_server: dict[str, str], word: str) -> None:
        assert detail(called("redis", redis_server, connection="cache", command=[word, "x"])).startswith(
            "authorization:"
        )

    def test_a_command_that_redis_refuses_is_a_fault(self, redis_server: dict[str, str]) -> None:
        called("redis", redis_server, connection="cache", command=["SET", "word", "x"])
        assert detail(called("redis", redis_server, connection="cache", command=["INCR", "word"])).startswith(
            "runtime:"
        )


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """An S3 server with one bucket."""
    moto = pytest.importorskip("moto.server")
    port = free_port()
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    account = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    pytest.importorskip("boto3").session.Session().client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", **account
    ).create_bucket(Bucket="files")
    entry = {
        "url": f"http://127.0.0.1:{port}/files",
        "credential": {"accessKeyId": "a", "secretAccessKey": "b"},
    }
    yield services(s3={"store": entry})
    server.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestS3:
    def test_what_was_put_can_be_got(self, bucket: dict[str, str]) -> None:
        called("s3", bucket, connection="store", operation="put", key="a.txt", body="hello")
        found = output(called("s3", bucket, connection="store", operation="get", key="a.txt"))
        assert (found["body"], found["contentType"]) == ("hello", "text/plain")

    def test_data_is_kept_as_json(self, bucket: dict[str, str]) -> None:
        called("s3", bucket, connection="store", operation="put", key="a.json", body={"n": 1})
        found = called("s3", bucket, connection="store", operation="get", key="a.json", **{"as": "json"})
        assert output(found)["body"] == {"n": 1}

    def test_objects_are_listed_and_deleted(self, bucket: dict[str, str]) -> None:
        for name in ("l/1", "l/2"):
            called("s3", bucket, connection="store", operation="put", key=name, body="x")
        called("s3", bucket, connection="store", operation="delete", key="l/1")
        found = output(called("s3", bucket, connection="store", operation="list", prefix="l/"))
        assert [item["key"] for item in found["objects"]] == ["l/2"]

    def test_what_is_not_there_is_a_fault_with_its_status(self, bucket: dict[str, str]) -> None:
        found = called("s3", bucket, connection="store", operation="head", key="nothing")
        assert found.error is not None
        assert found.error.status == 404


@pytest.fixture
def relay() -> Iterator[tuple[dict[str, str], list[Any]]]:
    """A real SMTP server, and the messages it took."""
    controller = pytest.importorskip("aiosmtpd.controller")
    taken: list[Any] = []

    class Keep:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            taken.append(envelope)
            return "250 OK"

    port = free_port()
    smtp = controller.Controller(Keep(), hostname="127.0.0.1", port=port)
    smtp.start()
    entry = {"url": f"smtp://127.0.0.1:{port}", "options": {"from": "bot@acme.example", "starttls": False}}
    yield services(smtp={"mail": entry}), taken
    smtp.stop()


class TestEmail:
    def test_a_message_reaches_the_relay(self, relay: Any) -> None:
        environment, taken = relay
        asked = {"to": "ann@acme.example", "bcc": ["bob@acme.example"], "subject": "Größe", "text": "hello"}
        output(called("email", environment, connection="mail", **asked))
        assert taken[0].rcpt_tos == ["ann@acme.example", "bob@acme.example"]
        assert b"bob@" not in taken[0].content

    def test_a_message_sent_twice_has_one_identity(self, relay: Any) -> None:
        environment, _ = relay
        asked = {"connection": "mail", "to": "ann@acme.example", "subject": "s", "text": "t"}
        first, second = (output(called("email", environment, **asked))["messageId"] for _ in range(2))
        assert first == second

    @pytest.mark.parametrize("key", ["to", "from", "replyTo", "subject"])
    def test_no_value_can_add_a_header(self, relay: Any, key: str) -> None:
        environment, taken = relay
        asked = {
            "to": "ann@acme.example",
            "subject": "s",
            "text": "t",
            key: "x@y.example\r\nBcc: eve@evil.example",
        }
        assert detail(called("email", environment, connection="mail", **asked)).startswith("configuration:")
        assert taken == []

    def test_a_message_without_a_body_is_refused(self, relay: Any) -> None:
        environment, _ = relay
        found = called("email", environment, connection="mail", to="ann@acme.example", subject="s")
        assert "neither `text` nor `html`" in detail(found)


@contextmanager
def gateway(answer: Any) -> Iterator[tuple[dict[str, str], list[Any]]]:
    """A gateway that speaks chat completions, with one model, and what it was asked."""
    starlette = pytest.importorskip("starlette.applications")
    routing, responses = (
        importlib.import_module("starlette.routing"),
        importlib.import_module("starlette.responses"),
    )
    asked: list[Any] = []

    async def complete(request: Any) -> Any:
        asked.append((dict(request.headers), await request.json()))
        message = {"role": "assistant", "content": answer}
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        choices = [{"message": message, "finish_reason": "stop"}]
        return responses.JSONResponse({"model": "tiny", "choices": choices, "usage": usage})

    app = starlette.Starlette(routes=[routing.Route("/v1/chat/completions", complete, methods=["POST"])])
    with asgi(app, free_port()) as port:
        entry = {"url": f"http://127.0.0.1:{port}/v1", "credential": {"key": "k-1"}, "models": ["tiny"]}
        yield services(ai_gateway={"ai": entry}), asked


class TestAiChat:
    def test_an_answer_comes_with_its_cost(self) -> None:
        with gateway("hello") as (environment, asked):
            found = output(called("ai-chat", environment, connection="ai", prompt="hi", system="be kind"))
        assert (found["content"], found["usage"]["totalTokens"]) == ("hello", 7)
        headers, body = asked[0]
        assert headers["authorization"] == "Bearer k-1"
        assert [item["role"] for item in body["messages"]] == ["system", "user"]

    def test_an_answer_with_a_schema_is_data(self) -> None:
        schema = {"type": "object", "required": ["mood"], "properties": {"mood": {"type": "string"}}}
        with gateway('{"mood": "good"}') as (environment, _):
            found = called("ai-chat", environment, connection="ai", prompt="hi", schema=schema)
        assert output(found)["data"] == {"mood": "good"}

    def test_an_answer_that_misses_the_schema_is_a_fault(self) -> None:
        schema = {"type": "object", "required": ["mood"]}
        with gateway("{}") as (environment, _):
            found = called("ai-chat", environment, connection="ai", prompt="hi", schema=schema)
        assert detail(found).startswith("validation:")

    def test_a_model_that_the_connection_does_not_offer_is_refused(self) -> None:
        with gateway("hello") as (environment, asked):
            found = called("ai-chat", environment, connection="ai", prompt="hi", model="huge")
        assert "offers tiny, not huge" in detail(found)
        assert asked == []


class TestTemplate:
    def test_values_fill_the_template(self) -> None:
        text = "{% for n in names %}Dear {{ n }}\n{% endfor %}"
        assert output(called("template", {}, template=text, values={"names": ["Ann", "Bob"]})) == (
            "Dear Ann\nDear Bob\n"
        )

    def test_html_escapes_values(self) -> None:
        found = called("template", {}, template="<p>{{ x }}</p>", values={"x": "<b>"}, html=True)
        assert output(found) == "<p>&lt;b&gt;</p>"

    def test_a_misspelt_name_is_an_error(self) -> None:
        found = called("template", {}, template="{{ nmae }}", values={"name": "Ann"})
        assert "'nmae' is undefined" in detail(found)

    def test_a_value_is_never_a_template(self) -> None:
        found = called("template", {}, template="{{ x }}", values={"x": "{{ 7 * 7 }}"})
        assert output(found) == "{{ 7 * 7 }}"

    @pytest.mark.parametrize("text", ["{{ ''.__class__.__mro__ }}", "{{ x.__init__.__globals__ }}"])
    def test_nothing_behind_the_values_can_be_reached(self, text: str) -> None:
        assert detail(called("template", {}, template=text, values={"x": "y"})).startswith("expression:")

    def test_a_template_that_never_ends_is_ended(self) -> None:
        bomb = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}"
        found = called("template", {}, template=bomb + "{% endfor %}{% endfor %}")
        assert "too much time or memory" in str(found.error)


def test_an_unknown_connection_says_where_to_name_it() -> None:
    assert "name it under `connections`" in detail(called("redis", {}, connection="x", command=["PING"]))


def test_a_connection_of_another_type_is_refused() -> None:
    environment = services(redis={"cache": {"url": "redis://127.0.0.1:1"}})
    assert "is of type redis" in detail(called("sql", environment, connection="cache", query="SELECT 1"))


def test_a_host_that_the_policy_forbids_is_not_connected_to() -> None:
    environment = services(redis={"cache": {"url": "redis://127.0.0.1:1"}})
    document = a_workflow({"step": {"call": "redis", "with": {"connection": "cache", "command": ["PING"]}}})
    found = run(document, {}, environment=environment, policy=Policy(hosts=("api.acme.example",)))
    assert detail(found).startswith("authorization:")


def test_an_unknown_argument_is_a_problem_before_it_runs() -> None:
    document = a_workflow({"step": {"call": "sql", "with": {"connection": "db", "qurey": "SELECT 1"}}})
    [problem] = problems(document)
    assert (problem.pointer, problem.hint) == ("/do/0/step/with/qurey", "did you mean 'query'?")


def test_a_function_of_the_document_comes_before_one_of_the_catalog() -> None:
    own = {"functions": {"template": {"set": {"mine": True}}}}
    document = a_workflow({"step": {"call": "template"}}, use=own)
    assert run(document, {}).output == {"mine": True}
