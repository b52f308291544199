"""`call: openapi` and `call: http` against a real FastAPI app, with tokens of a real authorization server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from running import ERRORS, a_workflow, run, server
from serving import asgi, free_port

from caseway_runner import Outcome, Policy, Status, folder_files

fastapi = pytest.importorskip("fastapi", reason="the extra caseway[server] is not installed")
pytest.importorskip("authlib", reason="no authorization server is installed: install authlib")
jwt = pytest.importorskip("joserfc.jwt", reason="no authorization server is installed: install authlib")

from joserfc.jwk import OctKey  # noqa: E402 - after the skips
from token_server import CLIENT_ID, CLIENT_SECRET, Authority, add_authority  # noqa: E402 - after the skips

Header, Cookie, Query, Body, Request = (
    fastapi.Header,
    fastapi.Cookie,
    fastapi.Query,
    fastapi.Body,
    fastapi.Request,
)


@dataclass
class Shop:
    """The app, its authority, and what it was asked."""

    url: str
    authority: Authority
    keys: list[str] = field(default_factory=list)


def orders(shop: Shop) -> Any:
    """A FastAPI app with operations of every kind of parameter."""
    app = fastapi.FastAPI()

    @app.post("/orders/{order}", operation_id="changeOrder", status_code=201)
    def change(
        *,
        order: int,
        lines: Annotated[list[str], Body()],
        total: Annotated[float, Body()],
        tag: Annotated[list[str], Query()],
        request: Request,
        x_tenant: Annotated[str, Header()],
        session: Annotated[str, Cookie()],
        dry: bool = False,
    ) -> dict[str, Any]:
        shop.keys.append(request.headers["idempotency-key"])
        seen = {"order": order, "lines": lines, "total": total, "tag": tag}
        return {**seen, "tenant": x_tenant, "session": session, "dry": dry}

    @app.get("/secret", operation_id="secret")
    def secret(request: Request) -> dict[str, Any]:
        if not shop.authority.knows(request.headers.get("authorization", "")):
            raise fastapi.HTTPException(401, "who are you?")
        return {"said": "welcome"}

    @app.get("/missing", operation_id="missing")
    def missing() -> None:
        raise fastapi.HTTPException(404, "not here")

    add_authority(app, shop.authority)
    return app


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    shop = Shop(url, Authority(url))
    with asgi(orders(shop), port):
        yield shop


@pytest.fixture
def shop(running: Shop) -> Shop:
    """The running app, as if nobody had asked yet."""
    running.authority.asked.clear()
    running.authority.seconds = 3600
    running.keys.clear()
    return running


def operating(shop: Shop, operation: str, parameters: Any, **more: Any) -> Outcome:
    document = {"endpoint": f"{shop.url}/openapi.json"}
    call = {"document": document, "operationId": operation, "parameters": parameters, **more}
    return run(a_workflow({"o": {"call": "openapi", "with": call}}), {"n": 7})


def test_parameters_reach_the_app_wherever_its_own_document_puts_them(shop: Shop) -> None:
    given = {
        "order": "${ .n }",
        "lines": ["a"],
        "total": 2.5,
        "tag": ["x", "y z"],
        "session": "s",
        "dry": True,
    }
    outcome = operating(shop, "changeOrder", {**given, "x-tenant": "acme"})
    told = {**given, "order": 7, "tenant": "acme"}
    assert outcome.output == told, outcome.error
    assert shop.keys == ["run-1:/do/0/o"]


def test_what_the_app_refuses_is_a_communication_error_with_its_words(shop: Shop) -> None:
    error = operating(
        shop, "changeOrder", {"order": 1, "lines": 5, "total": "x", "tag": [], "session": "", "x-tenant": "a"}
    ).error
    assert error is not None and (error.type, error.status) == (ERRORS + "communication", 422)
    assert "list" in error.detail
    error = operating(shop, "missing", {}).error
    assert error is not None and error.status == 404


def policy(shop: Shop, **more: Any) -> dict[str, Any]:
    client = {"id": CLIENT_ID, "secret": CLIENT_SECRET}
    known = {
        "authority": f"{shop.url}/realm",
        "grant": "client_credentials",
        "client": client,
        "scopes": ["read"],
    }
    return {**known, **more}


def assertion(shop: Shop) -> str:
    claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": f"{shop.url}/realm/oauth2/token"}
    times = {"exp": 4102444800, "iat": 1700000000, "jti": "1"}
    return str(jwt.encode({"alg": "HS256"}, {**claims, **times}, OctKey.import_key(CLIENT_SECRET)))


@pytest.mark.parametrize("scheme", ["oauth2", "oidc"])
def test_one_token_of_the_authority_opens_the_app_to_all_calls_of_an_execution(
    shop: Shop, scheme: str
) -> None:
    endpoint = {"uri": f"{shop.url}/secret", "authentication": {scheme: policy(shop)}}
    call = {"call": "http", "with": {"method": "get", "endpoint": endpoint}}
    outcome = run(a_workflow({"a": call}, {"b": call}, {"c": call}))
    assert outcome.output == {"said": "welcome"}, outcome.error
    assert [(form["grant_type"], form["scope"]) for form in shop.authority.asked] == [
        ("client_credentials", "read")
    ]


def test_a_token_that_has_run_out_is_fetched_anew(shop: Shop) -> None:
    shop.authority.seconds = 60
    endpoint = {"uri": f"{shop.url}/secret", "authentication": {"oauth2": policy(shop)}}
    call = {"call": "http", "with": {"method": "get", "endpoint": endpoint}}
    outcome = run(a_workflow({"a": call}, {"b": call}, {"w": {"wait": {"seconds": 120}}}, {"c": call}))
    assert outcome.status is Status.COMPLETED, outcome.error
    assert len(shop.authority.asked) == 2


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post", "client_secret_jwt"])
def test_a_client_may_identify_itself_in_each_way(shop: Shop, way: str) -> None:
    client = {"id": CLIENT_ID, "secret": CLIENT_SECRET, "authentication": way}
    if way == "client_secret_jwt":
        client = {"id": CLIENT_ID, "assertion": assertion(shop), "authentication": way}
    outcome = operating(shop, "secret", {}, authentication={"oauth2": policy(shop, client=client)})
    assert outcome.output == {"said": "welcome"}, outcome.error
    [form] = shop.authority.asked
    assert ("client_secret" in form, "client_assertion" in form) == (
        way == "client_secret_post",
        way == "client_secret_jwt",
    )


def test_a_person_s_password_is_a_grant(shop: Shop) -> None:
    person = {"grant": "password", "username": "ann", "password": "${ .pw }"}
    endpoint = {"uri": f"{shop.url}/secret", "authentication": {"oauth2": policy(shop, **person)}}
    document = a_workflow({"a": {"call": "http", "with": {"method": "get", "endpoint": endpoint}}})
    assert run(document, {"pw": "planted-password"}).output == {"said": "welcome"}
    error = run(document, {"pw": "wrong"}).error
    assert error is not None and (error.type, error.status) == (ERRORS + "authentication", 401)


def test_a_wrong_client_is_an_authentication_error_without_its_secret(shop: Shop) -> None:
    client = {"id": CLIENT_ID, "secret": "planted-wrong-secret"}
    error = operating(shop, "secret", {}, authentication={"oauth2": policy(shop, client=client)}).error
    assert error is not None and (error.type, error.status) == (ERRORS + "authentication", 401)
    assert "planted" not in error.detail


PETS = """
openapi: 3.1.0
servers: [{url: "http://svc/v1"}]
paths:
  /pets: {$ref: "paths/pets.yaml#/~1pets"}
