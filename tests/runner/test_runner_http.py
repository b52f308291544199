"""`call: http` and `call: openapi` on the wire, and how calls authenticate."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from running import ERRORS, a_workflow, run, server, setting

from caseway_runner import Limits, Outcome, Policy, Status


class Wire:
    """Remembers requests; answers with what it is given."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers) or [httpx.Response(200, json={"ok": True})]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answers[min(len(self.requests), len(self._answers)) - 1]


def calling(
    wire: Wire, input: Any = None, *, use: Any = None, policy: Policy | None = None, **call: Any
) -> Outcome:
    call = {"method": "get", "endpoint": "http://svc/x", **call}
    document = a_workflow({"c": {"call": "http", "with": call}}, **({"use": use} if use else {}))
    ports: dict[str, Any] = {"policy": policy} if policy else {}
    secrets = {"login": {"username": "u", "password": "p"}, "key": {"token": "s3cret"}}
    return run(document, input, http_transport=server(wire), secrets=secrets.__getitem__, **ports)


def test_a_uri_template_takes_top_level_properties_encoded() -> None:
    wire = Wire()
    calling(wire, {"id": "a b/c", "n": 1.5, "yes": True}, endpoint="http://svc/{id}/{n}/{yes}/{none}")
    assert str(wire.requests[0].url) == "http://svc/a%20b%2Fc/1.5/true/"


def test_a_template_variable_that_is_an_object_is_an_expression_error() -> None:
    outcome = calling(Wire(), {"id": {}}, endpoint="http://svc/{id}")
    assert outcome.error is not None and outcome.error.type == ERRORS + "expression"


def test_an_endpoint_may_be_an_expression() -> None:
    wire = Wire()
    calling(wire, {"id": 7}, endpoint={"uri": '${ "http://svc/\\(.id)" }'})
    assert wire.requests[0].url.path == "/7"


def test_query_headers_and_body_are_sent() -> None:
    wire = Wire()
    calling(
        wire,
        {"q": ["a", "b"], "h": "v"},
        method="post",
        endpoint="http://svc/x?one=1",
        query={"many": "${ .q }", "none": "${ .none }", "n": "${ 5 }"},
        headers={"X-H": "${ .h }"},
        body={"echo": "${ .h }"},
    )
    request = wire.requests[0]
    assert request.url.params.multi_items() == [("one", "1"), ("many", "a"), ("many", "b"), ("n", "5")]
    assert request.headers["x-h"] == "v"
    assert json.loads(request.content) == {"echo": "v"}
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("kind", "body", "sent"),
    [
        ("application/x-www-form-urlencoded", {"a": 1, "b": "x y"}, b"a=1&b=x+y"),
        ("text/xml", "<a/>", b"<a/>"),
        ("application/vnd.api+json", {"a": 1}, b'{"a":1}'),
    ],
)
def test_the_content_type_decides_how_the_body_is_written(kind: str, body: Any, sent: bytes) -> None:
    wire = Wire()
    calling(wire, method="put", headers={"Content-Type": kind}, body=body)
    assert wire.requests[0].content == sent


def test_requests_that_change_something_carry_the_idempotency_key() -> None:
    wire = Wire()
    calling(wire, method="post")
    calling(wire, method="get")
    calling(wire, method="post", headers={"Idempotency-Key": "mine"})
    assert [request.headers.get("idempotency-key") for request in wire.requests] == [
        "run-1:/do/0/c",
        None,
        "mine",
    ]


@pytest.mark.parametrize(
    ("response", "output"),
    [
        (httpx.Response(200, json=[1]), [1]),
        (httpx.Response(200, text="plain"), "plain"),
        (httpx.Response(204), None),
        (httpx.Response(200, content=b"\x00\x01", headers={"content-type": "image/png"}), "AAE="),
        (httpx.Response(200, content=b"{}", headers={"content-type": "application/problem+json"}), {}),
    ],
)
def test_content_is_deserialized_by_its_type(response: httpx.Response, output: Any) -> None:
    assert calling(Wire(response)).output == output


def test_raw_output_is_base64() -> None:
    assert (
        calling(Wire(httpx.Response(200, text="hi")), output="raw").output == base64.b64encode(b"hi").decode()
    )


def test_response_output_shows_the_exchange_without_credentials() -> None:
    endpoint = {"uri": "http://svc/x", "authentication": {"bearer": {"token": "t0p"}}}
    outcome = calling(Wire(httpx.Response(201, json={"a": 1})), endpoint=endpoint, output="response")
    assert outcome.output["statusCode"] == 201
    assert outcome.output["content"] == {"a": 1}
    assert outcome.output["request"]["method"] == "get"
    assert outcome.output["request"]["uri"] == "http://svc/x"
    assert "t0p" not in json.dumps(outcome.output)


