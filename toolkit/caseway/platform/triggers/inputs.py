"""The input of an execution, made from a request, and what is wrong with it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from caseway.platform.triggers.doors import Door
from caseway.platform.triggers.parts import FORM, MAIL, form_of, mail_of
from caseway.platform.triggers.refusal import Refusal, Wrong

_MOST_ERRORS = 50
_MOST_FIELDS = 1000
_DEEPEST = 200  # levels of a JSON body: more is an attack on whoever reads it next


@dataclass(frozen=True, slots=True)
class Request:
    """A request: method in capitals, header names in lower case, query and path values as they came."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    peer: str = ""


def input_of(door: Door, request: Request, values: Mapping[str, str]) -> Any:
    """The input: the body; `path`, `query`, `headers`, `method` are members beside it where there are any or
    they are asked for. Raises `Refusal`: `body`, `media-type`, `invalid-input`."""
    body = _body(request)
    query = _typed(_named(request.query), door.schema)
    has_body = bool(request.body)
    whole: Any = body if has_body else query if request.query and "query" not in door.include else {}
    extra: dict[str, Any] = {}
    if values:
        extra["path"] = _typed(values, _below(door.schema, "path"))
    if "query" in door.include:
        extra["query"] = _typed(_named(request.query), _below(door.schema, "query"))
    if "headers" in door.include:
        extra["headers"] = {
            name: text for name, text in request.headers.items() if name not in door.hidden_headers
        }
    if "method" in door.include:
        extra["method"] = request.method
    if "body" in door.include:
        whole = {"body": body}
    elif extra and not isinstance(whole, dict):
        whole = {"body": whole}
    made = {**whole, **extra} if extra else whole
    _refuse_invalid(door, made)
    return made


def _body(request: Request) -> Any:
    """The body as a value; None when there is none."""
    if not request.body:
        return None
    kind, _, rest = request.headers.get("content-type", "application/json").partition(";")
    kind = kind.strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return _json(request.body)
    if kind == "application/x-www-form-urlencoded":
        return _form(request.body)
    if kind == FORM:
        return _named(form_of(request.body, f"{kind};{rest}"))
    if kind == MAIL:
        return mail_of(request.body)
    if kind.startswith("text/") or kind in {"application/xml", "application/yaml"}:
        return _text(request.body, rest)
    raise Refusal(
        f"a body of type {kind[:100]!r} cannot be read",
        code="media-type",
        hint=f"send application/json, application/x-www-form-urlencoded, {FORM}, {MAIL} or text/plain",
    )


def _json(body: bytes) -> Any:
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"the body is not JSON: {str(error)[:200]}", code="body") from error
    if _depth_exceeds(value, _DEEPEST):
        raise Refusal(f"the body is nested more than {_DEEPEST} levels deep", code="body")
    return value


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _depth_exceeds(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            below
            for item in level
            if isinstance(item, (dict, list))
            for below in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise Refusal(f"the form cannot be read: {str(error)[:200]}", code="body") from error
    return _named(pairs)


def _text(body: bytes, parameters: str) -> str:
    charset = "utf-8"
    for part in parameters.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "charset":
            charset = value.strip('" ').lower()
    if charset not in {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1"}:
        raise Refusal(f"the charset {charset[:40]!r} is not read", code="media-type", hint="send UTF-8")
    try:
        return body.decode(charset)
    except UnicodeDecodeError as error:
        raise Refusal(f"the body is not {charset} text", code="body") from error


def _named(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Fields by name; one that comes several times is a list."""
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name not in found:
            found[name] = text
        elif isinstance(found[name], list):
            found[name].append(text)
        else:
            found[name] = [found[name], text]
    return found


def _below(schema: Any, name: str) -> Any:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return properties.get(name) if isinstance(properties, Mapping) else None


def _typed(values: Mapping[str, Any], schema: Any) -> dict[str, Any]:
    """Texts as what the schema says they are; what does not fit stays a text, to be judged."""
    return {name: _as(value, _below(schema, name)) for name, value in values.items()}


def _as(value: Any, schema: Any) -> Any:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if kind == "array":
        items = schema.get("items") if isinstance(schema, Mapping) else None
        return [_as(item, items) for item in (value if isinstance(value, list) else [value])]
    if not isinstance(value, str) or kind not in {"integer", "number", "boolean"}:
        return value
    try:
        found = json.loads(value, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return value
    if isinstance(found, bool):
        return found if kind == "boolean" else value
    return found if isinstance(found, (int, float)) and kind != "boolean" else value


def _refuse_invalid(door: Door, value: Any) -> None:
    if door.schema is False:
        raise Refusal("this trigger takes no input", code="invalid-input")
    if door.validator is None:
        return
    errors = []
    for error in door.validator.iter_errors(value):
        errors.append(Wrong(_pointer(error.instance_path), str(error.message)[:500]))
        if len(errors) == _MOST_ERRORS:
            break
    if errors:
        raise Refusal(
            "the input does not fit the schema of this trigger", code="invalid-input", errors=errors
        )


def _pointer(path: Sequence[Any]) -> str:
    """The JSON Pointer of a place in the input."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
