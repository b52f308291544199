"""Builders for tests upon a real store: a clock that stands still, a platform, repos that can be deployed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from caseway.model.canonical import digest
from caseway.model.desired import Desired, Follows, Instance, Resource, Source, Stage, UseCase
from caseway.model.plan import Plan
from caseway.platform.apply import ApplyReport, apply
from caseway.platform.compose import Platform, open_platform
from caseway.platform.snapshot import read_snapshot
from caseway.reconcile.plan import plan
from caseway.targets.registry import TARGETS

ORGANIZATION = "acme"
KEY = "ZmVybmV0LWtleS1vZi0zMi1ieXRlcy1mb3ItdGVzdHM="  # a passphrase would be stretched, slowly
STAGES = (Stage("dev"), Stage("prod", Follows.PUBLISHED))


@dataclass
class StandingClock:
    """Time that moves when told to."""

    now: datetime = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class Counter:
    """Ids that read well: x1, x2, …; `start` keeps those of two platforms apart."""

    prefix: str = "x"
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __call__(self) -> str:
        return f"{self.prefix}{next(self.numbers):06}"


def a_platform(url: str, **changes: Any) -> Platform:
    """A platform at `url`; keywords are those of `open_platform`."""
    options: dict[str, Any] = {
        "targets": TARGETS,
        "secret_key": KEY,
        "holder": "tests@here:0",
        "base_url": "https://caseway.test",
        **changes,
    }
    return open_platform(url, **options)


def a_document(name: str, **changes: Any) -> dict[str, Any]:
    """A workflow document that says hello."""
    head = {"dsl": "1.0.0", "namespace": "tests", "name": name, "version": "1.0.0"}
    return {"document": head, "do": [{"say": {"set": {"text": "hello"}}}], **changes}


def a_workflow(name: str = "main", **changes: Any) -> dict[str, Any]:
    """A workflow of a template body, started over HTTP or by hand."""
    triggers = [
        {"id": "http", "type": "http", "method": "POST", "path": f"/{name}", "auth": "key"},
        {"id": "manual", "type": "manual"},
    ]
    return {"id": name, "response": "async", "triggers": triggers, "definition": a_document(name), **changes}


def a_use_case(name: str = "invoice", *, version: str = "", exclusive: bool = True, **body: Any) -> UseCase:
    """A use case; keywords are keys of its body."""
    whole = {"title": name, "workflows": [a_workflow()], **body}
    listing = {"visibility": "private", "tags": ["finance"]}
    return UseCase(
        name, f"use-cases/{name}", digest(whole), whole, listing, version=version, exclusive=exclusive
    )


def an_instance(name: str = "invoice-dev", **changes: Any) -> Instance:
    """An instance in dev that follows everything."""
    return replace(Instance(name=name, use_case="invoice", stage="dev", owner="ann"), **changes)


def a_resource(name: str = "db", **body: Any) -> Resource:
    """A connection or runtime."""
    return Resource(name, digest(body), body)


def a_repo(*things: UseCase | Instance, **changes: Any) -> Desired:
    """A project of these use cases and instances, in dev and prod."""
    desired = Desired(
        project="acme-automations",
        organization=ORGANIZATION,
        owner="ann",
        source=Source(commit="c" * 40, author="ann", message="a change"),
        stages=STAGES,
        use_cases=tuple(thing for thing in things if isinstance(thing, UseCase)),
        instances=tuple(thing for thing in things if isinstance(thing, Instance)),
    )
    return replace(desired, **changes)


def planned(platform: Platform, repo: Desired, **options: Any) -> Plan:
    """The plan for `repo` as the platform stands now."""
    return plan(repo, read_snapshot(platform, repo.organization), **options)


def applied(platform: Platform, repo: Desired, **options: Any) -> ApplyReport:
    """Plan and apply; nothing may be blocked."""
    made = planned(platform, repo, **options)
    assert not made.blocked, made.blocked
    return apply(platform, made, actor="tests")


def applied_unseen(platform: Platform, repo: Desired) -> ApplyReport:
    """As `applied`, by somebody whose plan did not look for what blocks it: what it stands on went since."""
    return apply(platform, replace(planned(platform, repo), blocked=()), actor="tests")


def deployed(platform: Platform, repo: Desired, **options: Any) -> ApplyReport:
    """As `applied`, and all went well."""
    report = applied(platform, repo, **options)
    assert report.is_ok, [(item.id, item.error_code, item.message) for item in report.failed]
    return report


Open = Callable[..., Platform]