@pytest.mark.parametrize(
    ("status", "redirect", "ends"),
    [
        (200, False, Status.COMPLETED),
        (302, False, Status.FAULTED),
        (302, True, Status.COMPLETED),
        (404, True, Status.FAULTED),
        (503, False, Status.FAULTED),
    ],
)
def test_other_statuses_than_success_are_communication_errors(
    status: int, redirect: bool, ends: Status
) -> None:
    outcome = calling(Wire(httpx.Response(status)), redirect=redirect)
    assert outcome.status is ends
    if outcome.error is not None:
        assert (outcome.error.type, outcome.error.status) == (ERRORS + "communication", status)


def test_a_connection_that_fails_is_a_communication_error_500() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    document = a_workflow({"c": {"call": "http", "with": {"method": "get", "endpoint": "http://svc/"}}})
    error = run(document, http_transport=server(broken)).error
    assert error is not None and (error.type, error.status) == (ERRORS + "communication", 500)


def test_json_that_is_none_is_a_communication_error() -> None:
    response = httpx.Response(200, content=b"{", headers={"content-type": "application/json"})
    error = calling(Wire(response)).error
    assert error is not None and error.type == ERRORS + "communication"


def test_hosts_outside_the_policy_are_not_called() -> None:
    wire = Wire()
    error = calling(wire, policy=Policy(hosts=("*.example.com", "svc:8080"))).error
    assert error is not None and error.type == ERRORS + "authorization"
    assert wire.requests == []


def test_hosts_of_the_policy_may_name_a_port() -> None:
    assert calling(Wire(), policy=Policy(hosts=("svc:80",))).status is Status.COMPLETED


def test_an_answer_that_is_too_large_hits_the_limit() -> None:
    policy = Policy(limits=Limits(output_bytes=100))
    outcome = calling(Wire(httpx.Response(200, text="x" * 1000)), policy=policy)
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


BASIC = "Basic " + base64.b64encode(b"u:p").decode()


@pytest.mark.parametrize(
    ("policy", "header"),
    [
        ({"basic": {"username": "u", "password": "${ .pw }"}}, BASIC),
        ({"basic": {"use": "login"}}, BASIC),
        ({"bearer": {"token": "${ .pw }"}}, "Bearer p"),
        ({"bearer": {"use": "key"}}, "Bearer s3cret"),
        ({"use": "shared"}, "Bearer s3cret"),
    ],
)
def test_calls_authenticate(policy: dict[str, Any], header: str) -> None:
    wire = Wire()
    use = {"secrets": ["login", "key"], "authentications": {"shared": {"bearer": {"use": "key"}}}}
    calling(wire, {"pw": "p"}, use=use, endpoint={"uri": "http://svc/", "authentication": policy})
    assert wire.requests[0].headers["authorization"] == header


