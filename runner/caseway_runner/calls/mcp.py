"""`call: mcp`: one method of a Model Context Protocol server, through the protocol's own package.

Rule: HTTP goes through the execution's own client and a server process is like any other process of a
workflow, so that the policy holds for both."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.authentication import resolve
from caseway_runner.calls.extras import needed
from caseway_runner.calls.jsonrpc import failure
from caseway_runner.calls.mcp_http import Bridge
from caseway_runner.calls.resource import Endpoint, endpoint_at
from caseway_runner.errors import Fault, LimitExceeded, fault
from caseway_runner.expression import Expression, unwrap
from caseway_runner.http_client import check_host
from caseway_runner.scope import Scope
from caseway_runner.template import Template

_KEYS = frozenset({"protocolVersion", "method", "parameters", "timeout", "transport", "client"})
_REQUESTS: Mapping[str, str] = {
    "tools/list": "ListToolsRequest",
    "tools/call": "CallToolRequest",
    "prompts/list": "ListPromptsRequest",
    "prompts/get": "GetPromptRequest",
    "resources/list": "ListResourcesRequest",
    "resources/read": "ReadResourceRequest",
    "resources/templates/list": "ListResourceTemplatesRequest",
}
_DEFAULT_VERSION = "2025-06-18"
_CLIENT = {"name": "caseway-runner", "version": "1"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WORDS_OF_SERVER = 1500


@dataclass(frozen=True, slots=True)
class Http:
    """A server behind a URL."""

    endpoint: Endpoint
    headers: Template

    async def described(self, activation: Activation) -> dict[str, Any]:
        """The transport with its expressions evaluated."""
        headers = await activation.fill(self.headers)
        url = await self.endpoint.url(activation)
        return {"endpoint": url, "headers": {str(name): _text(value) for name, value in headers.items()}}

    @asynccontextmanager
    async def opened(self, activation: Activation, values: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The streams to and from the server."""
        session = activation.run.session
        check_host(values["endpoint"], session.ports.policy.hosts)
        credentials = None
        if self.endpoint.authentication is not None:
            credentials = await resolve(self.endpoint.authentication, activation)
            activation.authorization = {"scheme": credentials.scheme, "parameter": credentials.parameter}
        bridge = Bridge(session.http, credentials, session.ports.policy.limits.output_bytes)
        connect = needed("mcp.client.streamable_http", "mcp").streamable_http_client
        try:
            async with (
                bridge,
                bridge.client(values["headers"]) as client,
                connect(values["endpoint"], http_client=client) as streams,
            ):
                yield streams
        except Exception:
            if bridge.failure is not None:
                raise bridge.failure from None  # what mcp made of it says less
            raise


