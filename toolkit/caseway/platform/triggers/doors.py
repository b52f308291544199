"""An http trigger as a door: what must be so before it opens. Pure.

Rule: what the repository says is read here once; nothing that stands in a request is trusted to say more."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jsonschema_rs

from caseway.model.errors import CasewayError
from caseway.model.quantities import seconds, size
from caseway.platform.addresses import methods

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

WAIT = 30.0  # seconds that a caller waits for an output, unless the trigger says otherwise
MOST_WAIT = 300.0  # longer than proxies and clients have patience for
MOST_BODY = 1_000_000  # bytes, unless the trigger says otherwise
IDEMPOTENCY = "idempotency-key"
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests in how many seconds, how many of them at once, and whether each address counts
    for itself."""

    requests: int
    seconds: float
    burst: int
    by_address: bool


@dataclass(frozen=True, slots=True)
class Door:
    """One http trigger of a live workflow. `segments` of the path; those in braces match anything."""

    workflow: str
    trigger_id: str
    segments: tuple[str, ...]
    methods: frozenset[str]
    auth: str
    verify: Mapping[str, Any]
    schema: Any
    validator: Any
    include: frozenset[str]
    response: str
    wait: float
    allow: tuple[Network, ...]
    rate: Rate | None
    most_body: int
    idempotency: str

    def is_open_to(self, address: Address | None) -> bool:
        """Whether the trigger lets this address in; an unknown one only when it lets in all."""
        if not self.allow:
            return True
        return address is not None and any(
            address.version == network.version and address in network for network in self.allow
        )

    @property
    def hidden_headers(self) -> frozenset[str]:
        """The headers that carry what nobody should read in an input."""
        signed = (str(self.verify.get("header") or "x-signature").lower(),) if self.verify else ()
        known = ("x-hub-signature", "x-hub-signature-256", "stripe-signature", "x-slack-signature")
        return _SECRET_HEADERS | {*signed, *known, "webhook-signature"}


def door(workflow: str, trigger: Mapping[str, Any], settings: Mapping[str, Any], schema: Any) -> Door:
    """The door of an http trigger; `settings` are its workflow's, `schema` that of the workflow's input."""
    given = trigger.get("input", schema)
    verify = dict(trigger.get("verify") or {})
    if "tolerance" in verify:
        verify["tolerance"] = seconds(str(verify["tolerance"]))
    path = str(trigger.get("path") or workflow)
    return Door(
        workflow=workflow,
        trigger_id=str(trigger.get("id") or "http"),
        segments=_segments(path),
        methods=frozenset(str(each).upper() for each in methods(trigger)),
        auth=str(trigger.get("auth") or "key"),
        verify=verify,
        schema=given,
        validator=validator_of(given),
        include=frozenset(map(str, trigger.get("include") or ())),
        response=str(trigger.get("response") or settings.get("response") or "async"),
        wait=min(seconds(str(trigger.get("timeout") or f"{WAIT:.0f}s")), MOST_WAIT),
        allow=tuple(ipaddress.ip_network(each, strict=False) for each in trigger.get("allow") or ()),
        rate=_rate(trigger.get("rateLimit")),
        most_body=size(str(trigger["maxBody"])) if "maxBody" in trigger else MOST_BODY,
        idempotency=str(trigger.get("idempotency") or IDEMPOTENCY).lower(),
    )


def doors_at(doors: Iterable[Door], path: str) -> list[tuple[Door, dict[str, str]]]:
    """The doors that a path leads to, with its values in braces; the most literal path wins."""
    wanted = _segments(path)
    found = [(each, values) for each in doors if (values := _values(each.segments, wanted)) is not None]
    fewest = min((len(values) for _, values in found), default=0)
    return [(each, values) for each, values in found if len(values) == fewest]


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def _values(pattern: tuple[str, ...], wanted: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(wanted):
        return None
    values: dict[str, str] = {}
    for part, text in zip(pattern, wanted, strict=True):
        if re.fullmatch(r"\{[^{}]+\}", part):
            if not text:
                return None
            values[part[1:-1]] = text
        elif part != text:
            return None
    return values


def _rate(given: Any) -> Rate | None:
    if not isinstance(given, Mapping):
        return None
    requests = int(given["requests"])
    length = max(seconds(str(given["per"])), 0.001)
    return Rate(requests, length, int(given.get("burst") or requests), given.get("by") == "address")


def validator_of(schema: Any) -> Any:
    """What judges an input by a schema; None when anything will do. A schema that cannot be read is left to
    the workflow to judge."""
    if schema is None or schema is True or schema == {}:
        return None
    try:
        return jsonschema_rs.validator_for(schema, retriever=_nothing_elsewhere)
    except (ValueError, jsonschema_rs.ReferencingError):
        return None


def _nothing_elsewhere(address: str) -> Any:
    """A schema comes from a repository: it must not make this server call anybody."""
    raise ValueError(f"schemas are not fetched: {address}")


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> Address | None:
    """Who calls: the peer, or behind trusted proxies the last address in `X-Forwarded-For` that is none."""
    found = _address(peer)
    for text in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if found is None or not any(found.version == each.version and found in each for each in trusted):
            break
        found = _address(text)
    return found


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as an operator writes them. Raises `CasewayError` (`address`)."""
    try:
        return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())
    except ValueError as error:
        raise CasewayError(
            f"trusted proxies: {error}", code="address", hint="such as 10.0.0.0/8,192.0.2.7"
        ) from error


def _address(text: str) -> Address | None:
    """An address, perhaps with a port; an IPv4 one in the clothes of IPv6 is IPv4."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped if mapped is not None else found
