"""`call: openapi`: one operation of an OpenAPI 3 or Swagger 2 document, as an HTTP request.

The document is fetched when the first call of an execution needs it, under the policy of any request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote, urljoin

from caseway_runner.activation import Activation
from caseway_runner.authentication import Authentication, compile_authentication, resolve
from caseway_runner.calls.http import check_status, encode, shaped
from caseway_runner.calls.references import found
from caseway_runner.calls.resource import Endpoint, fetch_document, resource_at
from caseway_runner.errors import fault
from caseway_runner.http_client import Request
from caseway_runner.scope import Scope
from caseway_runner.template import Template

_KEYS = frozenset({"document", "operationId", "parameters", "authentication", "output", "redirect"})
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SAFE = frozenset({"get", "head", "options"})


@dataclass(frozen=True, slots=True)
class OpenApiBody:
    """Which operation to call, and with what."""

    document: Endpoint
    operation: Template
    parameters: Template
    authentication: Authentication | None
    output: str
    allows_redirect: bool
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The response in the chosen form. Raises a communication fault for other statuses."""
        operation_id = str(await activation.fill(self.operation))
        parameters = await activation.fill(self.parameters)
        if not isinstance(parameters, Mapping):
            raise fault("expression", "the parameters are not an object")
        arguments = {"operationId": operation_id, "parameters": parameters}
        is_stubbed, answer = activation.stubbed("openapi", arguments)
        if is_stubbed:
            return answer
        url, document = await fetch_document(self.document, "the OpenAPI document", activation)
        request = request_for(document, url, operation_id, parameters, activation.key)
        credentials = None
        if self.authentication is not None:
            credentials = await resolve(self.authentication, activation)
            activation.authorization = {"scheme": credentials.scheme, "parameter": credentials.parameter}
        response = await activation.run.session.http.send(request, credentials)
        check_status(response, request, self.allows_redirect)
        return shaped(response, request, self.output)


def request_for(
    document: Mapping[str, Any], url: str, operation_id: str, parameters: Mapping[str, Any], key: str
) -> Request:
    """The request that calls the operation. Raises a configuration fault when it cannot be built."""
    path, method, operation, shared = _operation(document, operation_id)
    parts = _Parts(path)
    left = dict(parameters)
    for item in (_deref(document, item) for item in (*shared, *operation.get("parameters", ()))):
        name = str(item.get("name"))
        if name in left:
            parts.place(name, str(item.get("in")), left.pop(name))
        elif item.get("required") and item.get("in") != "body":
            raise fault("configuration", f"operation {operation_id} needs the parameter '{name}'")
    if "requestBody" in operation and left:
        parts.body = left["body"] if set(left) == {"body"} else left
        content = _deref(document, operation["requestBody"]).get("content", {})
        parts.headers.setdefault("content-type", next(iter(content), "application/json"))
    elif left:
        raise fault("configuration", f"operation {operation_id} has no parameter '{next(iter(left))}'")
    if method not in _SAFE:
        parts.headers.setdefault("idempotency-key", key)
    sent = encode(parts.body, parts.headers) if parts.body is not None else b""
    url = _server(document, url) + parts.path
    return Request(method.upper(), url, parts.headers, tuple(parts.query), sent)


@dataclass(slots=True)
class _Parts:
    """A request while its parameters are put in place."""

    path: str
    headers: dict[str, str] = field(default_factory=lambda: {"accept": "application/json, */*;q=0.5"})
    query: list[tuple[str, str]] = field(default_factory=list)
    body: Any = None

    def place(self, name: str, where: str, value: Any) -> None:
        if where == "path":
            self.path = self.path.replace("{" + name + "}", quote(_text(value), safe=""))
        elif where == "query":
            self.query.extend((name, _text(one)) for one in (value if isinstance(value, list) else [value]))
        elif where == "header":
            self.headers[name.lower()] = _text(value)
        elif where == "cookie":
            known = self.headers.get("cookie")
            self.headers["cookie"] = f"{known}; {name}={_text(value)}" if known else f"{name}={_text(value)}"
        elif where == "body":
            self.body = value


def _operation(
    document: Mapping[str, Any], operation_id: str
) -> tuple[str, str, Mapping[str, Any], list[Any]]:
    paths = document.get("paths")
    for path, value in (paths if isinstance(paths, Mapping) else {}).items():
        item = _deref(document, value)
        for method in _METHODS:
            operation = item.get(method)
            if isinstance(operation, Mapping) and operation.get("operationId") == operation_id:
                return str(path), method, operation, list(item.get("parameters", ()))
    raise fault("configuration", f"the OpenAPI document has no operation '{operation_id}'")


def _deref(document: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    for _ in range(10):
        reference = value.get("$ref") if isinstance(value, Mapping) else None
        if not isinstance(reference, str):
            break
        value = found(document, reference.removeprefix("#"))
    return value if isinstance(value, Mapping) else {}


def _server(document: Mapping[str, Any], url: str) -> str:
    servers = document.get("servers")
    if isinstance(servers, list) and servers and isinstance(servers[0], Mapping):
        target = str(servers[0].get("url", "/"))
        for name, variable in (servers[0].get("variables") or {}).items():
            target = target.replace("{" + str(name) + "}", str(variable.get("default", "")))
        return urljoin(url, target).rstrip("/")
    if "swagger" in document:
        schemes = document.get("schemes") or [url.split(":", 1)[0]]
        host = document.get("host") or url.split("://", 1)[-1].split("/", 1)[0]
        scheme = "https" if "https" in schemes else str(schemes[0])
        return f"{scheme}://{host}{str(document.get('basePath', '')).rstrip('/')}"
    return urljoin(url, "/").rstrip("/")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def compile_call(source: Mapping[str, Any], scope: Scope) -> OpenApiBody | None:
    """The `with` of an OpenAPI call."""
    place = scope.at("with")
    fields = place.mapping(source.get("with", {}), _KEYS, ("document", "operationId"))
    if fields is None:
        return None
    document = resource_at(fields["document"], place.at("document"))
    if document is None:
        return None
    own = fields.get("authentication")
    parameters = fields.get("parameters", {})
    if not isinstance(parameters, Mapping) and not place.is_expression(parameters):
        place.at("parameters").report("schema", "expected an object or a runtime expression")
    return OpenApiBody(
        document=document,
        operation=place.at("operationId").template(place.text(fields, "operationId")),
        parameters=place.at("parameters").template(parameters),
        authentication=compile_authentication(own, place.at("authentication")) if own is not None else None,
        output=place.choice(fields, "output", ("content", "raw", "response")),
        allows_redirect=place.flag(fields, "redirect", False),
    )
