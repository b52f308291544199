"""Who takes the place of an instance that leaves in the same plan: it comes after that one has gone.

Rule: a place is a process, a stage and an owner; an organizational process has one for everybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from caseway.model.plan import Kind, Verb
from caseway.reconcile.placement import Placement
from caseway.reconcile.setting import Setting
from caseway.reconcile.shelf import process_type
from caseway.reconcile.step import action_id

Place: TypeAlias = tuple[str, str, str]


def successors(placements: Iterable[Placement], setting: Setting) -> Mapping[str, tuple[str, ...]]:
    """By the name of each instance that takes a place which another leaves: the ids of the actions that free
    it."""
    freed: dict[Place, list[str]] = {}
    for item in placements:
        if item.now is not None and not item.now.desired.get("archived") and _goes(item):
            left = _place(item, setting, item.now.owner)
            freed.setdefault(left, []).append(
                item.leaves_by or action_id(Verb.UPDATE, Kind.INSTANCE, item.name)
            )
    return {
        item.name: tuple(freed[place])
        for item in placements
        if (place := _place(item, setting, item.owner)) in freed and _comes(item)
    }


def _goes(item: Placement) -> bool:
    """Whether its place is free after the plan; one that is only paused keeps it."""
    if item.leaves_by:
        return item.leaves_by != action_id(Verb.PAUSE, Kind.INSTANCE, item.name)
    return bool(item.fields.get("archived"))


def _comes(item: Placement) -> bool:
    """Whether it takes a place that it does not have; one that only changes its owner is not meant."""
    is_new = item.now is None or bool(item.now.desired.get("archived"))
    return is_new and not item.leaves_by and not item.fields.get("archived")


def _place(item: Placement, setting: Setting, owner: str) -> Place:
    shelf = setting.shelves.get(item.process)
    is_shared = shelf is not None and process_type(shelf.use_case) == "organizational"
    return item.process, item.stage, "" if is_shared else owner
