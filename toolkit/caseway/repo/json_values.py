"""JSON text to plain values, with the same bounds and the same findings as YAML.

Rule: the quick way decides only whether all is well; what is wrong is found by the slow scan, which knows
places.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from caseway.repo.json_pointer import token, tokens
from caseway.repo.limits import DEPTH, NODES
from caseway.repo.quote import quoted
from caseway.repo.scalars import EXACT, LARGEST, SMALLEST
from caseway.repo.yaml_errors import place
from caseway.repo.yaml_values import Report

_LEXEME = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_HINTS = (
    ("Expecting property name", "JSON keys are quoted, and the last entry has no comma"),
    ("Illegal trailing comma", "the last entry has no comma"),
    ("Expecting value", "JSON has no comments, no single quotes and no trailing comma"),
    ("Expecting ',' delimiter", "is a comma or a closing bracket missing?"),
    ("Unterminated string", "a quote is opened here and never closed"),
    ("Extra data", "a JSON file holds one document"),
    ("Invalid control character", "write a line break as \\n"),
)


ENDLESS = frozenset({"CW105", "CW106"})  # after these nothing more is read
UNREADABLE = ENDLESS | {"CW104"}  # and texts that no store could keep give no document


class _TroubleError(ValueError):
    """Something the slow scan must find."""


class _TooManyError(Exception):
    """More values than are worth a scan."""


def read_json(text: str, report: Report) -> tuple[list[tuple[Any, int]], int]:
    """The document of `text` as a list of one (value and line), and how many values it holds."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
        nodes, is_doubtful = _measured(value)
    except json.JSONDecodeError as error:
        if text.strip() and not _report_troubles(text, report, ENDLESS):
            _report_syntax(error, report)
        return [], 0
    except (ValueError, RecursionError):
        return _read_troubled(text, report)
    except _TooManyError:
        report("CW106", f"the file holds more than {NODES:,} values", "split the file", (1, 1), "")
        return [], 0
    if is_doubtful:
        _report_troubles(text, report)
    return [(value, 1)], nodes


def _read_troubled(text: str, report: Report) -> tuple[list[tuple[Any, int]], int]:
    """What can be had of a document with troubles, so that all else that is wrong in it is told as well."""
    codes = _report_troubles(text, report)
    if codes & UNREADABLE:
        return [], 0
    try:
        value = json.loads(text, parse_constant=_nothing, parse_int=_small, parse_float=_bounded)
    except json.JSONDecodeError as error:
        _report_syntax(error, report)
        return [], 0
    if not codes:  # never met: but a document must not lose a trouble on the way
        report("CW101", "the JSON cannot be read", "", (1, 1), "")
    return [(value, 1)], text.count(",") + 1


def _report_syntax(error: json.JSONDecodeError, report: Report) -> None:
    hint = next((hint for part, hint in _HINTS if part in error.msg), "")
    report("CW101", f"the JSON is broken here: {error.msg}", hint, (error.lineno, error.colno), "")


