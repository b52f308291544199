"""Secrets are planted wherever a run can carry them, and looked for in everything that is left behind."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from worker_world import CountingServer, carry

from caseway.model.access import local
from caseway.model.errors import CasewayError
from caseway.operations.examples import whole_example
from caseway.operations.local_client import LocalClient
from caseway.operations.placing import placed
from caseway.operations.table import OPERATIONS
from caseway.platform import credentials, executions, keys
from caseway.platform.access import people, tokens
from caseway.platform.access.caller import caller_of
from caseway.platform.compose import Platform, open_platform
from caseway.platform.snapshot import read_snapshot
from caseway.platform.tables import metadata
from caseway.reconcile.plan import plan
from caseway.reconcile.serialize import as_json, to_file
from caseway.repo.read import read
from caseway.server.app import create_app
from caseway.server.settings import ServerSettings
from caseway.targets.registry import TARGETS
from caseway.worker.run import run_execution

TOKEN = "Planted/Secret+äöü-4711"
PASSWORD = 'planted password "with" quotes\\and more'
NUMBER = 8_412_977_031
BIG = "planted-" * 40_000  # long enough to be kept apart as an artifact
PLANTED = ("Planted/Secret", "planted password", "8412977031", "planted-planted")

DEMO = """use: {secrets: [erp, login]}
do:
  - echo:
      set:
        plain: '${ $secrets.erp.token }'
        within: '${ "it is " + $secrets.erp.token + "!" }'
        encoded: '${ $secrets.erp.token | @base64 }'
        url: '${ $secrets.erp.token | @uri }'
        json: '${ $secrets.login | tojson }'
        number: '${ $secrets.erp.number }'
        key: '${ {($secrets.erp.token): 1} }'
        big: '${ $secrets.erp.big }'
        input: '${ . }'
      export: {as: '${ . }'}
  - call:
      call: http
      with:
        method: post
        endpoint: 'URL/called'
        body: '${ $context }'
        query: {token: '${ $secrets.erp.token }'}
  - tell:
      emit:
        event:
          with: {source: 'https://demo.test', type: demo.told, data: '${ {token: $secrets.erp.token} }'}
  - fail:
      raise:
        error:
          type: https://demo.test/planted
          status: 500
          title: '${ "no " + $secrets.login.password }'
          detail: '${ $secrets.erp.token }'
