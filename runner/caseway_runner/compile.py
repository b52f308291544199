"""Compiles a document to a Program: what can be decided before running is decided here, once. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from caseway_runner.expression import Expression
from caseway_runner.extension import compile_extensions, extended
from caseway_runner.external_shape import external_shape
from caseway_runner.flow import check_flow
from caseway_runner.problem import InvalidWorkflow, Problem
from caseway_runner.program import Pipe, Program, Task, TaskList
from caseway_runner.reuse import compile_use
from caseway_runner.scope import (
    TASK_BODY,
    TASK_EXPORT,
    TASK_IF,
    TASK_INPUT,
    WORKFLOW_INPUT,
    WORKFLOW_OUTPUT,
    Draft,
    Scope,
    escape,
    suggest,
)
from caseway_runner.starting import compile_schedule
from caseway_runner.tasks import KINDS

VERSIONS = ("1.0.0", "1.0.1", "1.0.2", "1.0.3")
MAX_DEPTH = 100
_COMMON = frozenset({"if", "input", "output", "export", "timeout", "then", "metadata"})
_NAME = re.compile(r"^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$")
_SEMVER = re.compile(
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z.-]+)?$"
)


def compile_workflow(document: Any) -> Program:
    """The Program of `document`. Raises InvalidWorkflow when it has errors."""
    program, found = inspect(document)
    if program is None:
        raise InvalidWorkflow(found)
    return program


def problems(document: Any) -> tuple[Problem, ...]:
    """Everything that keeps `document` from compiling, and warnings. Any JSON value is fine as input."""
    return inspect(document)[1]


def inspect(document: Any) -> tuple[Program | None, tuple[Problem, ...]]:
    """The Program, or None when there are errors, and all findings."""
    draft = Draft(
        use={}, secrets=frozenset(), is_loose=False, compile_list=compile_list, external=external_shape
    )
    scope = Scope(draft)
    try:
        program = _workflow(document, scope)
    except RecursionError:
        scope.report("limit", "the document is nested too deeply")
        program = None
    findings = tuple(dict.fromkeys(draft.findings))  # a reused component is compiled where it is used, too
    has_errors = any(problem.severity == "error" for problem in findings)
    return (None if has_errors else program), findings


def _workflow(document: Any, scope: Scope) -> Program | None:
    keys = {"document", "input", "use", "do", "timeout", "output", "schedule", "evaluate"}
    if scope.mapping(document, None, ("document", "do")) is None and not isinstance(document, Mapping):
        return None
    for key in document:
        if key not in keys:  # the specification's schema leaves the top level open
            hint = suggest(str(key), keys)
            scope.at(str(key)).report("schema", f"unknown property '{key}'", hint, severity="warning")
    fields = document
    header = _header(fields.get("document"), scope.at("document")) if "document" in fields else {}
    draft = scope.draft
    draft.is_loose = _evaluate(fields.get("evaluate", {}), scope.at("evaluate"))
    use = compile_use(fields.get("use", {}), scope.at("use"))
    draft.use, draft.secrets = use.tables, use.secrets
    if use.extensions is not None:
        draft.extensions = compile_extensions(use.extensions, scope.at("use", "extensions"))
    functions = {
        name: compile_task(name, "", value, scope.at("use", "functions", name))
        for name, value in use.tables.get("functions", {}).items()
    }
    use.check(scope.at("use"))
    if "schedule" in fields:
        _schedule(fields["schedule"], scope.at("schedule"))
    timeout = compile_timeout(fields, scope, WORKFLOW_OUTPUT)
    return Program(
        document=document,
        namespace=str(header.get("namespace", "")),
        name=str(header.get("name", "")),
        version=str(header.get("version", "")),
        tasks=scope.at("do").tasks(fields["do"], "/do") if "do" in fields else TaskList(()),
        functions={name: task for name, task in functions.items() if task is not None},
        secrets=use.secrets,
        input=_pipe(fields, "input", "from", scope, WORKFLOW_INPUT),
        output=_pipe(fields, "output", "as", scope, WORKFLOW_OUTPUT),
        timeout=timeout,
    )


def _header(value: Any, scope: Scope) -> Mapping[str, Any]:
    keys = {"dsl", "namespace", "name", "version", "title", "summary", "tags", "metadata"}
    scope.mapping(value, keys, ("dsl", "namespace", "name", "version"))
    if not isinstance(value, Mapping):
        return {}
    version = scope.text(value, "dsl")
    if version and version not in VERSIONS:
        scope.at("dsl").report(
            "unsupported", f"DSL version {version[:40]!r}", f"use one of {', '.join(VERSIONS)}"
        )
    for key in ("namespace", "name"):
        text = scope.text(value, key, "x")
        if not _NAME.match(text):
            scope.at(key).report("schema", f"'{text[:80]}' is not a name of letters, digits and hyphens")
    if not _SEMVER.match(scope.text(value, "version", "1.0.0")):
        scope.at("version").report("schema", "expected a semantic version such as 1.0.0", "quote it: '1.0.0'")
    return value


def _evaluate(value: Any, scope: Scope) -> bool:
    fields = scope.mapping(value, {"language", "mode"})
    if fields is None:
        return False
    if scope.text(fields, "language", "jq") != "jq":
        scope.at("language").report("unsupported", "only jq is supported as expression language")
    return scope.choice(fields, "mode", ("strict", "loose")) == "loose"


def _schedule(value: Any, scope: Scope) -> None:
    fields = scope.mapping(value, {"every", "cron", "after", "on"})
    for key in ("every", "after"):
        if fields is not None and key in fields:
            scope.at(key).duration(fields[key], frozenset())
    if fields is not None and "cron" in fields:
        scope.text(fields, "cron")
    if fields is not None and "on" in fields:
        compile_schedule(fields["on"], scope.at("on"))


def compile_list(value: Any, scope: Scope, step: str) -> TaskList:
    """Compile a list of single-key objects; checks names and flow within it."""
    if not isinstance(value, list):
        scope.report("schema", "expected a list of tasks, each an object with one key: the task's name")
        return TaskList(())
    if scope.draft.depth >= MAX_DEPTH:
        scope.report("limit", f"tasks are nested deeper than {MAX_DEPTH}")
        return TaskList(())
    scope.draft.depth += 1
    tasks: list[Task] = []
    index: dict[str, int] = {}
    places: list[Scope] = []
    for at, item in enumerate(value):
        if not isinstance(item, Mapping) or len(item) != 1:
            scope.at(at).report("schema", "expected an object with one key: the task's name")
            continue
        name, definition = str(next(iter(item))), next(iter(item.values()))
        place = scope.at(at, name)
        task = compile_task(name, f"{step}/{at}/{escape(name)}", definition, place)
        if name in index:
            place.report("duplicate-task", f"another task of this list is called '{name}'")
        if task is not None:
            index.setdefault(name, len(tasks))
            tasks.append(task)
            places.append(place)
    scope.draft.depth -= 1
    named = [str(next(iter(item))) for item in value if isinstance(item, Mapping) and len(item) == 1]
    check_flow(tasks, places, [] if step.endswith("/branches") else named)
    return TaskList(tuple(tasks), index)


def compile_task(name: str, step: str, value: Any, scope: Scope) -> Task | None:
    """Compile one task, or None with findings when its kind cannot be told."""
    if not isinstance(value, Mapping):
        scope.report("schema", "a task is an object")
        return None
    found = [key for key in KINDS if key in value and not (key == "do" and "for" in value)]
    if len(found) != 1:
        kinds = ", ".join(KINDS)
        message = (
            f"a task has one kind, found {' and '.join(found)}" if found else "the task has no known kind"
        )
        scope.report("task-kind", message, f"the kinds are {kinds}")
        return None
    kind = KINDS[found[0]]
    scope.mapping(value, _COMMON | kind.KEYS)
    then = scope.text(value, "then", "continue")
    if "metadata" in value:
        scope.at("metadata").mapping(value["metadata"], None)
    condition = scope.optional_expression(value, "if", TASK_IF)
    body = kind.compile_body(value, scope)
    if body is None:
        return None
    task = Task(
        name=name,
        step=step,
        kind=found[0],
        definition=value,
        body=body,
        condition=condition,
        input=_pipe(value, "input", "from", scope, TASK_INPUT),
        output=_pipe(value, "output", "as", scope, TASK_BODY),
        export=_pipe(value, "export", "as", scope, TASK_EXPORT),
        timeout=compile_timeout(value, scope, TASK_IF),
        then=then,
    )
    return extended(task, scope.draft.extensions) if scope.draft.extensions else task


_NO_PIPE = Pipe()


def _pipe(source: Mapping[str, Any], key: str, verb: str, scope: Scope, roots: frozenset[str]) -> Pipe:
    if key not in source:
        return _NO_PIPE
    place = scope.at(key)
    fields = place.mapping(source[key], {"schema", verb})
    if fields is None:
        return _NO_PIPE
    return Pipe(
        place.at(verb).transform(fields[verb], roots) if verb in fields else None,
        place.at("schema").schema(fields["schema"]) if "schema" in fields else None,
    )


def compile_timeout(
    source: Mapping[str, Any], scope: Scope, roots: frozenset[str]
) -> float | Expression | None:
    """Compile the `timeout` property: a definition, or the name of one in use.timeouts."""
    if "timeout" not in source:
        return None
    place, value = scope.at("timeout"), source["timeout"]
    if isinstance(value, str):
        found = place.reused("timeouts", value)
        if found is None:
            return None
        value, place = found
    fields = place.mapping(value, {"after"}, ("after",))
    return place.at("after").duration(fields["after"], roots) if fields is not None else None
