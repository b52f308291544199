"""Which template of a process is published after the plan. There is at most one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from caseway.model.plan import Action, Kind, Verb
from caseway.model.snapshot import Template
from caseway.model.states import TemplateStatus
from caseway.reconcile.choose import highest
from caseway.reconcile.shelf import Shelf
from caseway.reconcile.step import Step, Subject, action_id, template_name


@dataclass(frozen=True, slots=True)
class Pin:
    """An instance that the repo pins to a version in a stage of published templates, and the digest of the
    template that serves it now ("" when none does)."""

    version: str
    serving: str


def promote(shelf: Shelf, pins: Collection[Pin], *, publish_current: bool) -> tuple[Shelf, Step]:
    """The shelf as it will be, and the actions that make it so.

    Promotion is a commit: what an instance is pinned to in such a stage gets published, the highest of them
    when they differ. What is published stays so unless it is lower, or an instance is pinned away from it
    downwards (a rollback). `publish_current` promotes what the repo holds, whatever is pinned.
    """
    if not pins and not publish_current:
        return shelf, Step()
    now = [item for item in shelf.templates if item.status is TemplateStatus.PUBLISHED]
    published = shelf.current if publish_current and shelf.current else _published(shelf, pins, highest(now))
    if published is None:
        return shelf, Step()
    templates = tuple(_relabelled(item, published.digest) for item in shelf.templates)
    return replace(shelf, templates=templates), Step(tuple(_actions(shelf.use_case.name, published, now)))


def _published(shelf: Shelf, pins: Collection[Pin], now: Template | None) -> Template | None:
    by_version: Mapping[str, Template] = {item.version: item for item in shelf.templates}
    wanted = [by_version[pin.version] for pin in pins if pin.version in by_version]
    if now is not None and not _is_left(now, pins):
        wanted.append(now)
    return highest(wanted)


def _is_left(now: Template, pins: Collection[Pin]) -> bool:
    if any(pin.version == now.version for pin in pins):
        return False
    return any(pin.serving == now.digest for pin in pins)


def _actions(process: str, published: Template, now: Collection[Template]) -> list[Action]:
    name = template_name(process, published.version)
    publish = action_id(Verb.PUBLISH, Kind.TEMPLATE, name)
    actions = []
    if published.status is not TemplateStatus.PUBLISHED:
        reason = (
            "published again" if published.status is TemplateStatus.DEPRECATED else "promoted in the repo"
        )
        created = action_id(Verb.CREATE, Kind.TEMPLATE, name)
        actions.append(
            _subject(process, published).to(
                Verb.PUBLISH, reason, _payload(process, published), after=(created,)
            )
        )
    for before in now:
        if before.digest != published.digest:
            reason = f"{published.version} is published instead"
            payload = _payload(process, before)
            actions.append(_subject(process, before).to(Verb.DEPRECATE, reason, payload, after=(publish,)))
    return actions


def _subject(process: str, template: Template) -> Subject:
    return Subject(Kind.TEMPLATE, template_name(process, template.version))


def _payload(process: str, template: Template) -> dict[str, str]:
    return {"process": process, "version": template.version, "digest": template.digest}


def _relabelled(template: Template, published: str) -> Template:
    if template.digest == published:
        return replace(template, status=TemplateStatus.PUBLISHED)
    if template.status is TemplateStatus.PUBLISHED:
        return replace(template, status=TemplateStatus.DEPRECATED)
    return template
