"""One connection as an execution gets it: an entry of `CASEWAY_SERVICES`, by type and by name.

Rule: an address is checked against the policy before anything connects to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from caseway_runner.errors import fault
from caseway_runner.http_client import check_address
from caseway_runner.ports import Ports

VARIABLE = "CASEWAY_SERVICES"
_PORTS = {"postgres": 5432, "mysql": 3306, "redis": 6379, "smtp": 587}


@dataclass(frozen=True, slots=True)
class Connection:
    """A named external service. `credential` is the secret's value, {} without one."""

    name: str
    type: str
    url: str
    credential: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> SplitResult:
        """The URL's parts."""
        return urlsplit(self.url)

    @property
    def port(self) -> int:
        """The port, or the type's own."""
        return self.parts.port or _PORTS.get(self.type, 443 if self.parts.scheme == "https" else 80)

    @property
    def user(self) -> str:
        """The user's name, as the credential's type spells it."""
        return str(self.credential.get("username") or self.credential.get("user") or "")

    @property
    def password(self) -> str:
        """The password."""
        return str(self.credential.get("password") or "")

    def with_account(self, scheme: str) -> str:
        """The URL under another scheme, with user and password in it."""
        account = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        host = f"[{self.parts.hostname}]" if ":" in (self.parts.hostname or "") else self.parts.hostname
        return f"{scheme}://{account}{host}:{self.port}{self.parts.path}"


def named(ports: Ports, name: str, types: frozenset[str]) -> Connection:
    """The connection of that name. Raises a configuration fault when it is not there or of another type, and
    an authorization fault when the policy forbids its host."""
    known = _services(ports)
    for kind, entries in known.items():
        entry = entries.get(name) if isinstance(entries, Mapping) else None
        if entry is None:
            continue
        if kind not in types:
            wanted = " or ".join(sorted(types))
            raise fault("configuration", f"connection '{name}' is of type {kind}, not {wanted}")
        found = Connection(
            name=name,
            type=kind,
            url=str(entry.get("url", "")),
            credential=_account(entry.get("credential")),
            models=tuple(entry.get("models") or ()),
            options=entry.get("options") or {},
        )
        check_address(found.parts.hostname or "", found.port, ports.policy.hosts)
        return found
    raise fault(
        "configuration",
        f"there is no connection '{name}' here: name it under `connections` of the use case, "
        f"or set {VARIABLE} when running a file by itself",
    )


def _account(credential: Any) -> Mapping[str, Any]:
    """What a credential holds: a database URL as its user and password."""
    if not isinstance(credential, Mapping):
        return {}
    url = credential.get("url")
    if isinstance(url, str) and "username" not in credential:
        parts = urlsplit(url)
        return {**credential, "username": parts.username or "", "password": parts.password or ""}
    return credential


def _services(ports: Ports) -> Mapping[str, Any]:
    text = ports.environment.get(VARIABLE, "")
    if not text:
        return {}
    try:
        known = json.loads(text)
    except ValueError as error:
        raise fault("configuration", f"{VARIABLE} is not JSON: {error}") from error
    if not isinstance(known, Mapping):
        raise fault("configuration", f"{VARIABLE} is not an object of types")
    return known
