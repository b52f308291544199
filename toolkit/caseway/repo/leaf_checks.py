"""Checks of one value by itself: type, choice, pattern, bounds. Pure; nothing here looks below the value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from caseway.model.canonical import canonical
from caseway.repo.violation import Path, Violation, pointer
from caseway.repo.words import found, joined, nearest, number, plain, quoted, type_name

_OF_ANOTHER_TIME = "`caseway upgrade` writes older documents anew; for newer ones install a newer Caseway"
WORDS = "patternErrorMessage"  # editors know this name; ours covers more than patterns
Schema: TypeAlias = Any
Found: TypeAlias = Iterator[Violation]


@dataclass(frozen=True, slots=True)
class Walk:
    """What does not change on the way: `root` is the schema document in which references resolve,
    `matches(pattern, text)` a regular expression engine that cannot hang."""

    root: Schema
    matches: Callable[[str, str], bool]


Check: TypeAlias = Callable[[Walk, Schema, Any, Path], Found]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "number": _is_number,
}


def has_type(value: Any, types: str | Sequence[str]) -> bool:
    """True when `value` has one of the JSON Schema types."""
    return any(_is(value, kind) for kind in ([types] if isinstance(types, str) else types))


def _is(value: Any, kind: str) -> bool:
    return kind in _TYPES and _TYPES[kind](value)


def violation_at(path: Path, message: str, hint: str, keyword: str) -> Violation:
    """A violation at a path."""
    return Violation(pointer(path), message, hint, keyword)


def last_key(path: Path) -> str:
    """The innermost key of a path, "" when there is none."""
    return next((token for token in reversed(path) if isinstance(token, str)), "")


def subject(path: Path) -> str:
    """What a message is about: the key, or the number of the item."""
    if not path:
        return "the document"
    last = path[-1]
    if isinstance(last, str):
        return quoted(last)
    above = f" of {quoted(last_key(path))}" if last_key(path) else ""
    return f"item {last + 1}{above}"


def must(path: Path, node: Schema, otherwise: str, value: Any, keyword: str) -> Violation:
    """The value is not what the node's own words, or else `otherwise`, ask for."""
    words = _sentence(node.get(WORDS) or otherwise)
    shown = keys_found(value) if keyword.endswith("Properties") else found(value, key=last_key(path))
    return violation_at(path, f"{subject(path)} {words}; found {shown}", "", keyword)


def _sentence(words: str) -> str:
    """Words of our own go on from the subject; those of a user, e.g. of a form field, may not."""
    return words if words.startswith(("must ", "may ", "needs ")) else f"is not right ({words})"


def keys_found(value: Mapping[str, Any]) -> str:
    """The keys of an object, the first few."""
    names = [quoted(key) for key in list(value)[:4]]
    return joined(names, "and") + (" and more" if len(value) > 4 else "") if names else "an empty object"


def wrong_type(walk: Walk, node: Schema, value: Any, path: Path) -> Violation:
    """The value has none of the node's types."""
    types = [node["type"]] if isinstance(node["type"], str) else list(node["type"])
    words = node.get(WORDS) if len(types) > 1 else ""
    expected = words or "must be " + joined([type_name(kind) for kind in types], "or")
    message = f"{subject(path)} {expected}; found {found(value, key=last_key(path))}"
    return violation_at(path, message, _type_hint(walk, node, types, value), "type")


def _type_hint(walk: Walk, node: Schema, types: list[str], value: Any) -> str:
    if value is None:
        return str(node.get("description", ""))
    if "string" in types and _is_number(value) and walk.matches(node.get("pattern", ""), str(value)):
        return f'put it in quotes: "{number(value)}"'
    if types == ["boolean"] and isinstance(value, str):
        return "write true or false, without quotes"
    if types in (["integer"], ["number"]) and isinstance(value, str) and value.strip("-").isdigit():
        return "write it without quotes"
    return ""


def _enum(_walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if not any(_same(value, choice) for choice in node["enum"]):
        names = [choice for choice in node["enum"] if isinstance(choice, str)]
        close = nearest(value, names) if isinstance(value, str) else ""
        expected = joined([plain(choice) for choice in node["enum"]], "or")
        message = f"{subject(path)} must be {expected}; found {found(value, key=last_key(path))}"
        yield violation_at(path, message, f"did you mean {quoted(close)}?" if close else "", "enum")


def _const(_walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if not _same(value, node["const"]):
        broken = must(path, node, f"must be {plain(node['const'])}", value, "const")
        yield replace(broken, hint=_OF_ANOTHER_TIME) if path == ("apiVersion",) else broken


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values: unlike Python's, true is not 1."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _pattern(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if isinstance(value, str) and not walk.matches(node["pattern"], value):
        yield must(path, node, f"must match {quoted(node['pattern'])}", value, "pattern")


def _unique(_walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if not node["uniqueItems"] or not isinstance(value, list):
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        text = canonical(item)
        if text in seen:
            message = f"{subject((*path, index))} is there already; found {found(item)}"
            yield violation_at((*path, index), message, "remove one of them", "uniqueItems")
        seen.add(text)


def _bound(
    keyword: str, measure: Callable[[Any], float | None], is_within: Callable[[Any, Any], bool], text: str
) -> Check:
    def check(_walk: Walk, node: Schema, value: Any, path: Path) -> Found:
        size = measure(value)
        if size is not None and not is_within(size, node[keyword]):
            plural = "s" if node[keyword] != 1 else ""
            yield must(path, node, text.format(limit=node[keyword], s=plural), value, keyword)

    return check


def _number(value: Any) -> float | None:
    return value if _is(value, "number") else None


def _length(kind: type) -> Callable[[Any], float | None]:
    def length(value: Any) -> float | None:
        return len(value) if isinstance(value, kind) and isinstance(value, Sized) else None

    return length


def _at_least(size: Any, limit: Any) -> bool:
    return bool(size >= limit)


def _at_most(size: Any, limit: Any) -> bool:
    return bool(size <= limit)


LEAF_CHECKS: Mapping[str, Check] = {
    "minProperties": _bound("minProperties", _length(dict), _at_least, "needs at least {limit} key{s}"),
    "maxProperties": _bound("maxProperties", _length(dict), _at_most, "may have at most {limit} key{s}"),
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minLength": _bound("minLength", _length(str), _at_least, "must have at least {limit} character{s}"),
    "maxLength": _bound("maxLength", _length(str), _at_most, "must have at most {limit} character{s}"),
    "minimum": _bound("minimum", _number, _at_least, "must be at least {limit}"),
    "maximum": _bound("maximum", _number, _at_most, "must be at most {limit}"),
    "exclusiveMinimum": _bound("exclusiveMinimum", _number, lambda a, b: a > b, "must be more than {limit}"),
    "exclusiveMaximum": _bound("exclusiveMaximum", _number, lambda a, b: a < b, "must be less than {limit}"),
    "minItems": _bound("minItems", _length(list), _at_least, "needs at least {limit} item{s}"),
    "maxItems": _bound("maxItems", _length(list), _at_most, "may have at most {limit} item{s}"),
    "uniqueItems": _unique,
}
