"""`call: mcp`: one method of a Model Context Protocol server, through the protocol's own package.

The connection is opened, greeted and closed with each call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.calls.extras import needed
from caseway_runner.calls.jsonrpc import failure
from caseway_runner.calls.mcp_transport import Http, Stdio, compile_transport, text_of
from caseway_runner.errors import Fault, LimitExceeded, fault
from caseway_runner.expression import Expression
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
        version = text_of(await activation.fill(self.version))
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


def compile_call(source: Mapping[str, Any], scope: Scope) -> McpBody | None:
    """The `with` of an MCP call."""
    place = scope.at("with")
    fields = place.mapping(source.get("with", {}), _KEYS, ("method", "transport"))
    if fields is None:
        return None
    parameters = fields.get("parameters", {})
    if not isinstance(parameters, Mapping) and not place.is_expression(parameters):
        place.at("parameters").report("schema", "expected an object or a runtime expression")
        return None
    spot = place.at("client")
    client = spot.mapping(
        fields.get("client", _CLIENT), {"name", "version", "description"}, ("name", "version")
    )
    transport = compile_transport(fields["transport"], place.at("transport"))
    if transport is None or client is None:
        return None
    return McpBody(
        version=place.at("protocolVersion").template(place.text(fields, "protocolVersion", _DEFAULT_VERSION)),
        method=place.choice(fields, "method", tuple(_REQUESTS)),
        parameters=place.at("parameters").template(parameters),
        timeout=place.at("timeout").duration(fields["timeout"]) if "timeout" in fields else None,
        transport=transport,
        client=spot.template({**client, "name": spot.text(client, "name")}),
    )
