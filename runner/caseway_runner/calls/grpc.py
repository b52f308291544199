"""`call: grpc`: one method of a service that a proto file describes.

Arguments and results are JSON as protobuf maps it: camelCase names, 64-bit integers as text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, ClassVar
from urllib.parse import urlsplit

from caseway_runner.activation import Activation
from caseway_runner.authentication import Authentication, compile_authentication, resolve
from caseway_runner.calls import proto
from caseway_runner.calls.extras import needed
from caseway_runner.calls.resource import Endpoint, content_of, fetch, resource_at
from caseway_runner.credentials import Credentials
from caseway_runner.errors import LimitExceeded, fault
from caseway_runner.http_client import check_address
from caseway_runner.scope import Scope
from caseway_runner.template import Template

_KEYS = frozenset({"proto", "service", "method", "arguments"})
_HOST = re.compile(r"^[a-zA-Z0-9](?:[a-zA-Z0-9-.]{0,61}[a-zA-Z0-9])?$")
# Encrypted where the port says so; the language has no property for it.
TLS_PORT = 443
_KEPT_PROTOS = 16
# The HTTP statuses that Google's API guide gives to gRPC codes.
_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


@dataclass(frozen=True, slots=True)
class GrpcBody:
    """Which method to call, where, and with what. `pools` keeps compiled proto files between executions."""

    proto: Endpoint
    service: str
    host: str
    port: int
    authentication: Authentication | None
    method: str
    arguments: Template
    pools: dict[str, Any] = field(default_factory=dict, compare=False)
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The response; a list of them when the method streams. Raises a communication fault."""
        arguments = await activation.fill(self.arguments)
        host = self.host
        asked = {
            "service": self.service,
            "host": host,
            "port": self.port,
            "method": self.method,
            "arguments": arguments,
        }
        is_stubbed, answer = activation.stubbed("grpc", asked)
        if is_stubbed:
            return answer
        check_address(host, self.port, activation.run.session.ports.policy.hosts)
        needed("grpc", "grpc")
        method = await self._described(activation)
        credentials = None
        if self.authentication is not None:
            credentials = await resolve(self.authentication, activation)
            activation.authorization = {"scheme": credentials.scheme, "parameter": credentials.parameter}
        limit = activation.run.session.ports.policy.limits.output_bytes
        call = _Call(method, f"{host}:{self.port}", self.port == TLS_PORT, limit)
        return await call.made(arguments, _metadata(credentials, activation.key))

    async def _described(self, activation: Activation) -> Any:
        """The descriptor of the method."""
        url, content = await fetch(self.proto, activation)
        authentication = self.proto.authentication

        async def read(address: str) -> bytes:
            return await content_of(address, authentication, activation)

        name = PurePosixPath(urlsplit(url).path or "/main.proto").name or "main.proto"
        files = await proto.gather(name, url, proto.decoded(content), read)
        key = hashlib.sha256(repr((name, sorted(files.items()))).encode()).hexdigest()
        if key not in self.pools:
            while len(self.pools) >= _KEPT_PROTOS:
                self.pools.pop(next(iter(self.pools)))
            self.pools[key] = await proto.compiled(name, files)
        pool, services = self.pools[key]
        return _found(pool, services, self.service, self.method)


def _found(pool: Any, services: tuple[str, ...], service: str, method: str) -> Any:
    if service not in services:
        known = ", ".join(services[:10]) or "none"
        raise fault("configuration", f"the proto file has no service '{service}'; it has {known}")
    described = pool.FindServiceByName(service)
    if method not in described.methods_by_name:
        known = ", ".join(list(described.methods_by_name)[:20]) or "none"
        raise fault("configuration", f"the service {service} has no method '{method}'; it has {known}")
    return described.methods_by_name[method]


def _metadata(credentials: Credentials | None, key: str) -> tuple[tuple[str, str], ...]:
    own = (("idempotency-key", key),)
    if credentials is None:
        return own
    if credentials.scheme == "Digest":
        raise fault("configuration", "gRPC has no digest authentication")
    return (*own, ("authorization", f"{credentials.scheme} {credentials.parameter}"))


