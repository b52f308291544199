"""Sends the HTTP requests of an execution whose container has no network.

Rule: the policy's hosts bound what a container may reach; the addresses by which clouds tell a machine its
secrets are never among them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import caseway_runner as runner
from caseway_runner import stdio_wire as wire
from caseway_runner.errors import Fault, LimitExceeded, fault
from caseway_runner.http_client import HttpClient, Request, check_host

# Of the connection between two hops, or wrong once the body is in one piece.
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "trailer"})
_NEVER = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))
_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200"})


class Egress:
    """The way out of one execution's container."""

    def __init__(self, ports: runner.Ports, hosts: tuple[str, ...]) -> None:
        self._limit = ports.policy.limits.output_bytes
        self._hosts = hosts
        self._client = HttpClient(ports)

    async def send(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises `Fault`, `LimitExceeded`, `BadMessage`."""
        request = _request(question)
        check_host(request.url, self._hosts)
        await _refuse_metadata(request.url)
        async with self._client.streaming(request) as answer:
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > self._limit:
                    raise LimitExceeded(f"an HTTP response is larger than {self._limit} bytes")
            headers = [[name, value] for name, value in answer.headers.multi_items() if name not in _HOP]
            return {
                "status": answer.status_code,
                "headers": headers,
                "body": base64.b64encode(bytes(body)).decode("ascii"),
            }

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()


def refusal(error: Fault | LimitExceeded) -> dict[str, Any]:
    """What the runner is told."""
    if isinstance(error, LimitExceeded):
        return {"code": "limit", "message": str(error)}
    return {"code": "fault", "message": str(error), **error.error.as_json()}


def _request(question: Mapping[str, Any]) -> Request:
    headers = question.get("headers")
    if not isinstance(headers, Mapping):
        raise wire.BadMessage("a request without headers")
    try:
        body = base64.b64decode(str(question.get("body") or ""), validate=True)
    except binascii.Error as error:
        raise wire.BadMessage("a request whose body is not Base64") from error
    kept = {str(name): str(value) for name, value in headers.items() if str(name).lower() not in _HOP}
    return Request(str(question.get("method")), str(question.get("url")), kept, body=body)


async def _refuse_metadata(url: str) -> None:
    """Raise an authorization fault for an address that belongs to the machine's own surroundings."""
    host = urlsplit(url).hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return  # the request will say so itself
    for *_, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if str(address) in _METADATA or any(address in network for network in _NEVER):
            raise fault("authorization", f"{host} is an address of the machine's own surroundings")
