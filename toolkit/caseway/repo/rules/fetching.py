"""CW63x: what queue and poll triggers fetch from is there, and what they ask can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import caseway_runner as runner
from caseway.repo.placeholders import OPENING
from caseway.repo.poll_request import items_program, request_document
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, mapping, suggestion, text
from caseway.repo.rules.triggers import of_type
from caseway.repo.rules.view import View, spec
from caseway_runner.queues.opening import QUEUE_KINDS

_TASK = "/do/0/poll/with"


def undeclared_broker(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "queue"):
        name = text(trigger, "connection")
        declared = {item for item in items(spec(entry.use_case), "connections") if isinstance(item, str)}
        if name and name not in declared:
            message = f'use case "{entry.use_case.name}" does not declare connection "{name}"'
            hint = suggestion(name, declared, f"add {name} to `connections`")
            yield at(entry.use_case, f"{pointer}/connection", message, hint)


def unfit_broker(view: View) -> Iterator[Finding]:
    known = view.named("Connection")
    for entry, pointer, trigger in of_type(view, "queue"):
        name = text(trigger, "connection")
        kind = text(spec(known[name]), "type") if name in known else ""
        if not kind:
            continue
        fitting = QUEUE_KINDS.get(kind, frozenset())
        if not fitting:
            types = ", ".join(sorted(QUEUE_KINDS))
            message = f'connection "{name}" is of type {kind}, from which no messages are taken'
            yield at(entry.use_case, f"{pointer}/connection", message, f"it needs one of type {types}")
        for given in sorted({each for kinds in QUEUE_KINDS.values() for each in kinds} - fitting):
            if fitting and given in trigger:
                message = f'connection "{name}" is of type {kind}, which has no {given}'
                hint = f"name a {' or a '.join(sorted(fitting))}"
                yield at(entry.use_case, f"{pointer}/{given}", message, hint, key=True)


def unreadable_fetch(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "queue"):
        problem = _program_problem(trigger, "key")
        if problem:
            yield at(
                entry.use_case, f"{pointer}/key", problem, "an expression on `.payload`, `.headers`, `.id`"
            )
    for entry, pointer, trigger in of_type(view, "poll"):
        wrong = [(name, _program_problem(trigger, name)) for name in ("items", "key")]
        for name, problem in wrong:
            if problem:
                yield at(entry.use_case, f"{pointer}/{name}", problem, "an expression such as ${ .id }")
        yield from _request_problems(entry.use_case, pointer, trigger)
        if not any(problem for _, problem in wrong) and _is_text(trigger, "items", "key"):
            problem = _compiled(items_program(trigger))
            if problem:
                yield at(entry.use_case, f"{pointer}/items", problem, "items and key are read as one program")


def nameless_messages(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "queue"):
        if "topic" in trigger and not text(trigger, "key"):
            message = "messages of MQTT have no ids: one that comes twice starts two executions"
            yield at(
                entry.use_case, f"{pointer}/topic", message, "say what tells them apart in `key`", key=True
            )


def _request_problems(use_case: Any, pointer: str, trigger: Mapping[str, Any]) -> Iterator[Finding]:
    request = mapping(trigger, "request")
    if not request or OPENING in json.dumps(request, default=str):
        return
    slots = mapping(spec(use_case), "credentials")
    for problem in runner.problems(request_document(trigger, slots)):
        below = problem.pointer.removeprefix(_TASK) if problem.pointer.startswith(_TASK) else ""
        place = f"{pointer}/request{below}"
        yield at(use_case, place, f"the request cannot be made: {problem.message}", problem.hint)


def _program_problem(trigger: Mapping[str, Any], name: str) -> str:
    program = text(trigger, name)
    return _compiled(program) if program and OPENING not in program else ""


def _is_text(trigger: Mapping[str, Any], *names: str) -> bool:
    return all(text(trigger, name) and OPENING not in text(trigger, name) for name in names)


def _compiled(program: str) -> str:
    """What is wrong with a program that sees no variables, "" when nothing is."""
    try:
        runner.compile_expression(program, ())
    except runner.ExpressionError as error:
        return f"the expression cannot be read: {error}"
    return ""
