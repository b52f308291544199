"""Makes a request from what a caller gave, or says everything that is wrong with it.

Rule: the same for a call in process and one over HTTP, so that both are refused in the same words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal, TypeVar, get_args, get_origin

from caseway.model.errors import CasewayError
from caseway.operations.fields import About, Described, described

_Request = TypeVar("_Request")

DEEPEST = 200
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: `field` is its JSON name, with a JSON Pointer below it."""

    field: str
    message: str


class InvalidRequest(CasewayError):
    """The request is not as it must be. `errors` holds what is wrong, field by field."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        found = tuple(errors)
        first = found[0]
        super().__init__(
            f"{first.field}: {first.message}" + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""),
            code="invalid-request",
            place=first.field,
            hint="mend what `errors` names",
        )
        self.errors = found


def decode(kind: type[_Request], given: Mapping[str, Any], *, text: frozenset[str] = frozenset()) -> _Request:
    """A `kind` from `given`, by JSON names. Fields in `text` came as strings and are read as their types.

    Raises `InvalidRequest` with every fault found."""
    faults: list[FieldError] = []
    made = _object(kind, given, "", (faults, text))
    if faults:
        raise InvalidRequest(faults)
    return made  # type: ignore[no-any-return]


def _object(
    kind: Any, given: Mapping[str, Any], at: str, how: tuple[list[FieldError], frozenset[str]]
) -> Any:
    faults, text = how
    known = described(kind)
    names = {item.json for item in known}
    faults += [FieldError(at + str(name), "there is no such field") for name in given if name not in names]
    values = {}
    for item in known:
        place = at + item.json
        if item.json not in given:
            if item.is_required:
                faults.append(FieldError(place, "is required"))
            values[item.name] = item.default
            continue
        value = given[item.json]
        if item.json in text and not at:
            value = _from_text(item, value)
        values[item.name] = _value(item, value, place, faults)
    return None if faults else kind(**values)


def _value(item: Described, value: Any, place: str, faults: list[FieldError]) -> Any:
    if value is None and item.is_nullable:
        return None
    return _of(item.type, item.about, value, place, faults)


def _of(kind: Any, about: About, value: Any, place: str, faults: list[FieldError]) -> Any:
    """`value` as `kind`; what is wrong goes to `faults`."""
    origin = get_origin(kind)
    if origin is Literal:
        return _one_of(get_args(kind), value, place, faults)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _one_of(tuple(member.value for member in kind), value, place, faults)
    if origin is tuple:
        return _several(kind, about, value, place, faults)
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            faults.append(FieldError(place, "is not an object"))
            return None
        return _object(kind, value, place + "/", (faults, frozenset()))
    fault = _fault(kind, about, value)
    if fault:
        faults.append(FieldError(place, fault))
    return value


def _fault(kind: Any, about: About, value: Any) -> str:
    """What is wrong with a plain value, "" when nothing is."""
    if kind is str:
        return _text_fault(about, value)
    if kind is bool:
        return "" if isinstance(value, bool) else "is neither true nor false"
    if kind in {int, float}:
        return _number_fault(kind, about, value)
    if kind is not Any and _is_object(kind) and not isinstance(value, Mapping):
        return "is not an object"
    return "" if is_json(value) else "is no JSON value"


def _is_object(kind: Any) -> bool:
    return get_origin(kind) is not None and issubclass(get_origin(kind) or object, Mapping)


def _text_fault(about: About, value: Any) -> str:
    if not isinstance(value, str):
        return "is not text"
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        return "holds a character that no text may hold"
    if about.longest is not None and len(value) > about.longest:
        return f"is longer than {about.longest} characters"
    if about.pattern and not re.search(about.pattern, value):
        return f"does not match {about.pattern}"
    if about.format == "date-time" and not _is_moment(value):
        return "is no RFC 3339 moment such as 2026-11-21T10:00:00Z"
    return ""


def _is_moment(value: str) -> bool:
    if not _MOMENT.match(value):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _number_fault(kind: Any, about: About, value: Any) -> str:
    is_number = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        return "is not a whole number" if kind is int else "is not a number"
    if about.minimum is not None and value < about.minimum:
        return f"is less than {about.minimum}"
    if about.maximum is not None and value > about.maximum:
        return f"is more than {about.maximum}"
    return ""


def _one_of(known: tuple[Any, ...], value: Any, place: str, faults: list[FieldError]) -> Any:
    if not isinstance(value, str) or value not in known:
        faults.append(FieldError(place, "is none of " + ", ".join(repr(item) for item in known)))
    return value


def _several(kind: Any, about: About, value: Any, place: str, faults: list[FieldError]) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        faults.append(FieldError(place, "is not a list"))
        return ()
    if about.maximum is not None and len(value) > about.maximum:
        faults.append(FieldError(place, f"has more than {about.maximum} items"))
        return ()
    inner = get_args(kind)[0]
    return tuple(
        _of(inner, About(longest=about.longest), item, f"{place}/{at}", faults)
        for at, item in enumerate(value)
    )


def _from_text(item: Described, value: Any) -> Any:
    """A value of a path or query as its type; what cannot be read stays text and is refused as such."""
    if not isinstance(value, str):
        return value
    if item.type is bool:
        return {"true": True, "false": False}.get(value, value)
    if item.type in {int, float} and len(value) < 40:
        try:
            return json.loads(value) if value[:1] in "-0123456789" else value
        except ValueError:
            return value
    return value.split(",") if get_origin(item.type) is tuple else value


def is_json(value: Any, depth: int = 0) -> bool:
    """Whether `value` is plain JSON that every store can keep, and not absurdly deep."""
    if value is None or isinstance(value, (bool, int)):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if depth >= DEEPEST:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_json(key) for key in value) and all(
            is_json(item, depth + 1) for item in value.values()
        )
    return isinstance(value, (list, tuple)) and all(is_json(item, depth + 1) for item in value)
