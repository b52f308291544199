"""What is different between two templates, told in the words of their authors: workflows and their tasks,
triggers, parameters, credentials, resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from caseway.model.canonical import Json, JsonObject
from caseway.model.plan import Change
from caseway.reconcile.contract import keyed, mapping
from caseway.reconcile.diff import diff, same, tasks
from caseway.reconcile.shown import plain
from caseway.reconcile.text import Page, change_lines


class Theme(StrEnum):
    """What a difference is about; the order is that of the report."""

    WORKFLOW = "workflows"
    TASK = "tasks"
    TRIGGER = "triggers"
    PARAMETER = "parameters"
    CREDENTIAL = "credentials and connections"
    RESOURCE = "runtime and resources"
    OTHER = "other"


class What(StrEnum):
    """What happened to it."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: `subject` is its name with where it is, e.g. `intake: task notify`; `changes`
    are of its fields, only when it is on both sides."""

    theme: Theme
    what: What
    subject: str
    changes: tuple[Change, ...] = ()


_RESOURCES = ("runtime", "resources", "limits", "retries", "target")
_OWN = frozenset((*_RESOURCES, "workflows", "parameters", "credentials", "connections"))


def template_diff(old_body: JsonObject, new_body: JsonObject) -> tuple[Difference, ...]:
    """All differences, theme by theme; empty when both bodies are the same."""
    found = [
        *_workflows(old_body, new_body),
        *_parameters(mapping(old_body.get("parameters")), mapping(new_body.get("parameters"))),
        *_named(
            Theme.CREDENTIAL, "credential ", _parts(old_body, "credentials"), _parts(new_body, "credentials")
        ),
        *_named(
            Theme.CREDENTIAL, "connection ", _parts(old_body, "connections"), _parts(new_body, "connections")
        ),
        *_fields(Theme.RESOURCE, _only(old_body, _RESOURCES), _only(new_body, _RESOURCES)),
        *_fields(Theme.OTHER, _without(old_body, _OWN), _without(new_body, _OWN)),
    ]
    themes = list(Theme)
    return tuple(sorted(found, key=lambda item: themes.index(item.theme)))


def template_diff_text(found: tuple[Difference, ...], *, color: bool = False, width: int = 100) -> str:
    """The differences for a terminal, ending with a line feed."""
    page = Page(color, width)
    return "\n".join(_lines(found, page)) + "\n"


def template_diff_json(found: tuple[Difference, ...]) -> list[JsonObject]:
    """The differences for a program."""
    return [
        {
            "theme": item.theme.value,
            "what": item.what.value,
            "subject": item.subject,
            "changes": [
                {"path": change.path, "before": change.before, "after": change.after}
                for change in item.changes
            ],
        }
        for item in found
    ]


_SIGNS: Mapping[What, tuple[str, str]] = {
    What.ADDED: ("+", "32"),
    What.REMOVED: ("-", "31"),
    What.CHANGED: ("~", "33"),
    What.MOVED: ("↻", "36"),
}


def _lines(found: tuple[Difference, ...], page: Page) -> Iterator[str]:
    if not found:
        yield "No difference."
    theme = None
    for item in found:
        if item.theme is not theme:
            theme = item.theme
            yield page.paint(theme.value, "1")
        sign, code = _SIGNS[item.what]
        behind = f"  {item.what}" if item.what is What.MOVED else ""
        yield f"  {page.paint(sign, code)} {plain(item.subject)}{behind}"
        yield from change_lines(item.changes, page, 6)


def _workflows(old: JsonObject, new: JsonObject) -> Iterator[Difference]:
    before, after = _parts(old, "workflows"), _parts(new, "workflows")
    yield from _there(Theme.WORKFLOW, "", before, after)
    for name in (name for name in after if name in before):
        yield from _workflow(name, before[name], after[name])


def _workflow(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    before, after = mapping(old.get("definition")), mapping(new.get("definition"))
    rest = (
        {**_without(old, {"definition", "triggers"}), "definition": _without(before, {"do"})},
        {**_without(new, {"definition", "triggers"}), "definition": _without(after, {"do"})},
    )
    changes = tuple(replace(change, path=_short(change.path)) for change in diff(*rest))
    if changes:
        yield Difference(Theme.WORKFLOW, What.CHANGED, name, changes)
    yield from _tasks(f"{name}: task ", before.get("do"), after.get("do"))
    triggers = dict(keyed(old.get("triggers"))), dict(keyed(new.get("triggers")))
    yield from _named(Theme.TRIGGER, f"{name}: trigger ", *triggers)


def _tasks(place: str, old: Json, new: Json) -> Iterator[Difference]:
    """Task lists by the names of their tasks; nested lists are looked into, to name the inner task."""
    before, after = _task_list(old), _task_list(new)
    if before is None or after is None:
        if not same(old, new):
            yield Difference(Theme.TASK, What.CHANGED, f"{place}list", diff(old, new))
        return
    yield from _there(Theme.TASK, place, before, after)
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    for position, name in enumerate(kept_after):
        if kept_before[position] != name:
            yield Difference(Theme.TASK, What.MOVED, f"{place}{name}")
        yield from _task(f"{place}{name}", mapping(before[name]), mapping(after[name]))


def _task(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    nested = {key for key in ("do", "try") if _is_list(old.get(key)) and _is_list(new.get(key))}
    changes = diff(_without(old, nested), _without(new, nested))
    if changes:
        yield Difference(Theme.TASK, What.CHANGED, place, changes)
    for key in sorted(nested):
        yield from _tasks(f"{place}/", old[key], new[key])


def _task_list(value: Json) -> Mapping[str, Json] | None:
    return tasks(value) if isinstance(value, (list, tuple)) else {} if value is None else None


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    yield from _named(
        Theme.PARAMETER, "", mapping(old.get("properties")), mapping(new.get("properties")), "properties"
    )
    yield from _fields(Theme.PARAMETER, _without(old, {"properties"}), _without(new, {"properties"}))


def _named(
    theme: Theme, place: str, old: Mapping[str, Any], new: Mapping[str, Any], parent: str = ""
) -> Iterator[Difference]:
    yield from _there(theme, place, old, new)
    for name in (name for name in new if name in old):
        changes = diff({parent: {name: old[name]}}, {parent: {name: new[name]}})
        cut = len(f"/{parent}/{name.replace('~', '~0').replace('/', '~1')}")
        if changes:
            inner = tuple(replace(change, path=change.path[cut:]) for change in changes)
            yield Difference(theme, What.CHANGED, f"{place}{name}", inner)


def _there(theme: Theme, place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    yield from (Difference(theme, What.ADDED, f"{place}{name}") for name in new if name not in old)
    yield from (Difference(theme, What.REMOVED, f"{place}{name}") for name in old if name not in new)


def _fields(theme: Theme, old: JsonObject, new: JsonObject) -> Iterator[Difference]:
    for key in sorted({change.path.split("/")[1] for change in diff(old, new)}):
        name = key.replace("~1", "/").replace("~0", "~")
        before, after = ({name: side[name]} if name in side else {} for side in (old, new))
        what = What.ADDED if not before else What.REMOVED if not after else What.CHANGED
        yield Difference(theme, what, name, diff(before, after))


def _parts(body: JsonObject, key: str) -> dict[str, Mapping[str, Any]]:
    return dict(keyed(body.get(key)))


def _only(body: JsonObject, names: tuple[str, ...]) -> JsonObject:
    return {key: body[key] for key in names if key in body}


def _without(body: Mapping[str, Any], names: Any) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in names}


def _short(pointer: str) -> str:
    return pointer.removeprefix("/definition")
