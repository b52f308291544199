"""What changed between two JSON values, field by field. Empty exactly when both are the same JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caseway.model.canonical import Json
from caseway.model.plan import Change
from caseway.reconcile.sensitive import SENSITIVE, is_hidden, is_secret_schema, veiled

ABSENT: Any = object()
_VALUE_KEYWORDS = frozenset(("default", "const", "enum", "examples", "example"))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: the pointer, the last two tokens, and whether everything here is secret."""

    pointer: str = ""
    key: str = ""
    parent: str = ""
    is_secret: bool = False
    is_secret_schema: bool = False

    def step(self, token: str, secrets: frozenset[str], before: Json, after: Json) -> _Place:
        pointer = f"{self.pointer}/{token.replace('~', '~0').replace('/', '~1')}"
        hidden = (
            self.is_secret
            or pointer in secrets
            or is_hidden(token, self.key)
            or (self.is_secret_schema and token in _VALUE_KEYWORDS)
        )
        schema = self.key == "properties" and (
            is_secret_schema(token, before) or is_secret_schema(token, after)
        )
        return _Place(pointer, token, self.key, hidden, schema)


def diff(before: Json, after: Json, *, secrets: frozenset[str] = frozenset()) -> tuple[Change, ...]:
    """The changed fields in the order of `after`, then what is gone.

    Lists whose items have an `id`, or are DSL tasks (`{name: …}`), are compared by that name, and the name
    stands in the pointer; other lists of objects by position; lists of plain values as a whole. A value is
    `(sensitive)` when its key is named like a secret, its schema says so, or its pointer is in `secrets`.
    """
    return tuple(_diff(before, after, _Place(), secrets))


def same(before: Json, after: Json) -> bool:
    """Equal as JSON: `1` is `1.0`, but `1` is not `true`."""
    # Equal and spelled alike is the common case, and told in C; Python's == alone would take True for 1.
    return (before == after and repr(before) == repr(after)) or _same(before, after)


def _same(before: Json, after: Json) -> bool:
    if isinstance(before, Mapping):
        return (
            isinstance(after, Mapping)
            and len(before) == len(after)
            and all(key in after and same(value, after[key]) for key, value in before.items())
        )
    if _is_list(before):
        return (
            _is_list(after) and len(before) == len(after) and all(map(same, before, after))  # type: ignore[arg-type]
        )
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def _diff(before: Json, after: Json, place: _Place, secrets: frozenset[str]) -> Iterator[Change]:
    if before is not ABSENT and after is not ABSENT and same(before, after):
        return
    if place.is_secret:
        yield _change(before, after, place)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _members(before, after, place, secrets)
    elif _is_list(before) and _is_list(after):
        yield from _lists(before, after, place, secrets)  # type: ignore[arg-type]
    else:
        yield _change(before, after, place)


def _members(
    before: Mapping[str, Json], after: Mapping[str, Json], place: _Place, secrets: frozenset[str]
) -> Iterator[Change]:
    for key in (*after, *(key for key in before if key not in after)):
        left, right = before.get(key, ABSENT), after.get(key, ABSENT)
        yield from _diff(left, right, place.step(key, secrets, left, right), secrets)


def _lists(
    before: Sequence[Json], after: Sequence[Json], place: _Place, secrets: frozenset[str]
) -> Iterator[Change]:
    named = _by_id(before), _by_id(after)
    if None in named:
        named = tasks(before), tasks(after)
    left, right = named
    if left is not None and right is not None:
        kept_before = [name for name in left if name in right]
        kept_after = [name for name in right if name in left]
        if kept_before != kept_after:
            yield Change(place.pointer, kept_before, kept_after)
        yield from _members(left, right, place, secrets)
    elif all(isinstance(item, Mapping) for item in (*before, *after)):
        yield from _members(_numbered(before), _numbered(after), place, secrets)
    else:
        yield _change(before, after, place)


def _numbered(items: Sequence[Json]) -> Mapping[str, Json]:
    return {str(index): item for index, item in enumerate(items)}


def tasks(items: Sequence[Json]) -> Mapping[str, Json] | None:
    """A DSL task list by the names of its tasks; None when it is something else or two share a name."""
    named: dict[str, Json] = {}
    for item in items:
        if not (isinstance(item, Mapping) and len(item) == 1 and _is_object(next(iter(item.values())))):
            return None
        named.update(item)
    return named if len(named) == len(items) else None


def _by_id(items: Sequence[Json]) -> Mapping[str, Json] | None:
    named = {item["id"]: item for item in items if isinstance(item, Mapping) and _is_text(item.get("id"))}
    return named if len(named) == len(items) else None  # type: ignore[return-value]


def _change(before: Json, after: Json, place: _Place) -> Change:
    return Change(place.pointer, _shown(before, place), _shown(after, place))


def _shown(value: Json, place: _Place) -> Json:
    if value is ABSENT or value is None:
        return None
    return SENSITIVE if place.is_secret else veiled(value, place.key, place.parent)


def _is_list(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_object(value: Json) -> bool:
    return isinstance(value, Mapping)


def _is_text(value: Json) -> bool:
    return isinstance(value, str)
