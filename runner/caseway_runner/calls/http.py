"""`call: http`: one HTTP request.

A request that is not a GET or HEAD carries the task's idempotency key, unless the author set the header."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from caseway_runner.activation import Activation
from caseway_runner.authentication import Authentication, compile_authentication, resolve
from caseway_runner.credentials import Credentials
from caseway_runner.errors import fault
from caseway_runner.expression import unwrap
from caseway_runner.http_client import Request, Response, expand
from caseway_runner.scope import Scope
from caseway_runner.template import Template, constant

_KEYS = frozenset({"method", "endpoint", "headers", "body", "query", "output", "redirect"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class HttpBody:
    """The request as templates. `is_template` says that the endpoint is a URI template, not an expression."""

    method: Template
    uri: Template
    is_template: bool
    authentication: Authentication | None
    headers: Template
    query: Template
    body: Template | None
    output: str
    allows_redirect: bool
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The response in the chosen form. Raises a communication fault for other statuses."""
        credentials = None
        if self.authentication is not None:
            credentials = await resolve(self.authentication, activation)
            activation.authorization = {"scheme": credentials.scheme, "parameter": credentials.parameter}
        request, arguments = await self._request(activation)
        is_stubbed, answer = activation.stubbed("http", arguments)
        if is_stubbed:
            return answer
        response = await activation.run.session.http.send(request, credentials)
        check_status(response, request, self.allows_redirect)
        return shaped(response, request, self.output)

    async def _request(self, activation: Activation) -> tuple[Request, Mapping[str, Any]]:
        uri = await activation.fill(self.uri)
        if isinstance(uri, Mapping):
            uri = uri.get("uri")
        if not isinstance(uri, str):
            raise fault("expression", f"the endpoint is {type(uri).__name__}, not a URI")
        if self.is_template:
            uri = expand(uri, activation.input)
        method = str(await activation.fill(self.method)).upper()
        headers = _headers(await activation.fill(self.headers))
        query = _query(await activation.fill(self.query))
        body = await activation.fill(self.body) if self.body is not None else None
        content = encode(body, headers) if self.body is not None else b""
        if method not in _SAFE:
            headers.setdefault("idempotency-key", activation.key)
        arguments = {"method": method, "url": uri, "headers": headers, "query": dict(query), "body": body}
        return Request(method, uri, headers, query, content), arguments


def encode(body: Any, headers: dict[str, str]) -> bytes:
    """The body as bytes: a form or text when the content type says so, else JSON. Sets a missing type."""
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded" and isinstance(body, Mapping):
        return urlencode([(key, _text(item)) for key, item in body.items()], doseq=True).encode()
    if kind and isinstance(body, str) and not _is_json(kind):
        return body.encode()
    if body is None:
        return b""
    headers.setdefault("content-type", "application/json")
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def check_status(response: Response, request: Request, allows_redirect: bool) -> None:
    """Raise a communication fault unless the status is a success (or a redirection, when allowed)."""
    if 200 <= response.status < (400 if allows_redirect else 300):
        return
    excerpt = response.body[:500].decode("utf-8", "replace").strip()
    detail = f"{request.method} {request.url} answered {response.status}" + (
        f": {excerpt}" if excerpt else ""
    )
    raise fault("communication", detail, status=response.status, title=response.reason or "HTTP error")


def shaped(response: Response, request: Request, output: str) -> Any:
    """The response as `raw` (base64), `content` (deserialized) or `response` (with status and headers)."""
    if output == "raw":
        return base64.b64encode(response.body).decode()
    if output == "content":
        return decode(response)
    sent = {name: value for name, value in response.sent_headers.items() if name.lower() not in _HIDDEN}
    return {
        "request": {"method": request.method.lower(), "uri": response.url, "headers": sent},
        "statusCode": response.status,
        "headers": dict(response.headers),
        "content": decode(response),
    }


def decode(response: Response) -> Any:
    """The content: JSON and text deserialized, anything else as base64, nothing as null."""
    if not response.body:
        return None
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if _is_json(kind) or not kind:
        try:
            return json.loads(response.body)
        except ValueError as error:
            if kind:
                raise fault(
                    "communication", f"the response is not the JSON it claims to be: {error}"
                ) from error
    if not kind or kind.startswith("text/") or kind.endswith(("xml", "yaml", "x-www-form-urlencoded")):
        try:
            return response.body.decode(_charset(response))
        except (UnicodeDecodeError, LookupError):
            pass
    return base64.b64encode(response.body).decode()


def _charset(response: Response) -> str:
    for part in response.headers.get("content-type", "").split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"')
    return "utf-8"


def _is_json(kind: str) -> bool:
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise fault("expression", "the headers are not an object")
    return {str(name).lower(): _text(item) for name, item in value.items() if item is not None}


def _query(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise fault("expression", "the query is not an object")
    pairs: list[tuple[str, str]] = []
    for name, item in value.items():
        for one in item if isinstance(item, list) else [item]:
            if one is not None:
                pairs.append((str(name), _text(one)))
    return tuple(pairs)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def compile_call(source: Mapping[str, Any], scope: Scope) -> HttpBody | None:
    """The `with` of an HTTP call."""
    place = scope.at("with")
    fields = place.mapping(source.get("with", {}), _KEYS, ("method", "endpoint"))
    if fields is None:
        return None
    method = place.text(fields, "method", "GET")
    endpoint = compile_endpoint(fields["endpoint"], place.at("endpoint"))
    if endpoint is None:
        return None
    uri, is_template, authentication = endpoint
    return HttpBody(
        method=place.at("method").template(method),
        uri=uri,
        is_template=is_template,
        authentication=authentication,
        headers=_names(fields, "headers", place),
        query=_names(fields, "query", place),
        body=place.at("body").template(fields["body"]) if "body" in fields else None,
        output=place.choice(fields, "output", ("content", "raw", "response")),
        allows_redirect=place.flag(fields, "redirect", False),
    )


def _names(fields: Mapping[str, Any], key: str, scope: Scope) -> Template:
    if key not in fields:
        return constant({})
    value, place = fields[key], scope.at(key)
    if not isinstance(value, Mapping) and not (isinstance(value, str) and unwrap(value) is not None):
        place.report("schema", "expected an object or a runtime expression")
        return constant({})
    if key == "headers":
        place.texts(value)
    return place.template(value)


def compile_endpoint(value: Any, scope: Scope) -> tuple[Template, bool, Authentication | None] | None:
    """An endpoint: its URI, whether that is a URI template, and how to authenticate."""
    authentication = None
    if isinstance(value, Mapping):
        fields = scope.mapping(value, {"uri", "authentication"}, ("uri",))
        if fields is None:
            return None
        if "authentication" in fields:
            authentication = compile_authentication(fields["authentication"], scope.at("authentication"))
        value, scope = fields["uri"], scope.at("uri")
    if not isinstance(value, str):
        scope.report("schema", "expected a URI, a URI template or a runtime expression")
        return None
    is_template = unwrap(value) is None
    if is_template and "://" not in value:
        scope.report("schema", f"'{value[:100]}' is not a URI", "write it in full: https://host/path")
    return scope.template(value), is_template, authentication


__all__ = ["Credentials", "HttpBody", "compile_call", "compile_endpoint", "decode", "shaped"]
