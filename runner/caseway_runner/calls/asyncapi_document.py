"""Reads AsyncAPI 2 and 3 documents: which server and which address an operation means. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from caseway_runner.calls.references import found
from caseway_runner.errors import fault

# What servers of documents say, and the protocol it means: whether it is encrypted stands apart.
_PLAIN = {"secure-mqtt": "mqtt", "mqtts": "mqtt", "rediss": "redis", "wss": "ws", "https": "http"}
_PLAIN |= {"amqps": "amqp"}
_SECURE_SCHEMES = frozenset({"amqps", "mqtts", "rediss", "wss", "https", "tls", "ssl"})
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_URL = re.compile(r"^(?:([a-zA-Z0-9+.-]+)://)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)(?::(\d{1,6}))?(/.*)?$")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a broker listens. `port` 0 is the protocol's usual one."""

    protocol: str
    host: str
    port: int = 0
    path: str = ""
    is_secure: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """An address on a server, and what the document says about its messages. `correlation` is the place of
    the correlation id as the document writes it, or ""."""

    server: Server
    address: str
    bindings: Mapping[str, Any] = field(default_factory=dict)
    content_type: str = "application/json"
    correlation: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call asks of the document; "" where it leaves the choice."""

    operation: str = ""
    channel: str = ""
    server: str = ""
    protocol: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)


def resolved(document: Mapping[str, Any], wanted: Wanted) -> Channel:
    """The channel that is wanted. Raises a configuration fault when the document does not have it."""
    version = str(document.get("asyncapi", ""))
    if version.startswith("3."):
        name, channel, operation = _of_version_3(document, wanted)
        address = channel.get("address") or name
    elif version.startswith("2."):
        name, channel, operation = _of_version_2(document, wanted)
        address = name
    else:
        raise fault("configuration", f"AsyncAPI version '{version[:20]}' is not supported; 2 and 3 are")
    server = _server(document, channel, wanted)
    messages = [*_messages(document, operation), *_messages(document, channel)]
    bindings = {
        key: value
        for source in (channel, operation)
        for key, value in _bindings(document, source, server.protocol).items()
    }
    default = str(document.get("defaultContentType", "application/json"))
    return Channel(
        server=server,
        address=_filled(str(address), _parameters(document, channel, wanted), "the channel's address"),
        bindings=bindings,
        content_type=next((str(m["contentType"]) for m in messages if "contentType" in m), default),
        correlation=next((place for m in messages if (place := _correlation(document, m))), ""),
    )


def deref(document: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    """The object that `value` is or refers to within the document."""
    for _ in range(10):
        reference = value.get("$ref") if isinstance(value, Mapping) else None
        if not isinstance(reference, str):
            break
        value = found(document, reference.removeprefix("#"))
    return value if isinstance(value, Mapping) else {}


_Found = tuple[str, Mapping[str, Any], Mapping[str, Any]]


def _of_version_3(document: Mapping[str, Any], wanted: Wanted) -> _Found:
    channels = _table(document, "channels")
    if wanted.channel:
        name = _named(channels, wanted.channel)
        return name, deref(document, _entry(channels, name, "channel")), {}
    operations = _table(document, "operations")
    operation = deref(document, _entry(operations, wanted.operation, "operation"))
    reference = operation.get("channel")
    path = str(reference.get("$ref", "")) if isinstance(reference, Mapping) else ""
    name = path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    return name, deref(document, reference), operation


def _named(channels: Mapping[str, Any], wanted: str) -> str:
    """The channel's name as the document has it; documents and calls differ in the slash before it."""
    names = (wanted, wanted.lstrip("/"), "/" + wanted)
    return next((name for name in names if name in channels), wanted)


def _of_version_2(document: Mapping[str, Any], wanted: Wanted) -> _Found:
    channels = _table(document, "channels")
    if wanted.channel:
        name = _named(channels, wanted.channel)
        channel = deref(document, _entry(channels, name, "channel"))
        return name, channel, deref(document, channel.get("publish") or channel.get("subscribe"))
    for name, value in channels.items():
        channel = deref(document, value)
        for verb in ("publish", "subscribe"):
            operation = deref(document, channel.get(verb))
            if operation.get("operationId") == wanted.operation:
                return str(name), channel, operation
    raise fault("configuration", f"the AsyncAPI document has no operation '{wanted.operation[:80]}'")