@dataclass(frozen=True, slots=True)
class Stdio:
    """A server that runs as a process for the time of the call."""

    command: Template
    arguments: Template
    environment: Template

    async def described(self, activation: Activation) -> dict[str, Any]:
        """The transport with its expressions evaluated."""
        environment = await activation.fill(self.environment)
        return {
            "command": _text(await activation.fill(self.command)),
            "arguments": [_text(value) for value in await activation.fill(self.arguments)],
            "environment": {str(name): _text(value) for name, value in environment.items()},
        }

    @asynccontextmanager
    async def opened(self, activation: Activation, values: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The streams to and from the server."""
        ports = activation.run.session.ports
        if not ports.policy.processes:
            raise fault("authorization", "the policy does not allow MCP servers as processes on this host")
        stdio = needed("mcp.client.stdio", "mcp")
        with tempfile.TemporaryDirectory(prefix="caseway-") as folder, tempfile.TemporaryFile("w+") as words:
            limits = f"ulimit -c 0; ulimit -t {max(1, int(ports.policy.limits.wall_seconds))}; "
            server = stdio.StdioServerParameters(
                command="/bin/sh",
                args=["-c", limits + 'exec "$@"', "sh", values["command"], *values["arguments"]],
                env={**_environment(folder), **ports.environment, **values["environment"]},
                cwd=Path(folder),
            )
            try:
                async with stdio.stdio_client(server, errlog=words) as streams:
                    yield streams
            except Fault as raised:
                raise _explained(raised, words) from None


def _environment(folder: str) -> dict[str, str]:
    """What the server sees of this host; it names everything that mcp would take from our environment."""
    return {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "LOGNAME": "caseway",
        "USER": "caseway",
        "SHELL": "/bin/sh",
        "TERM": "dumb",
    }


def _explained(raised: Fault, words: IO[str]) -> Fault:
    """The fault with the end of what the server wrote to its standard error."""
    words.seek(0)
    said = words.read()[-_WORDS_OF_SERVER:].strip()
    if not said or raised.error.status != 500:
        return raised
    return fault("communication", f"{raised.error.detail}; the server wrote: {said}")


@dataclass(frozen=True, slots=True)
class McpBody:
    """Which method to call, on which server, with what."""

    version: Template
    method: str
    parameters: Template
    timeout: float | Expression | None
    transport: Http | Stdio
    client: Template
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The method's result. A tool that reports an error is a runtime fault."""
        parameters = await activation.fill(self.parameters)
        if not isinstance(parameters, Mapping):
            raise fault("expression", "the parameters are not an object")
        values = await self.transport.described(activation)
        name = "http" if isinstance(self.transport, Http) else "stdio"
        arguments = {"method": self.method, "parameters": parameters, "transport": {name: values}}
        is_stubbed, answer = activation.stubbed("mcp", arguments)
        if is_stubbed:
            return answer
        needed("mcp", "mcp")
        result = await self._timed(activation, values, parameters)
        limit = activation.run.session.ports.policy.limits.output_bytes
        if len(json.dumps(result)) > limit:
            raise LimitExceeded(f"an MCP result is larger than {limit} bytes")
        if self.method == "tools/call" and result.get("isError"):
            raise fault("runtime", f"the tool {parameters.get('name')} failed: {_said(result)}")
        return result

    async def _timed(
        self, activation: Activation, values: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> Any:
        seconds = await activation.seconds(self.timeout) if self.timeout is not None else None
        version = _text(await activation.fill(self.version))
        client = await activation.fill(self.client)
        try:
            async with asyncio.timeout(seconds):
                return await self._result(activation, values, parameters, version, client)
        except TimeoutError:
            raise fault("timeout", f"{self.method} was not answered within {seconds:g} s") from None

    async def _result(
        self,
        activation: Activation,
        values: Mapping[str, Any],
        parameters: Mapping[str, Any],
        version: str,
        client: Mapping[str, Any],
    ) -> Any:
        types = needed("mcp.types", "mcp")
        try:
            kind = getattr(types, _REQUESTS[self.method])
            request = kind.model_validate(
                {"method": self.method, "params": _keyed(parameters, activation.key)}
            )
        except ValueError as error:
            raise fault("validation", f"the parameters do not fit {self.method}: {error}") from error
        error_type = needed("mcp", "mcp").MCPError
        closed = needed("anyio", "mcp")
        lost = (OSError, RuntimeError, ValueError, closed.ClosedResourceError, closed.BrokenResourceError)
        where = str(values.get("endpoint") or values.get("command"))
        try:
            async with self.transport.opened(activation, values) as (read, write):
                try:
                    return await _asked(read, write, request, version, client)
                except error_type as error:
                    raise failure(where, error.code, error.message, error.data) from error
                except lost as error:
                    raise fault("communication", f"{where}: {error}") from error
        except BaseExceptionGroup as group:
            raise _cause(group, where) from group
        except lost as error:
            raise fault("communication", f"{where}: {error}") from error


async def _asked(read: Any, write: Any, request: Any, version: str, client: Mapping[str, Any]) -> Any:
    """Greet the server in the wanted version of the protocol, then ask."""
    types, known = needed("mcp.types", "mcp"), needed("mcp_types.version", "mcp")
    who = types.Implementation(name=str(client["name"]), version=str(client["version"]))
    async with needed("mcp", "mcp").ClientSession(read, write, client_info=who) as session:
        if version in known.MODERN_PROTOCOL_VERSIONS:
            await session.discover()
        else:
            offer = types.InitializeRequestParams(
                protocol_version=version, capabilities=types.ClientCapabilities(), client_info=who
            )
            greeted = await session.send_request(
                types.InitializeRequest(params=offer), types.InitializeResult
            )
            if greeted.protocol_version not in known.HANDSHAKE_PROTOCOL_VERSIONS:
                raise RuntimeError(f"the server speaks version {greeted.protocol_version} of the protocol")
            session.adopt(greeted)
            await session.send_notification(types.InitializedNotification())
        return await session.send_request(request, needed("pydantic", "mcp").TypeAdapter(dict[str, Any]))


def _keyed(parameters: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The parameters with the idempotency key where the protocol has room for such things."""
    known = parameters.get("_meta")
    return {**parameters, "_meta": {"dev.caseway/idempotency-key": key, **(known or {})}}


def _cause(group: BaseExceptionGroup[Any], where: str) -> BaseException:
    """The one of several errors that says most: ours, else the first."""
    leaves: list[BaseException] = []
    todo: list[BaseException] = [group]
    while todo:
        error = todo.pop(0)
        if isinstance(error, BaseExceptionGroup):
            todo.extend(error.exceptions)
        else:
            leaves.append(error)
    known = (asyncio.CancelledError, Fault, LimitExceeded)
    return next(
        (error for error in leaves if isinstance(error, known)),
        fault("communication", f"{where}: {leaves[0]}"),
    )


def _said(result: Mapping[str, Any]) -> str:
    texts = [str(part["text"]) for part in result.get("content") or () if "text" in part]
    return "\n".join(texts) or json.dumps(result.get("structuredContent"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def compile_call(source: Mapping[str, Any], scope: Scope) -> McpBody | None:
    """The `with` of an MCP call."""
    place = scope.at("with")
    fields = place.mapping(source.get("with", {}), _KEYS, ("method", "transport"))
    if fields is None:
        return None
    parameters = fields.get("parameters", {})
    is_expression = isinstance(parameters, str) and unwrap(parameters) is not None
    if not is_expression and not isinstance(parameters, Mapping):
        place.at("parameters").report("schema", "expected an object or a runtime expression")
        return None
    spot = place.at("client")
    client = spot.mapping(
        fields.get("client", _CLIENT), {"name", "version", "description"}, ("name", "version")
    )
    transport = _transport(fields["transport"], place.at("transport"))
    if transport is None or client is None:
        return None
    return McpBody(
        version=place.at("protocolVersion").template(place.text(fields, "protocolVersion", _DEFAULT_VERSION)),
        method=place.choice(fields, "method", tuple(_REQUESTS)),
        parameters=place.at("parameters").template(parameters),
        timeout=place.at("timeout").duration(fields["timeout"]) if "timeout" in fields else None,
        transport=transport,
        client=spot.template({key: spot.text(client, key) for key in client}),
    )


def _transport(value: Any, scope: Scope) -> Http | Stdio | None:
    fields = scope.mapping(value, {"http", "stdio", "options"})
    if fields is None:
        return None
    if ("http" in fields) == ("stdio" in fields):
        scope.report("schema", "expected exactly one of http, stdio")
        return None
    if "options" in fields:
        _texts(fields, "options", scope)
    if "http" in fields:
        spot = scope.at("http")
        http = spot.mapping(fields["http"], {"endpoint", "headers"}, ("endpoint",))
        endpoint = endpoint_at(http["endpoint"], spot.at("endpoint")) if http is not None else None
        if http is None or endpoint is None:
            return None
        return Http(endpoint, _texts(http, "headers", spot))
    spot = scope.at("stdio")
    stdio = spot.mapping(fields["stdio"], {"command", "arguments", "environment"}, ("command",))
    if stdio is None:
        return None
    arguments = stdio.get("arguments", [])
    if not isinstance(arguments, list) or not all(isinstance(one, str) for one in arguments):
        spot.at("arguments").report("schema", "expected a list of strings")
        arguments = []
    return Stdio(
        command=spot.at("command").template(spot.text(stdio, "command")),
        arguments=spot.at("arguments").template(arguments),
        environment=_texts(stdio, "environment", spot),
    )


def _texts(fields: Mapping[str, Any], key: str, scope: Scope) -> Template:
    """A map of strings."""
    value = scope.at(key).mapping(fields.get(key, {}), None) or {}
    return scope.at(key).template({str(name): scope.at(key).text(value, name) for name in value})
