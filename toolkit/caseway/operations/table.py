"""The one table of all operations. The module of a group of operations is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from caseway.model.errors import CasewayError
from caseway.operations.operation import Operation

# By the first word of an operation's name: the module that lists them as `OPERATIONS`.
MODULES: Mapping[str, str] = {
    "approvals": "approvals",
    "artifacts": "artifacts",
    "applies": "applying",
    "audit": "telemetry",
    "blobs": "applying",
    "caller": "people",
    "credentials": "credentials",
    "deployments": "instances",
    "doctor": "doctor",
    "events": "inbox",
    "exchanges": "trust",
    "executions": "executions",
    "instances": "instances",
    "keys": "keys",
    "logs": "telemetry",
    "metrics": "telemetry",
    "organizations": "people",
    "plans": "applying",
    "previews": "previews",
    "processes": "processes",
    "projects": "projects",
    "runtimes": "runtimes",
    "schedules": "overview",
    "service-accounts": "people",
    "sessions": "tokens",
    "snapshots": "snapshots",
    "spans": "telemetry",
    "status": "overview",
    "teams": "people",
    "templates": "processes",
    "tokens": "tokens",
    "trusts": "trust",
    "users": "people",
}


class Table(Mapping[str, Operation]):
    """Operations by name."""

    def __getitem__(self, name: str) -> Operation:
        group = name.partition(".")[0]
        if group not in MODULES:
            raise KeyError(name)
        found: Mapping[str, Operation] = _group(group)
        return found[name]

    def __iter__(self) -> Iterator[str]:
        for group in MODULES:
            yield from _group(group)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _group(name: str) -> Mapping[str, Operation]:
    listed: tuple[Operation, ...] = import_module(f"caseway.operations.{MODULES[name]}").OPERATIONS
    return {item.name: item for item in listed if item.name.partition(".")[0] == name}


OPERATIONS: Mapping[str, Operation] = Table()


def the_operation(name: str) -> Operation:
    """The operation of that name; raises `CasewayError` (`no-such-operation`)."""
    try:
        return OPERATIONS[name]
    except KeyError as error:
        raise CasewayError(f"there is no operation {name!r}", code="no-such-operation") from error
