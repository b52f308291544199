"""Histories of a repo whose last step is cut by a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from caseway.model.desired import Desired, PrunePolicy
from chaos.store_builders import (
    a_document,
    a_repo,
    a_resource,
    a_use_case,
    a_workflow,
    an_instance,
)


@dataclass(frozen=True)
class Step:
    """One state of the repo and how it is planned."""

    repo: Desired
    options: Mapping[str, Any] = field(default_factory=dict)


def _two_workflows(**changes: Any) -> list[dict[str, Any]]:
    nightly = [{"id": "nightly", "type": "schedule", "cron": "0 2 * * *", "timezone": "Europe/Berlin"}]
    return [a_workflow(), a_workflow("report", triggers=nightly, definition=a_document("report", **changes))]


DEV = an_instance()
PROD = an_instance("invoice-prod", stage="prod", version="1.0.0")
FIRST = a_repo(
    a_use_case(workflows=_two_workflows(), connections=["db"]), DEV, connections=(a_resource(url="x"),)
)
SECOND = replace(
    FIRST,
    use_cases=(a_use_case(workflows=_two_workflows(use={}), connections=["db"]),),
    instances=(replace(DEV, parameters={"limit": 3}), PROD),
    connections=(a_resource(url="y"),),
)
WITHOUT = replace(FIRST, use_cases=(), instances=(), connections=(), prune=PrunePolicy.DELETE)

SCENARIOS: Mapping[str, tuple[Step, ...]] = {
    "update": (Step(FIRST), Step(SECOND)),
    "prune": (Step(FIRST), Step(WITHOUT, {"prune": True})),
}