"""
PATHS = """
/pets:
  parameters: [{$ref: '../common.yaml#/tenant'}, {$ref: '#/kind'}]
  get:
    operationId: pets
    parameters: [{$ref: "../common.yaml#/components/limit"}]
    responses: {200: {content: {application/json: {schema: {$ref: "nowhere.yaml"}}}}}
kind: {name: kind, in: query}
"""
COMMON = """
tenant: {name: X-Tenant, in: header}
components:
  limit: {$ref: "#/definitions/limit"}
definitions:
  limit: {name: limit, in: query, required: true}
"""
FILES = {"api/pets.yaml": PETS, "api/paths/pets.yaml": PATHS, "api/common.yaml": COMMON}
PARAMETERS = {"limit": 3, "kind": "cat", "X-Tenant": "acme"}


def pets(document: Any, **ports: Any) -> Outcome:
    call = {"document": document, "operationId": "pets", "parameters": PARAMETERS}
    return run(a_workflow({"o": {"call": "openapi", "with": call}}), **ports)


class Web:
    """Serves the files, and shows what else was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        text = FILES.get(request.url.path.lstrip("/"))
        self.asked.append(request)
        if text is not None:
            return httpx.Response(200, text=text)
        return httpx.Response(404 if request.url.host == "docs" else 200, json={})

    def urls(self) -> list[str]:
        return [str(request.url) for request in self.asked]