def _server(document: Mapping[str, Any], channel: Mapping[str, Any], wanted: Wanted) -> Server:
    servers = _table(document, "servers")
    if wanted.server:
        return _read(document, _entry(servers, wanted.server, "server"), wanted)
    names = [
        str(item.get("$ref", "")).rpartition("/")[2] if isinstance(item, Mapping) else str(item)
        for item in _list(channel, "servers")
    ] or list(servers)
    for name in names:
        entry = deref(document, servers.get(name))
        if entry and (not wanted.protocol or wanted.protocol in _protocols(entry)):
            return _read(document, entry, wanted)
    what = f" with the protocol {wanted.protocol}" if wanted.protocol else ""
    raise fault("configuration", f"the AsyncAPI document has no server{what} for this channel")


def _protocols(entry: Mapping[str, Any]) -> set[str]:
    said = str(entry.get("protocol", "")).lower()
    plain = _PLAIN.get(said, said)
    is_newer = plain == "mqtt" and str(entry.get("protocolVersion", "")).startswith("5")
    return {said, plain, "mqtt5"} if is_newer else {said, plain}


def _read(document: Mapping[str, Any], value: Any, wanted: Wanted) -> Server:
    entry = deref(document, value)
    names = _protocols(entry)
    said = str(entry.get("protocol", "")).lower()
    protocol = "mqtt5" if "mqtt5" in names else _PLAIN.get(said, said)
    written = str(entry.get("host", "")) + str(entry.get("pathname", "")) if "host" in entry else ""
    variables = {
        str(name): variable.get("default")
        for name, item in _table(entry, "variables").items()
        if "default" in (variable := deref(document, item))
    }
    url = _filled(written or str(entry.get("url", "")), {**variables, **wanted.variables}, "the server's URL")
    match = _URL.match(url)
    if match is None or int(match.group(3) or 0) > 65535:
        raise fault("configuration", f"'{url[:200]}' is not the address of a server")
    scheme, host, port, path = match.groups()
    is_secure = said in _PLAIN or (scheme or "").lower() in _SECURE_SCHEMES
    return Server(protocol, host.strip("[]"), int(port or 0), path or "", is_secure)


def _parameters(document: Mapping[str, Any], channel: Mapping[str, Any], wanted: Wanted) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name, item in _table(channel, "parameters").items():
        parameter = deref(document, item)
        schema = deref(document, parameter.get("schema"))
        for source in (schema, parameter):
            if "default" in source:
                found[str(name)] = source["default"]
    return {**found, **wanted.variables}


def _filled(text: str, values: Mapping[str, Any], what: str) -> str:
    def replace(match: re.Match[str]) -> str:
        value = values.get(match.group(1))
        if value is None or isinstance(value, Mapping | list):
            raise fault(
                "configuration",
                f"{what} needs a value for {{{match.group(1)}}}, given in server.variables",
            )
        return str(value)

    return _VARIABLE.sub(replace, text)


def _messages(document: Mapping[str, Any], source: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    found = [*_table(source, "messages").values(), *_list(source, "messages")]
    one = deref(document, source.get("message"))
    for item in [*found, *(_list(one, "oneOf") or [one])]:
        message = deref(document, item)
        if message:
            yield message


def _correlation(document: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    return str(deref(document, message.get("correlationId")).get("location", ""))


def _bindings(document: Mapping[str, Any], source: Mapping[str, Any], protocol: str) -> Mapping[str, Any]:
    bindings = deref(document, source.get("bindings"))
    found = bindings.get(protocol) or (bindings.get("mqtt") if protocol == "mqtt5" else None)
    return found if isinstance(found, Mapping) else {}


def _table(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = source.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(source: Mapping[str, Any], key: str) -> list[Any]:
    value = source.get(key)
    return value if isinstance(value, list) else []


def _entry(table: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in table:
        known = ", ".join(list(map(str, table))[:10]) or "none"
        raise fault("configuration", f"the AsyncAPI document has no {what} '{name[:80]}'; it has {known}")
    return table[name]


def correlation_id(location: str, payload: Any, headers: Mapping[str, Any]) -> str:
    """The value at a location such as `$message.header#/correlationId`; "" when there is none."""
    source, _, pointer = (location or "$message.header#/correlationId").partition("#")
    value: Any = headers if source.endswith("header") else payload
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else "" if value is None else str(value)