def test_digest_answers_the_challenge() -> None:
    challenge = {"www-authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'}
    wire = Wire(httpx.Response(401, headers=challenge), httpx.Response(200, json=1))
    policy = {"digest": {"username": "u", "password": "p"}}
    assert calling(wire, endpoint={"uri": "http://svc/", "authentication": policy}).output == 1
    assert wire.requests[1].headers["authorization"].startswith('Digest username="u"')


def test_a_challenge_that_cannot_be_read_is_a_communication_error() -> None:
    wire = Wire(httpx.Response(401, headers={"www-authenticate": 'Digest realm="r"'}))
    policy = {"digest": {"username": "u", "password": "p"}}
    error = calling(wire, endpoint={"uri": "http://svc/", "authentication": policy}).error
    assert error is not None and error.type == ERRORS + "communication"


def test_a_name_and_password_in_the_url_authenticate() -> None:
    wire = Wire()
    calling(wire, endpoint="http://u:p%40@svc/")
    assert wire.requests[0].headers["authorization"] == f"Basic {base64.b64encode(b'u:p@').decode()}"


def test_a_cookie_that_a_server_sets_goes_with_later_calls_to_it_alone() -> None:
    wire = Wire(httpx.Response(200, json={}, headers={"set-cookie": "sid=1"}), httpx.Response(200, json={}))
    calls = [
        {f"c{at}": {"call": "http", "with": {"method": "get", "endpoint": url}}}
        for at, url in enumerate(["http://svc.example/a", "http://svc.example/b", "http://other.example/"])
    ]
    run(a_workflow(*calls), http_transport=server(wire))
    assert [request.headers.get("cookie") for request in wire.requests] == [None, "sid=1", None]


def test_a_missing_secret_is_an_authorization_error() -> None:
    use = {"secrets": ["absent"]}
    endpoint = {"uri": "http://svc/", "authentication": {"bearer": {"use": "absent"}}}
    error = calling(Wire(), use=use, endpoint=endpoint).error
    assert error is not None and (error.type, error.status) == (ERRORS + "authorization", 403)


def test_secrets_are_an_expression_argument() -> None:
    document = a_workflow(setting("a", {"x": "${ $secrets.key.token }"}), use={"secrets": ["key"]})
    assert run(document, secrets={"key": {"token": "t"}}.__getitem__).output == {"x": "t"}


def test_the_authorization_argument_shows_what_was_resolved() -> None:
    endpoint = {"uri": "http://svc/", "authentication": {"bearer": {"token": "t"}}}
    task = {
        "call": "http",
        "with": {"method": "get", "endpoint": endpoint},
        "output": {"as": "$authorization"},
    }
    outcome = run(a_workflow({"c": task}), http_transport=server(Wire()))
    assert outcome.output == {"scheme": "Bearer", "parameter": "t"}


def authority(request: httpx.Request) -> httpx.Response:
    """An authorization server and the service that trusts it."""
    if request.url.path == "/realm/.well-known/openid-configuration":
        return httpx.Response(200, json={"token_endpoint": "http://auth/oidc/token"})
    if request.url.path in ("/realm/oauth2/token", "/oidc/token"):
        authority.tokens += 1  # type: ignore[attr-defined]
        form = dict(httpx.QueryParams(request.content.decode()))
        assert form["grant_type"] == "client_credentials" and form["client_id"] == "me"
        token = {"access_token": f"for-{form['scope']}", "token_type": "Bearer", "expires_in": 300}
        return httpx.Response(200, json=token)
    return httpx.Response(200, json={"saw": request.headers["authorization"]})


@pytest.mark.parametrize("scheme", ["oauth2", "oidc"])
def test_oauth_fetches_one_token_and_keeps_it(scheme: str) -> None:
    authority.tokens = 0  # type: ignore[attr-defined]
    client = {"id": "me", "secret": "s"}
    policy = {
        scheme: {
            "authority": "http://auth/realm",
            "grant": "client_credentials",
            "client": client,
            "scopes": ["a"],
        }
    }
    call = {"method": "get", "endpoint": {"uri": "http://svc/", "authentication": policy}}
    document = a_workflow(*({f"c{n}": {"call": "http", "with": call}} for n in range(3)))
    outcome = run(document, http_transport=server(authority))
    assert outcome.output == {"saw": "Bearer for-a"}
    assert authority.tokens == 1  # type: ignore[attr-defined]


def test_a_token_endpoint_that_refuses_is_an_authentication_error() -> None:
    policy = {"oauth2": {"authority": "http://auth", "grant": "client_credentials", "client": {"id": "x"}}}
    error = calling(
        Wire(httpx.Response(400)), endpoint={"uri": "http://svc/", "authentication": policy}
    ).error
    assert error is not None and (error.type, error.status) == (ERRORS + "authentication", 401)


OPENAPI = {
    "openapi": "3.1.0",
    "servers": [{"url": "/{v}", "variables": {"v": {"default": "v2"}}}],
    "paths": {
        "/orders/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "post": {
                "operationId": "putOrder",
                "parameters": [
                    {"name": "dry", "in": "query"},
                    {"name": "X-Tenant", "in": "header"},
                    {"name": "sid", "in": "cookie"},
                ],
                "requestBody": {"content": {"application/json": {}}},
            },
        }
    },
    "components": {"parameters": {"id": {"name": "id", "in": "path", "required": True}}},
}


def operating(parameters: dict[str, Any], operation: str = "putOrder") -> tuple[Outcome, Wire]:
    wire = Wire(httpx.Response(200, json=OPENAPI), httpx.Response(200, json={"done": True}))
    call = {
        "document": {"endpoint": "http://api/openapi.json"},
        "operationId": operation,
        "parameters": parameters,
    }
    return run(
        a_workflow({"o": {"call": "openapi", "with": call}}), {"n": 7}, http_transport=server(wire)
    ), wire


def test_an_openapi_operation_puts_parameters_where_the_document_says() -> None:
    outcome, wire = operating({"id": "${ .n }", "dry": True, "X-Tenant": "t", "sid": "s", "total": 5})
    request = wire.requests[1]
    assert outcome.output == {"done": True}
    assert str(request.url) == "http://api/v2/orders/7?dry=true"
    assert (request.headers["x-tenant"], request.headers["cookie"]) == ("t", "sid=s")
    assert json.loads(request.content) == {"total": 5}
    assert request.headers["idempotency-key"] == "run-1:/do/0/o"


@pytest.mark.parametrize(("parameters", "operation"), [({}, "putOrder"), ({"id": 1}, "noSuch")])
def test_an_openapi_call_that_cannot_be_built_is_a_configuration_error(
    parameters: Any, operation: str
) -> None:
    error = operating(parameters, operation)[0].error
    assert error is not None and error.type == ERRORS + "configuration"