WANTED = "http://svc/v1/pets?kind=cat&limit=3"


def test_a_document_may_refer_to_files_beside_it(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    web = Web()
    outcome = pets(
        {"endpoint": "file://api/pets.yaml"}, http_transport=server(web), files=folder_files(tmp_path)
    )
    assert outcome.status is Status.COMPLETED, outcome.error
    assert web.urls() == [WANTED]
    assert web.asked[0].headers["x-tenant"] == "acme"


def test_a_document_of_the_network_may_too_and_schemas_are_not_fetched() -> None:
    web = Web()
    outcome = pets({"endpoint": "http://docs/api/pets.yaml"}, http_transport=server(web))
    assert outcome.status is Status.COMPLETED, outcome.error
    assert web.urls() == [f"http://docs/{name}" for name in FILES] + [WANTED]


def test_the_credentials_of_a_document_go_to_its_own_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "api/pets.yaml", PETS.replace('"paths/', '"http://other/api/paths/'))
    web = Web()
    endpoint = {
        "uri": "http://docs/api/pets.yaml",
        "authentication": {"basic": {"username": "u", "password": "p"}},
    }
    assert pets({"endpoint": endpoint}, http_transport=server(web)).status is Status.COMPLETED
    told = {request.url.host: request.headers.get("authorization") for request in web.asked}
    assert told == {"docs": "Basic " + base64.b64encode(b"u:p").decode(), "other": None, "svc": None}


@pytest.mark.parametrize(
    ("reference", "kind", "says"),
    [
        ("file:///etc/passwd", "configuration", "may not refer"),
        ("gone.yaml", "communication", ""),
        ("http://elsewhere/x.yaml", "authorization", "elsewhere"),
    ],
)
def test_a_reference_that_may_not_be_followed_is_a_fault(
    reference: str, kind: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILES, "api/pets.yaml", PETS.replace("paths/pets.yaml", reference))
    ports = {"http_transport": server(Web()), "policy": Policy(hosts=("docs", "svc"))}
    error = pets({"endpoint": "http://docs/api/pets.yaml"}, **ports).error
    assert error is not None and error.type == ERRORS + kind
    assert says in error.detail


def test_files_that_refer_to_each_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        FILES,
        "api/common.yaml",
        "tenant: {$ref: 'common.yaml#/tenant'}\ncomponents: {limit: {$ref: 'paths/pets.yaml#/kind'}}",
    )
    error = pets({"endpoint": "http://docs/api/pets.yaml"}, http_transport=server(Web())).error
    assert error is not None and error.type == ERRORS + "configuration"


ASYNCAPI = """
asyncapi: 3.0.0
servers: {main: {$ref: "common.yaml#/server"}}
channels: {pets: {$ref: "paths/channels.yaml#/pets"}}
operations: {tell: {action: send, channel: {$ref: "#/channels/pets"}}}
"""
CHANNELS = "pets: {address: /pets, messages: {pet: {payload: {$ref: nowhere.yaml}}}}"


def test_so_may_a_document_about_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "api/async.yaml", ASYNCAPI)
    monkeypatch.setitem(FILES, "api/common.yaml", "server: {host: svc, protocol: http}")
    monkeypatch.setitem(FILES, "api/paths/channels.yaml", CHANNELS)
    web = Web()
    call = {"document": {"endpoint": "http://docs/api/async.yaml"}, "operation": "tell"}
    document = a_workflow({"o": {"call": "asyncapi", "with": {**call, "message": {"payload": {"n": 1}}}}})
    outcome = run(document, http_transport=server(web))
    assert outcome.status is Status.COMPLETED, outcome.error
    assert web.urls()[-1] == "http://svc/pets"
    assert not any("nowhere" in url for url in web.urls())