"""


def spellings(secret: str) -> set[str]:
    """How a secret may be spelled where it leaks."""
    raw = secret.encode()
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        urllib.parse.quote(secret, safe=""),
        base64.b64encode(raw).decode(),
        raw.hex(),
    }


def found_in(text: str) -> list[str]:
    """The planted secrets that stand in a text, in whatever spelling."""
    forms = {form for secret in (TOKEN, PASSWORD, str(NUMBER), BIG) for form in spellings(secret)}
    return [form[:40] for form in (*PLANTED, *forms) if form in text]


def tables(platform: Platform) -> Iterator[tuple[str, str]]:
    """Every table, each row as text; what is kept as bytes is read as text and as JSON."""
    with platform.database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                values = [
                    bytes(value).decode("utf-8", "replace")
                    if isinstance(value, (bytes, memoryview))
                    else value
                    for value in row
                ]
                yield table.name, f"{values} {json.dumps(values, default=str, ensure_ascii=False)}"


@pytest.fixture
def ran(
    tmp_path: Path, project: Any, server: CountingServer, caplog: pytest.LogCaptureFixture
) -> Iterator[Any]:
    """A platform on which a run has carried secrets everywhere, and failed."""
    caplog.set_level(logging.DEBUG)
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with open_platform(url, targets=TARGETS, secret_key="a passphrase of these tests") as platform:
        spec = "credentials:\n  erp: {type: custom}\n  login: {type: basic}"
        root = project({"main": DEMO.replace("URL", server.url)}, spec=spec)
        for name, kind, value in (
            ("erp", "custom", {"token": TOKEN, "number": NUMBER, "big": BIG}),
            ("login", "basic", {"username": "ann", "password": PASSWORD}),
        ):
            credentials.set_credential(platform, "acme", name, value, type=kind, actor="ann")
        carry(platform, root)
        given = {"said": TOKEN, "deep": [{"password": PASSWORD}], "number": NUMBER}
        new = executions.NewExecution("acme", "demo", input=given)
        execution_id = executions.create(platform, new)
        outcome = asyncio.run(run_execution(platform, execution_id))
        view = executions.get_execution(platform, execution_id)
        assert (outcome.status, view.failed_task) == ("faulted", "/do/3/fail")
        assert server.calls["/called"] >= 1 or any("/called" in path for path in server.calls)
        yield platform, root, execution_id, outcome


def test_a_run_carries_its_secrets_and_leaves_none_behind(
    ran: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    platform, root, _, outcome = ran
    assert found_in(str(outcome)) == []
    seen = [(name, found_in(text)) for name, text in tables(platform) if found_in(text)]
    assert seen == []
    for file in tmp_path.glob("state.db*"):
        assert found_in(file.read_bytes().decode("utf-8", "replace")) == []
    assert found_in(caplog.text) == []
    captured = capfd.readouterr()
    assert found_in(captured.out + captured.err) == []
    desired = read(root).desired[0]
    made = plan(desired, read_snapshot(platform, "acme"))
    assert found_in(json.dumps(as_json(made), default=str) + to_file(made)) == []


def test_no_answer_of_the_api_holds_a_secret(ran: Any) -> None:
    platform, _, execution_id, _ = ran
    me = local("acme", "tests")
    people.add_user(platform, me, "root", role="owner", password="planted-user-password")
    token = tokens.create_token(platform, me, user="root", scopes=["read", "trigger", "deploy", "manage"])[1]
    shown_once = keys.create(platform, "acme", "demo", actor="tests")[1]
    app = create_app(platform, authenticate=caller_of, settings=ServerSettings(port=0))
    names = {
        "id": execution_id,
        "execution": execution_id,
        "name": "demo",
        "instance": "demo",
        "process": "demo",
    }

    async def ask() -> list[str]:
        leaks = []
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here.test") as client:
            for operation in OPERATIONS.values():
                if operation.method != "GET" or operation.answer == "stream":
                    continue
                example = {**whole_example(operation.request), **names}
                path = operation.path.format(
                    **{item.json: example.get(item.json, "x") for item in placed(operation)["path"]}
                )
                answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code != 500, (operation.name, answer.text)
                secrets = [*found_in(answer.text)]
                secrets += [
                    text for text in (token, shown_once, "planted-user-password") if text in answer.text
                ]
                leaks += [f"{operation.name}: {text}" for text in secrets]
        return leaks

    assert asyncio.run(ask()) == []


def test_no_error_repeats_what_was_given(ran: Any) -> None:
    platform, _, _, _ = ran
    client = LocalClient(platform, local("acme", "tests"))
    tries: list[tuple[str, dict[str, Any]]] = [
        ("credentials.set", {"name": "x", "type": "basic", "value": {"username": TOKEN}}),
        ("credentials.set", {"name": "x", "type": "nonsense", "value": {"token": TOKEN}}),
        ("credentials.set", {"name": "x", "value": {"token": TOKEN}, "scope": "nowhere"}),
        ("credentials.set", {"name": "x", "source": "age", "value": {"token": TOKEN}}),
        ("users.add", {"name": "Not A Name", "password": PASSWORD}),
        ("sessions.create", {"name": "nobody", "password": PASSWORD}),
        ("exchanges.create", {"assertion": TOKEN}),
    ]
    for operation, arguments in tries:
        with pytest.raises(CasewayError) as caught:
            client.call(operation, **arguments)
        told = f"{caught.value.message} {caught.value.hint} {caught.value.place}"
        told += str(getattr(caught.value, "errors", ""))
        assert found_in(told) == [], operation


def test_the_search_itself_finds_what_is_not_hidden(ran: Any) -> None:
    for text in (TOKEN, f"x {PASSWORD} y", json.dumps({"a": TOKEN}), f"{NUMBER}", urllib.parse.quote(TOKEN)):
        assert found_in(text)
