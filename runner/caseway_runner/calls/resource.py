"""External resources: documents that a call needs, fetched over HTTP or taken from the project's files.

Rule: a resource is fetched when the first call of an execution needs it, under the policy of any request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from caseway_runner.activation import Activation
from caseway_runner.authentication import Authentication, resolve
from caseway_runner.calls.http import check_status, compile_endpoint
from caseway_runner.calls.references import bundled
from caseway_runner.errors import fault
from caseway_runner.files import carried
from caseway_runner.http_client import Request, expand
from caseway_runner.scope import Scope
from caseway_runner.template import Template


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where something is. `is_template` says that the URI is a URI template, not an expression."""

    uri: Template
    is_template: bool
    authentication: Authentication | None

    async def url(self, activation: Activation) -> str:
        """The URI, filled in."""
        uri = await activation.fill(self.uri)
        if isinstance(uri, Mapping):
            uri = uri.get("uri")
        if not isinstance(uri, str):
            raise fault("expression", f"the endpoint is {type(uri).__name__}, not a URI")
        return expand(uri, activation.input) if self.is_template else uri


def endpoint_at(value: Any, scope: Scope) -> Endpoint | None:
    """An `endpoint` property."""
    found = compile_endpoint(value, scope)
    return Endpoint(*found) if found is not None else None


def resource_at(value: Any, scope: Scope) -> Endpoint | None:
    """An `externalResource` property: its endpoint."""
    fields = scope.mapping(value, {"name", "endpoint"}, ("endpoint",))
    if fields is None:
        return None
    scope.text(fields, "name")
    return endpoint_at(fields["endpoint"], scope.at("endpoint"))


async def fetch(resource: Endpoint, activation: Activation) -> tuple[str, bytes]:
    """The URL of the resource and its content."""
    url = await resource.url(activation)
    return url, await content_of(url, resource.authentication, activation)


async def fetch_document(
    resource: Endpoint, what: str, activation: Activation
) -> tuple[str, Mapping[str, Any]]:
    """The URL of the resource and the object it holds, together with the files that this refers to.

    Credentials go to no other server than the resource's own. `what` names it in faults."""
    url, content = await fetch(resource, activation)
    documents = activation.run.session.http.documents
    if url not in documents:

        async def read(other: str) -> Mapping[str, Any]:
            is_same = urlsplit(other)[:2] == urlsplit(url)[:2]
            credentials = resource.authentication if is_same else None
            return parse_document(await content_of(other, credentials, activation), f"a part of {what}")

        documents[url] = await bundled(parse_document(content, what), url, read)
    return url, documents[url]


async def content_of(url: str, authentication: Authentication | None, activation: Activation) -> bytes:
    """The content at `url`, fetched once per execution. Raises a fault when there is none."""
    http = activation.run.session.http
    if url.startswith("file:"):
        return _file(url, activation)
    if url not in http.resources:
        credentials = await resolve(authentication, activation) if authentication is not None else None
        request = Request("GET", url, {"accept": "application/json, application/yaml, text/*, */*"})
        response = await http.send(request, credentials)
        check_status(response, request, False)
        http.resources[url] = response.body
    return http.resources[url]


def _file(url: str, activation: Activation) -> bytes:
    parts = urlsplit(url)
    path = unquote(f"{parts.netloc}/{parts.path.lstrip('/')}").strip("/")
    if ".." in path.split("/") or not path or "\x00" in path:
        raise fault("configuration", f"'{url[:200]}' does not name a file of the project")
    with suppress(KeyError):
        return carried(activation.run.program.document, path)
    try:
        return activation.run.session.ports.files(path)
    except (KeyError, OSError) as error:
        raise fault("configuration", f"there is no file '{path[:200]}' in the project") from error


def parse_document(content: bytes, what: str) -> Mapping[str, Any]:
    """The object in `content`, JSON or YAML. `what` names it in faults."""
    from caseway_runner.yaml_text import BadYaml, read_yaml  # noqa: PLC0415 - most workflows need no YAML

    try:
        value = json.loads(content)
    except ValueError:
        try:
            value = read_yaml(content)
        except BadYaml as error:
            raise fault("configuration", f"{what} is neither JSON nor YAML: {error}") from error
    if not isinstance(value, Mapping):
        raise fault("configuration", f"{what} is not an object")
    return value
