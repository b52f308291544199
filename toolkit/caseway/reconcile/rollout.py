"""A new version reaches many instances in batches, and stops where too many have failed. Pure.

Rule: an instance that was updated or has failed keeps its place, so planning again goes on where the rollout
is, and starts nothing while it is stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.reconcile.placement import Placement, has_failed
from caseway.reconcile.setting import Setting
from caseway.reconcile.step import Step

BATCH = "25%"


@dataclass(frozen=True, slots=True)
class Rollout:
    """`size` instances are updated together; after more than `max_failures` failed ones it stops."""

    size: int
    max_failures: int


def staged(placements: Sequence[Placement], scene: Setting) -> tuple[list[Placement], Step]:
    """The placements with every update of a process that asks for a rollout in its batch, or held back."""
    result = {item.name: item for item in placements}
    notices: list[str] = []
    for process, shelf in sorted(scene.shelves.items()):
        declared = shelf.use_case.listing.get("rollout")
        if not isinstance(declared, Mapping):
            continue
        mine = [item for item in placements if item.process == process and item.is_on]
        changed, notice = _of_one(process, mine, _rollout(declared, len(mine)))
        result |= changed
        notices += [notice] if notice else []
    return list(result.values()), Step(notices=tuple(notices))


def _of_one(process: str, mine: Sequence[Placement], rollout: Rollout) -> tuple[dict[str, Placement], str]:
    moving = sorted((item for item in mine if _is_update(item)), key=lambda item: item.name)
    if not moving:
        return {}, ""
    target = moving[0].move
    assert target is not None  # it is an update
    failed = [item for item in mine if item.move is None and has_failed_for(item, target.template.digest)]
    if len(failed) > rollout.max_failures:
        words = "instance has" if len(failed) == 1 else "instances have"
        return {item.name: replace(item, move=None) for item in moving}, (
            f"{process}: the rollout of {target.template.version} is stopped, {len(failed)} {words} failed "
            f"and {len(moving)} wait; push a version that works, or retry with "
            f"`caseway instance deploy {failed[0].name}`"
        )
    total = -(-len(moving) // rollout.size)
    return {
        item.name: _in_batch(item, index // rollout.size + 1, total, rollout)
        for index, item in enumerate(moving)
    }, ""


def has_failed_for(item: Placement, digest: str) -> bool:
    """True when the last attempt of an instance was to run that template, and failed."""
    return item.now is not None and has_failed(item.now.last) and _digest_of(item) == digest


def _digest_of(item: Placement) -> str:
    assert item.now is not None and item.now.last is not None  # it has failed
    return item.now.last.template_digest


def _is_update(item: Placement) -> bool:
    """True for what runs one template and is to run another."""
    current = item.now.current if item.now is not None else None
    return (
        item.move is not None and current is not None and current.template_digest != item.move.template.digest
    )


def _in_batch(item: Placement, batch: int, total: int, rollout: Rollout) -> Placement:
    assert item.move is not None  # it is an update
    told: JsonObject = {"batch": batch, "of": total, "maxFailures": rollout.max_failures}
    return replace(item, move=replace(item.move, rollout=told))


def _rollout(declared: Mapping[str, Any], instances: int) -> Rollout:
    return Rollout(_size(declared.get("batch", BATCH), instances), int(declared.get("maxFailures", 0)))


def _size(batch: int | str, instances: int) -> int:
    if isinstance(batch, int):
        return max(1, batch)
    return max(1, instances * int(batch.rstrip("%")) // 100)


def is_stopped(rollout: Mapping[str, Any], failures: Iterable[int]) -> bool:
    """Whether an update of that batch may not start, given the batches in which updates have failed."""
    earlier = sum(batch < rollout["batch"] for batch in failures)
    return bool(earlier > rollout["maxFailures"])
