"""CW6xx: triggers can fire, do not collide, and mean what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from caseway.repo.document_schedule import left_out
from caseway.repo.placeholders import OPENING
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import mapping, suggestion, text, texts
from caseway.repo.rules.view import View, WorkflowEntry, spec

# Any moment does: a schedule that never fires from here does not fire within cronsim's fifty years.
_FROM = datetime(2024, 1, 1, tzinfo=UTC)
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_OTHER_KINDS = frozenset({"schedule", "event", "manual", "subworkflow", "queue", "poll"})  # than http
_OFFSET = re.compile(r"(GMT|UTC|Z)?[+-]\d.*", re.IGNORECASE)
_PARAMETER = re.compile(r"\{[^/}]*\}|:[^/]+")


def of_type(view: View, kind: str) -> Iterator[tuple[WorkflowEntry, str, Any]]:
    """Each trigger of a kind: its workflow, its pointer, itself."""
    for entry in view.workflows:
        for pointer, trigger in entry.triggers:
            if text(trigger, "type") == kind:
                yield entry, pointer, trigger


def _timed(view: View) -> Iterator[tuple[WorkflowEntry, str, Any]]:
    """The triggers that act at times: schedules and polls."""
    yield from of_type(view, "schedule")
    yield from of_type(view, "poll")


def _crons(view: View) -> Iterator[tuple[Any, str, str]]:
    for entry, pointer, trigger in _timed(view):
        if text(trigger, "cron") and OPENING not in text(trigger, "cron"):
            yield entry.use_case, f"{pointer}/cron", text(trigger, "cron")
    for document in view.of_kind("Workflow"):
        if text(document.value, "schedule", "cron"):
            yield document, "/schedule/cron", text(document.value, "schedule", "cron")


@lru_cache(maxsize=4096)
def _cron_problem(expression: str) -> tuple[str, bool]:
    """What is wrong with a cron expression ("" if nothing), and whether it can be read at all."""
    if len(expression) > 200:
        return "the cron expression is longer than 200 characters", False
    try:
        next(CronSim(expression, _FROM))
    except CronSimError as error:
        if _is_impossible_day(expression):
            return f'the schedule "{expression}" never fires: there is no such day', True
        return f'"{expression[:80]}" is no cron expression: {str(error).lower()}', False
    except StopIteration:
        return f'the schedule "{expression}" never fires', True
    return "", True


def _is_impossible_day(expression: str) -> bool:
    """Whether only the combination of day and month is wrong, as in `0 0 30 2 *`."""
    fields = expression.split()
    try:
        CronSim(" ".join([*fields[:-2], "*", *fields[-1:]]), _FROM)  # any month, whether seconds lead or not
    except (CronSimError, IndexError):
        return False
    return True


def unreadable_cron(view: View) -> Iterator[Finding]:
    for document, pointer, expression in _crons(view):
        problem, is_readable = _cron_problem(expression)
        if problem and not is_readable:
            fields = _NICKNAMES.get(expression.strip().lower(), "0 2 * * *")
            yield at(
                document, pointer, problem, f"minute hour day-of-month month day-of-week, as in {fields}"
            )


def never_fires(view: View) -> Iterator[Finding]:
    for document, pointer, expression in _crons(view):
        problem, is_readable = _cron_problem(expression)
        if problem and is_readable:
            yield at(document, pointer, problem, "choose a day that the month has")
    for entry, pointer, trigger in _timed(view):
        every = text(trigger, "every")
        if re.fullmatch(r"0+(ms|s|m|h|d)", every):
            yield at(entry.use_case, f"{pointer}/every", f'"{every}" is no interval', "choose at least 1s")


def unknown_timezone(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in _timed(view):
        name = text(trigger, "timezone")
        if name and OPENING not in name and not _is_timezone(name):
            advice = "use an IANA name such as Europe/Berlin or UTC"
            is_offset = _OFFSET.fullmatch(name) is not None  # the nearest name would be another time
            hint = advice if is_offset else suggestion(name, available_timezones(), advice)
            yield at(entry.use_case, f"{pointer}/timezone", f'there is no time zone "{name}"', hint)


@lru_cache(maxsize=1024)
def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def path_collision(view: View) -> Iterator[Finding]:
    for entries in view.workflows_of.values():
        seen: dict[tuple[str, str], str] = {}
        for entry in entries:
            for pointer, trigger in entry.triggers:
                path = text(trigger, "path")
                if text(trigger, "type") != "http" or not path:
                    continue
                for method in methods_of(trigger):
                    key = (method, _PARAMETER.sub("{}", path.rstrip("/") or "/"))
                    if key in seen:
                        message = f"{method} {path} already starts the workflow {seen[key]!r}"
                        yield at(entry.use_case, f"{pointer}/path", message, "an address starts one workflow")
                    seen.setdefault(key, entry.id)


def methods_of(trigger: Mapping[str, Any]) -> list[str]:
    """The methods an http trigger answers to, in capitals."""
    named = texts(trigger, "methods") or [text(trigger, "method") or "POST"]
    return [method.upper() for method in named]


def no_trigger(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        if "triggers" in entry.entry and not entry.triggers:
            hint = "remove `triggers` (then it can be started by hand), or add one"
            yield at(entry.use_case, f"{entry.pointer}/triggers", "nothing can start this workflow", hint)


def only_callable(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        kinds = {text(trigger, "type") for _, trigger in entry.triggers}
        if kinds == {"subworkflow"} and not entry.entry.get("calledBy"):
            pointer = f"{entry.pointer}/triggers"
            message = f'"{entry.id}" can only be called by another workflow, and calledBy names none'
            yield at(entry.use_case, pointer, message, "name the callers in calledBy")


def open_door(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        if text(trigger, "auth") == "none":
            message = "anybody who knows the address can start this workflow"
            hint = "use auth: key, or ignore this with the reason why it is meant"
            yield at(entry.use_case, f"{pointer}/auth", message, hint)


def idle_sync(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        kinds = {text(trigger, "type") for _, trigger in entry.triggers}
        if text(entry.entry, "response") == "sync" and kinds <= _OTHER_KINDS:
            message = "response: sync answers HTTP callers, but the workflow has no http trigger"
            yield at(entry.use_case, f"{entry.pointer}/response", message, "add one, or remove response")


def schedule_in_document(view: View) -> Iterator[Finding]:
    listed = {entry.path: bool(entry.triggers) for entry in view.workflows}
    for document in view.of_kind("Workflow"):
        if document.path not in listed or not mapping(document.value, "schedule"):
            continue
        if listed[document.path]:
            message = "the schedule of this workflow is not in force: the use case lists its triggers"
            hint = "declare it among the triggers in usecase.yaml, or remove one of the two"
            yield at(document, "/schedule", message, hint, key=True)
            continue
        for part in left_out(document.value):
            message = f"this part of the schedule starts nothing once it is deployed: {part.reason}"
            yield at(document, part.pointer, message, "or declare a trigger in usecase.yaml", key=True)


def idle_timezone(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in _timed(view):
        if text(trigger, "every") and "timezone" in trigger:
            message = "an interval is the same in every time zone"
            yield at(entry.use_case, f"{pointer}/timezone", message, "remove timezone, or use cron")


def response_limit(view: View) -> Iterator[Finding]:
    """Synchronous answers to slow workflows: a proxy gives up before they come."""
    for entry in view.workflows:
        limit = text(spec(entry.use_case), "limits", "timeout")
        if text(entry.entry, "response") == "sync" and re.fullmatch(r"\d+[hd]", limit):
            message = f"a caller would wait up to {limit} for the answer"
            yield at(
                entry.use_case,
                f"{entry.pointer}/response",
                message,
                "use response: async, or a shorter timeout",
            )
