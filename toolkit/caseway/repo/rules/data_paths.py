"""CW540: expressions read what the value before them has, as far as that is known.

The one rule: only what is certain is reported. Shapes are followed along a list of tasks; wherever a value
may come from elsewhere (a jump, a condition, an answer from outside) its shape is unknown, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from caseway.repo.json_pointer import token
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, mapping, suggestion
from caseway.repo.rules.view import View

if TYPE_CHECKING:
    from caseway.repo.load import Document

# A shape is a JSON Schema of a closed object, or None when nothing is known.
Shape = Mapping[str, Any] | None

_EXPRESSION = re.compile(r"\s*\$\{(?P<program>.*)\}\s*", re.DOTALL)
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_PATH = re.compile(r"(?<![\w.)\]\"$?])\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?P<after>\s*(?:\?|//|\|?=|\[|\()?)")
# Words and signs after which `.` may be something else than the input.
_CHANGES_INPUT = re.compile(
    r"\||\bas\b|\bdef\b|\breduce\b|\bforeach\b|\bif\b|\btry\b|\b[a-z_]\w*\s*\(|\\\(|//"
)
_READING = frozenset({"set", "with", "switch", "raise", "emit"})  # parts of a task with expressions
_STEPS = frozenset({"set", "call", "run", "wait", "raise", "emit"})


def unknown_path(view: View) -> Iterator[Finding]:
    for document in view.of_kind("Workflow"):
        start = _input_shape(document.value)
        yield from _list(document, document.value, "/do", start)


def _input_shape(holder: Any) -> Shape:
    if "from" in mapping(holder, "input"):
        return _made(mapping(holder, "input")["from"])
    return _closed(mapping(holder, "input", "schema").get("document"))


def _closed(schema: Any) -> Shape:
    """The schema, if it describes an object whose members are all known."""
    if not isinstance(schema, Mapping) or schema.get("additionalProperties") is not False:
        return None
    is_open = any(key in schema for key in ("$ref", "allOf", "anyOf", "oneOf", "patternProperties"))
    return None if is_open or schema.get("type") != "object" else schema


def _made(value: Any) -> Shape:
    """The shape of an object that is written out, such as that of `set` or `output.as`."""
    if not isinstance(value, Mapping):
        return None
    properties = {key: _made(item) or {} for key, item in value.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _list(document: Document, holder: Any, pointer: str, shape: Shape) -> Iterator[Finding]:
    tasks = [
        (str(name), mapping(task)) for item in items(holder, "do") for name, task in mapping(item).items()
    ]
    jumps = {task.get("then") for _, task in tasks} | {None}
    jumps |= {
        case.get("then") for _, task in tasks for item in items(task, "switch") for case in _cases(item)
    }
    for index, (name, task) in enumerate(tasks):
        if name in jumps:
            shape = None  # reached from more than one place
        here = f"{pointer}/{index}/{token(name)}"
        yield from _task(document, task, here, shape)
        shape = _output(task, shape)


def _cases(item: Any) -> Iterator[Mapping[str, Any]]:
    yield from (mapping(case) for case in mapping(item).values())


def _task(document: Document, task: Mapping[str, Any], pointer: str, shape: Shape) -> Iterator[Finding]:
    inner = shape
    if "input" in task:
        yield from _read(document, mapping(task, "input").get("from"), f"{pointer}/input/from", shape)
        inner = _input_shape(task)
    if shape is not None and "if" in task:
        yield from _read(document, task["if"], f"{pointer}/if", shape)
    if inner is not None:
        for key in _READING.intersection(task):
            yield from _read(document, task[key], f"{pointer}/{key}", inner)
        if "for" in task:
            yield from _read(document, mapping(task, "for").get("in"), f"{pointer}/for/in", inner)
    if "for" not in task and "do" in task:
        yield from _list(document, task, f"{pointer}/do", inner)
    if "output" in task:
        yield from _read(document, mapping(task, "output").get("as"), f"{pointer}/output/as", _raw(task))


def _raw(task: Mapping[str, Any]) -> Shape:
    return _made(task.get("set"))


def _output(task: Mapping[str, Any], shape: Shape) -> Shape:
    """What the task after this one gets."""
    if "if" in task or task.get("then") not in (None, "continue"):
        return None
    if "as" in mapping(task, "output"):
        return _made(mapping(task, "output")["as"])
    declared = _closed(mapping(task, "output", "schema").get("document"))
    if declared is not None or "set" in task:
        return declared or _raw(task)
    is_transparent = (
        not task.keys() & {"switch", "do", "try", "fork", "for", "listen", *_STEPS} or "wait" in task
    )
    return shape if is_transparent and "input" not in task else None


def _read(document: Document, value: Any, pointer: str, shape: Shape) -> Iterator[Finding]:
    """Findings for every expression in a part of a task."""
    if shape is None or value is None:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _read(document, item, f"{pointer}/{token(str(key))}", shape)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _read(document, item, f"{pointer}/{index}", shape)
    elif isinstance(value, str) and (match := _EXPRESSION.fullmatch(value)):
        for path in _paths(match["program"]):
            if missing := _missing(path, shape):
                name, known = missing
                message = f'".{".".join(path)}": the value here has no member "{name}"'
                yield at(document, pointer, message, suggestion(name, known, "it has no members"))


def _paths(program: str) -> Iterator[list[str]]:
    """The paths of a jq program that are certainly read from its input; none when that is not certain."""
    plain = _TEXT.sub('""', program)
    if _CHANGES_INPUT.search(plain) or "\\(" in program:
        return
    for match in _PATH.finditer(plain):
        if not match["after"].strip():
            yield match[1].split(".")


def _missing(path: list[str], shape: Shape) -> tuple[str, list[str]] | None:
    """The first step of a path that a closed shape does not have, with those it has."""
    for name in path:
        if shape is None or shape.get("additionalProperties") is not False:
            return None
        properties = mapping(shape, "properties")
        if name not in properties:
            return name, list(map(str, properties))
        shape = _closed(properties[name])
    return None
