"""How an MCP server is reached: behind a URL, or as a process for the time of one call.

Rule: HTTP goes through the execution's own client and a server process is like any other process of a
workflow, so that the policy holds for both."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from caseway_runner.activation import Activation
from caseway_runner.authentication import resolve
from caseway_runner.calls.extras import needed
from caseway_runner.calls.mcp_http import Bridge
from caseway_runner.calls.resource import Endpoint, endpoint_at
from caseway_runner.errors import Fault, fault
from caseway_runner.http_client import check_host
from caseway_runner.scope import Scope
from caseway_runner.template import Template

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WORDS_OF_SERVER = 1500

# The specification leaves the options to the transports. Each has a few texts it may be, or any (none named).
_OPTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "http": {"terminateOnClose": ("true", "false")},
    "stdio": {"encoding": (), "encodingErrors": ("strict", "ignore", "replace")},
}


@dataclass(frozen=True, slots=True)
class Http:
    """A server behind a URL."""

    endpoint: Endpoint
    headers: Template
    options: Mapping[str, str]

    async def described(self, activation: Activation) -> dict[str, Any]:
        """The transport with its expressions evaluated."""
        headers = await activation.fill(self.headers)
        url = await self.endpoint.url(activation)
        return {"endpoint": url, "headers": {str(name): text_of(value) for name, value in headers.items()}}

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
        ends = self.options.get("terminateOnClose") != "false"
        try:
            async with (
                bridge,
                bridge.client(values["headers"]) as client,
                connect(values["endpoint"], http_client=client, terminate_on_close=ends) as streams,
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
    options: Mapping[str, str]

    async def described(self, activation: Activation) -> dict[str, Any]:
        """The transport with its expressions evaluated."""
        environment = await activation.fill(self.environment)
        return {
            "command": text_of(await activation.fill(self.command)),
            "arguments": [text_of(value) for value in await activation.fill(self.arguments)],
            "environment": {str(name): text_of(value) for name, value in environment.items()},
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
                encoding=self.options.get("encoding", "utf-8"),
                encoding_error_handler=self.options.get("encodingErrors", "strict"),
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


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def compile_transport(value: Any, scope: Scope) -> Http | Stdio | None:
    """The `transport` of a call."""
    fields = scope.mapping(value, {"http", "stdio", "options"})
    if fields is None:
        return None
    if ("http" in fields) == ("stdio" in fields):
        scope.report("schema", "expected exactly one of http, stdio")
        return None
    options = _options(fields, scope)
    if "http" in fields:
        spot = scope.at("http")
        http = spot.mapping(fields["http"], {"endpoint", "headers"}, ("endpoint",))
        endpoint = endpoint_at(http["endpoint"], spot.at("endpoint")) if http is not None else None
        if http is None or endpoint is None:
            return None
        return Http(endpoint, _texts(http, "headers", spot), options)
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
        options=options,
    )


def _options(fields: Mapping[str, Any], scope: Scope) -> Mapping[str, str]:
    """The options that the transport knows; it would not be what is wanted if another were passed over."""
    kind = "http" if "http" in fields else "stdio"
    spot, known = scope.at("options"), _OPTIONS[kind]
    given = spot.mapping(fields.get("options", {}), None) or {}
    options = {str(name): spot.text(given, name) for name in given}
    for name, value in options.items():
        if name not in known:
            names = ", ".join(known)
            spot.at(name).report(
                "unsupported", f"the transport {kind} has no option '{name[:40]}'", f"use {names}"
            )
        elif known[name] and value not in known[name]:
            spot.at(name).report("unsupported", f"expected one of {', '.join(known[name])}")
        elif name == "encoding" and not _is_encoding(value):
            spot.at(name).report("unsupported", f"'{value[:40]}' is not a text encoding")
    return options


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def _texts(fields: Mapping[str, Any], key: str, scope: Scope) -> Template:
    """A map of strings."""
    value = scope.at(key).mapping(fields.get(key, {}), None) or {}
    return scope.at(key).template({str(name): scope.at(key).text(value, name) for name in value})