@dataclass(frozen=True, slots=True)
class _Call:
    """A call about to be made."""

    method: Any
    address: str
    is_encrypted: bool
    limit: int

    async def made(self, arguments: Mapping[str, Any], metadata: tuple[tuple[str, str], ...]) -> Any:
        grpc = needed("grpc", "grpc")
        json_format = needed("google.protobuf.json_format", "grpc")
        message_factory = needed("google.protobuf.message_factory", "grpc")
        sent = message_factory.GetMessageClass(self.method.input_type)()
        try:
            json_format.ParseDict(arguments, sent)
        except json_format.ParseError as error:
            detail = f"the arguments are no {self.method.input_type.full_name}: {error}"
            raise fault("validation", detail) from error
        try:
            async with self._channel() as channel:
                received = await self._received(channel, sent, metadata)
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            detail = f"{self.address} {self.method.full_name} answered {code}: {error.details()}"
            raise fault("communication", detail, status=_STATUS.get(code, 500), title=code) from error
        values = [
            json_format.MessageToDict(one, always_print_fields_with_no_presence=True) for one in received
        ]
        return values if self.method.server_streaming else values[0]

    def _channel(self) -> Any:
        grpc = needed("grpc", "grpc")
        options = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", self.limit))
        if self.is_encrypted:
            return grpc.aio.secure_channel(self.address, grpc.ssl_channel_credentials(), options)
        return grpc.aio.insecure_channel(self.address, options)

    async def _received(self, channel: Any, sent: Any, metadata: tuple[tuple[str, str], ...]) -> list[Any]:
        message_factory = needed("google.protobuf.message_factory", "grpc")
        reply = message_factory.GetMessageClass(self.method.output_type)
        kind = "_".join(
            "stream" if streams else "unary"
            for streams in (self.method.client_streaming, self.method.server_streaming)
        )
        invoke = getattr(channel, kind)(
            f"/{self.method.containing_service.full_name}/{self.method.name}",
            request_serializer=type(sent).SerializeToString,
            response_deserializer=reply.FromString,
        )
        call = invoke(iter([sent]) if self.method.client_streaming else sent, metadata=metadata)
        if not self.method.server_streaming:
            return [await call]
        received, size = [], 0
        async for one in call:
            received.append(one)
            size += one.ByteSize()
            if size > self.limit:
                raise LimitExceeded(f"a gRPC response is larger than {self.limit} bytes")
        return received


def compile_call(source: Mapping[str, Any], scope: Scope) -> GrpcBody | None:
    """The `with` of a gRPC call."""
    place = scope.at("with")
    fields = place.mapping(source.get("with", {}), _KEYS, ("proto", "service", "method"))
    if fields is None:
        return None
    spot = place.at("service")
    service = spot.mapping(fields["service"], {"name", "host", "port", "authentication"}, ("name", "host"))
    resource = resource_at(fields["proto"], place.at("proto"))
    arguments = fields.get("arguments", {})
    if not isinstance(arguments, Mapping):
        place.at("arguments").report("schema", "expected an object")
        return None
    if service is None or resource is None:
        return None
    authentication = None
    if "authentication" in service:
        authentication = compile_authentication(service["authentication"], spot.at("authentication"))
    if authentication is not None and authentication.scheme == "digest":
        spot.at("authentication").report("unsupported", "gRPC has no digest authentication")
    return GrpcBody(
        proto=resource,
        service=spot.text(service, "name"),
        host=_host(service, spot),
        port=_port(service.get("port", TLS_PORT), spot.at("port")),
        authentication=authentication,
        method=place.text(fields, "method"),
        arguments=place.at("arguments").template(arguments),
    )


def _host(service: Mapping[str, Any], scope: Scope) -> str:
    host = scope.text(service, "host", "localhost")
    if not _HOST.match(host):
        scope.at("host").report("schema", f"'{host[:80]}' is not a host name", "such as grpc.example.com")
    return host


def _port(value: Any, scope: Scope) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        scope.report("schema", "expected a port, a whole number up to 65535")
        return TLS_PORT
    return value