def scan(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Every value of well-formed `text`: pointer, lexeme, offset of its key (or of itself), offset.

    A repeated key comes again. Nothing is built and nothing recurses.
    """
    stack: list[list[Any]] = []  # [prefix, is_object, index or pending key, offset of the key]
    for match in _LEXEME.finditer(text):
        lexeme, offset = match.group(), match.start()
        top = stack[-1] if stack else None
        if lexeme in "}]":
            if stack:
                stack.pop()
        elif lexeme == ":":
            continue
        elif lexeme == ",":
            if top is not None:
                top[2] = None if top[1] else top[2] + 1
        elif top is not None and top[1] and top[2] is None:
            top[2], top[3] = _key(lexeme), offset
        else:
            pointer = f"{top[0]}/{token(top[2])}" if top else ""
            yield pointer, lexeme, top[3] if top and top[1] else offset, offset
            if lexeme in "{[":
                stack.append([pointer, lexeme == "{", None if lexeme == "{" else 0, offset])


def _key(lexeme: str) -> str:
    try:
        return str(json.loads(lexeme, strict=False))
    except ValueError:
        return lexeme


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _TroubleError("duplicate key")
    return value


def _refuse(name: str) -> Any:
    raise _TroubleError(name)


def _nothing(_: str) -> None:
    return None


def _bounded(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _small(text: str) -> int:
    return int(text) if len(text) <= 20 else 0


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _TroubleError(text)
    return value


def _measured(value: Any) -> tuple[int, bool]:
    """How many values there are, and whether a number deserves a note. Raises ValueError out of bounds."""
    nodes, depth, level, is_doubtful = 0, 0, [value], False
    while level:
        nodes += len(level)
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, (dict, list)):
                below.append(item)
            elif type(item) is int and not -EXACT <= item <= EXACT:
                is_doubtful = True
                if not SMALLEST <= item <= LARGEST:
                    raise _TroubleError("number")
        depth += bool(below)
        if nodes > NODES:
            raise _TooManyError
        if depth > DEPTH:
            raise _TroubleError("depth")
        level = [inner for item in below for inner in _inside(item)]
    return nodes, is_doubtful


def _inside(container: Any) -> Any:
    if isinstance(container, list):
        return container
    for key in container:
        _check_text(key)
    return container.values()


def _check_text(text: str) -> None:
    if not text.isascii():
        text.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
    if "\0" in text:
        raise _TroubleError("NUL")


def _report_troubles(text: str, report: Report, codes: frozenset[str] = frozenset()) -> set[str]:
    """Report what the scan finds, of `codes` only when there are some; gives the codes reported."""
    found, seen = set[str](), set[str]()
    for nodes, (pointer, lexeme, key_offset, offset) in enumerate(scan(text), 1):
        key = "".join(tokens(pointer)[-1:])
        is_again = pointer in seen and pointer != ""
        again = (
            ("CW102", f"the key {quoted(key)} is given twice", "keep one of the two") if is_again else None
        )
        seen.add(pointer)
        for trouble, where in (
            (again, key_offset),
            (_unfit_text(key), key_offset),
            (_trouble(pointer, lexeme, nodes), offset),
        ):
            if trouble is not None and (not codes or trouble[0] in codes):
                report(*trouble, place(text, where), pointer)
                found.add(trouble[0])
        if found & ENDLESS:
            break
    return found


def _trouble(pointer: str, lexeme: str, nodes: int) -> tuple[str, str, str] | None:
    if lexeme in "{[" and pointer.count("/") >= DEPTH:
        return "CW105", f"values are nested more than {DEPTH} levels deep", "flatten the document"
    if nodes > NODES:
        return "CW106", f"the file holds more than {NODES:,} values", "split the file"
    if lexeme[0] == '"':
        return _text_trouble(lexeme)
    if lexeme.lstrip("-")[:1].isdigit() or lexeme in {"NaN", "Infinity", "-Infinity"}:
        return _number_trouble(lexeme)
    return None


def _text_trouble(lexeme: str) -> tuple[str, str, str] | None:
    try:
        return _unfit_text(json.loads(lexeme))
    except ValueError:
        return None


def _unfit_text(text: str) -> tuple[str, str, str] | None:
    """What no store keeps."""
    if "\0" in text:
        return "CW104", "the text holds a NUL character", "remove \\u0000: no store keeps it"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "CW104", "the text holds half of a character (a lone surrogate)", "write the whole character"
    return None


def _number_trouble(lexeme: str) -> tuple[str, str, str] | None:
    hint = "write it in quotes when it is a text"
    if not lexeme.lstrip("-").isdigit():
        if "N" in lexeme or "I" in lexeme or (_NUMBER.fullmatch(lexeme) and math.isinf(float(lexeme))):
            return "CW111", f"{quoted(lexeme, 40)}: infinity and not-a-number do not exist in JSON", hint
        return None
    number = int(lexeme) if len(lexeme) <= 40 else LARGEST + 1
    if not SMALLEST <= number <= LARGEST:
        return "CW111", f"{quoted(lexeme, 40)}: the integer does not fit into 64 bits", hint
    if not -EXACT <= number <= EXACT:
        return "CW112", f"{quoted(lexeme, 40)} loses digits in many programs", hint
    return None
