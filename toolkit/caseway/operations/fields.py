"""What a field of a request may hold, said once for checking, for the API's document and for its reference.

Rule: the standard library alone, for the command line imports this on its quick path."""

from __future__ import annotations

import types
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, eq=False)  # examples may be objects, which have no hash
class About:
    """What a field means and what it may be; `header` names the header that it travels in, if any."""

    description: str = ""
    example: Any = field(default=None, hash=False)  # a dict has no hash, and a union of types asks for one
    minimum: int | None = None
    maximum: int | None = None
    longest: int | None = None
    pattern: str = ""
    format: str = ""
    header: str = ""
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """One field of a dataclass: its names in Python and in JSON, its type without wrappings, its default."""

    name: str
    json: str
    type: Any
    about: About
    is_nullable: bool
    is_required: bool
    default: Any
    is_omitted_when_empty: bool


NAME = r"^[^\u0000-\u001f\u007f/\\]+$"

Name = Annotated[str, About("Its name.", example="billing-dev", longest=200, pattern=NAME)]
ProcessName = Annotated[str, About("The process's name.", example="billing", longest=200, pattern=NAME)]
ExecutionId = Annotated[
    str, About("The execution's id.", example="5f0d3c6b9a1e4f7788c2d0aa", longest=100, pattern=NAME)
]
Moment = Annotated[
    str, About("A moment, RFC 3339.", example="2026-11-21T10:00:00Z", format="date-time", longest=40)
]
Cursor = Annotated[
    str, About("Go on after the page whose `nextCursor` this is.", example="", longest=2000, pattern="")
]
Limit = Annotated[int, About("How many at most.", example=50, minimum=1, maximum=1000)]
IfMatch = Annotated[
    str,
    About(
        "Only if it still has this ETag.",
        example='"2026-11-21T10:00:00.000000Z.1a2b3c4d5e6f7a8b"',
        header="If-Match",
        longest=200,
    ),
]


@cache
def described(kind: type) -> tuple[Described, ...]:
    """The fields of a dataclass, in their order."""
    hints = get_type_hints(kind, localns={"Json": Any}, include_extras=True)  # JsonObject names it
    return tuple(_described(field, hints[field.name]) for field in fields(kind))


def unwrapped(hint: Any) -> tuple[Any, About, bool]:
    """A type without `Annotated` and `| None`, what is said about it, and whether it may be null."""
    about, is_nullable = About(), False
    while True:
        if get_origin(hint) is Annotated:
            about = next((item for item in hint.__metadata__ if isinstance(item, About)), about)
            hint = hint.__origin__
            continue
        members = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else ()
        plain = [item for item in members if item is not type(None)]
        if len(plain) == 1 and len(plain) < len(members):
            hint, is_nullable = plain[0], True
            continue
        return hint, about, is_nullable


def camel(name: str) -> str:
    """`next_cursor` as `nextCursor`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def json_name(field: Field[Any]) -> str:
    """How a field is called in JSON: camelCase, unless its metadata names it."""
    return str(field.metadata.get("json") or camel(field.name))


def _described(field: Field[Any], hint: Any) -> Described:
    kind, about, is_nullable = unwrapped(hint)
    default = field.default
    if default is MISSING and field.default_factory is not MISSING:
        default = field.default_factory()
    return Described(
        name=field.name,
        json=json_name(field),
        type=kind,
        about=about,
        is_nullable=is_nullable,
        is_required=default is MISSING,
        default=None if default is MISSING else default,
        is_omitted_when_empty=bool(field.metadata.get("optional")),
    )


def expected_in(if_match: str) -> str:
    """When the thing was changed last, as an ETag says; "" when any is fine."""
    text = if_match.strip().removeprefix("W/").strip('"')
    return "" if text in {"", "*"} else text.rpartition(".")[0] or text
