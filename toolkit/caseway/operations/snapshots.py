"""Snapshots of uncommitted work: only forgetting them is left to ask for."""

from __future__ import annotations

from dataclasses import dataclass

from caseway.model.access import Permission
from caseway.operations.operation import PREFIX, Operating, Operation
from caseway.platform.dev_templates import collect_snapshots


@dataclass(frozen=True, slots=True)
class CollectSnapshots:
    """All that serve nothing."""


@dataclass(frozen=True, slots=True)
class CollectedSnapshots:
    """How many were forgotten."""

    forgotten: int


def _collect(operating: Operating, _asked: CollectSnapshots) -> CollectedSnapshots:
    count = collect_snapshots(operating.platform, operating.organization, actor=operating.actor)
    return CollectedSnapshots(count)


OPERATIONS = (
    Operation(
        name="snapshots.collect",
        method="POST",
        path=PREFIX + "/snapshots/collect",
        permission=Permission.DEPLOY,
        summary="Forget the snapshots of uncommitted work that serve nothing any more",
        request=CollectSnapshots,
        response=CollectedSnapshots,
        run=_collect,
    ),
)
