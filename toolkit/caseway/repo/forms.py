"""Form fields — twelve types and sections — as a JSON Schema. Pure.

A use case may write its parameters as `{fields: [...]}`; everything after this module sees a JSON Schema.
What only a form shows travels in `x-ui`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from caseway.repo.schema import schema_problems, violations_of
from caseway.repo.violation import Path, Violation, pointer
from caseway.repo.words import quoted

Field: TypeAlias = Mapping[str, Any]
JsonSchema: TypeAlias = dict[str, Any]
_UI = ("tooltip", "placeholder", "rows", "step", "enabledLabel", "disabledLabel", "minDate", "maxDate")
_UI_FILE = ("showPreview", "tags", "allowedMimeTypes", "maxSize")
_SIZES = {"TB": 10**12, "GB": 10**9, "MB": 10**6, "KB": 10**3, "B": 1}


def parameters_schema(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON Schema of a use case's parameters, whichever way they are written; raises ValueError for form
    fields that break the UseCase schema."""
    if "fields" not in parameters:
        return parameters
    try:
        return compile_fields(parameters["fields"])
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ValueError("the form fields break the UseCase schema") from error


def parameters_problems(parameters: Mapping[str, Any]) -> list[Violation]:
    """What is wrong with parameters beyond their shape, which is the UseCase schema's to judge: nothing is
    said about form fields that break it. Pointers into `parameters`."""
    if "fields" not in parameters:
        return schema_problems(parameters)
    try:
        return list(_field_problems(parameters["fields"], ("fields",)))
    except (KeyError, TypeError, AttributeError, StopIteration, ValueError):
        return []


def compile_fields(fields: Sequence[Field]) -> JsonSchema:
    """An object schema with one property per field; the fields of a section stand beside the others."""
    flat = list(_flat(fields))
    compiled: JsonSchema = {"type": "object", "properties": {field["key"]: _field(field) for field in flat}}
    if required := [field["key"] for field in flat if field.get("required")]:
        compiled["required"] = required
    compiled["additionalProperties"] = False
    return compiled


def _flat(fields: Sequence[Field], section: str = "") -> Iterator[Field]:
    for field in fields:
        if field["type"] == "section":
            yield from _flat(field["fields"], field["title"])
        else:
            yield {**field, "section": section} if section else field


def _field(field: Field) -> JsonSchema:
    compiled: JsonSchema = {"title": field["label"]} if "label" in field else {}
    compiled |= {key: field[key] for key in ("description", "default") if key in field}
    compiled |= _TYPES[field["type"]](field)
    labels = {str(o["value"]): o["label"] for o in field.get("options", ()) if "label" in o}
    shown = {key: field[key] for key in (*_UI, *_UI_FILE, "section") if key in field}
    compiled["x-ui"] = {"widget": field["type"], **shown, **({"labels": labels} if labels else {})}
    return compiled


def _text(field: Field) -> JsonSchema:
    message = {"patternErrorMessage": field["patternMessage"]} if "patternMessage" in field else {}
    return {"type": "string", **_taken(field, "minLength", "maxLength", "pattern"), **message}


def _number(field: Field) -> JsonSchema:
    bounds = {name: field[key] for key, name in (("min", "minimum"), ("max", "maximum")) if key in field}
    return {"type": "integer" if field.get("numberType") == "integer" else "number", **bounds}


def _boolean(_: Field) -> JsonSchema:
    return {"type": "boolean"}


def _date(_: Field) -> JsonSchema:
    words = "must be a date such as 2026-01-31"
    return {
        "type": "string",
        "format": "date",
        "pattern": r"^\d{4}-\d{2}-\d{2}$",
        "patternErrorMessage": words,
    }


def _choice(field: Field) -> JsonSchema:
    return {"enum": [option["value"] for option in field["options"]]}


def _multiselect(field: Field) -> JsonSchema:
    bounds = (("minSelections", "minItems"), ("maxSelections", "maxItems"))
    sizes = {name: field[key] for key, name in bounds if key in field}
    return {"type": "array", "items": _choice(field), "uniqueItems": True, **sizes}


def _file(field: Field) -> JsonSchema:
    size: JsonSchema = {"type": "integer", "minimum": 0}
    if "maxSize" in field:
        size["maximum"] = _bytes(field["maxSize"])
    properties = {
        "uri": {"type": "string"},
        "name": {"type": "string"},
        "mediaType": _media(field),
        "size": size,
    }
    return {"type": "object", "properties": properties, "required": ["uri"], "additionalProperties": False}


def _media(field: Field) -> JsonSchema:
    if "allowedMimeTypes" not in field:
        return {"type": "string"}
    kinds = [
        kind.replace(".", r"\.").replace("+", r"\+").replace("*", "[^/]+")
        for kind in field["allowedMimeTypes"]
    ]
    words = f"must be one of {', '.join(field['allowedMimeTypes'])}"
    return {"type": "string", "pattern": f"^({'|'.join(kinds)})$", "patternErrorMessage": words}


def _bytes(size: str) -> int:
    unit = next(unit for unit in _SIZES if size.endswith(unit))
    return int(float(size.removesuffix(unit)) * _SIZES[unit])


def _array(field: Field) -> JsonSchema:
    item = field["itemField"]
    return {"type": "array", "items": _TYPES[item["type"]](item), **_taken(field, "minItems", "maxItems")}


def _object(field: Field) -> JsonSchema:
    return compile_fields(field["fields"])


def _object_array(field: Field) -> JsonSchema:
    return {
        "type": "array",
        "items": compile_fields(field["fields"]),
        **_taken(field, "minItems", "maxItems"),
    }


def _taken(field: Field, *keys: str) -> JsonSchema:
    return {key: field[key] for key in keys if key in field}


_TYPES: Mapping[str, Callable[[Field], JsonSchema]] = {
    "string": _text,
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "select": _choice,
    "radio": _choice,
    "multiselect": _multiselect,
    "file": _file,
    "array": _array,
    "object": _object,
    "objectArray": _object_array,
}
_BOUNDS = (
    ("minLength", "maxLength"),
    ("min", "max"),
    ("minDate", "maxDate"),
    ("minSelections", "maxSelections"),
    ("minItems", "maxItems"),
)


def _field_problems(fields: Sequence[Field], path: Path, seen: set[str] | None = None) -> Iterator[Violation]:
    seen = set() if seen is None else seen
    for index, field in enumerate(fields):
        here: Path = (*path, index)
        if field["type"] == "section":
            yield from _field_problems(field["fields"], (*here, "fields"), seen)
            continue
        key = field["key"]
        if key in seen:
            message = f"two fields have the key {quoted(key)}"
            yield Violation(
                pointer((*here, "key")), message, "keys are unique in their group, across sections", "key"
            )
        seen.add(key)
        inner = list(_one_problems(field, here))
        yield from inner
        if not inner and "default" in field:
            for each in violations_of(_field(field), field["default"]):
                place = pointer((*here, "default")) + each.pointer
                yield Violation(
                    place, f"the default does not fit the field: {each.message}", each.hint, each.keyword
                )


def _one_problems(field: Field, here: Path) -> Iterator[Violation]:
    for low, high in _BOUNDS:
        if low in field and high in field and field[low] > field[high]:
            message = f"{low} {field[low]} is more than {high} {field[high]}"
            yield Violation(pointer((*here, low)), message, "", low)
    if "pattern" in field:
        for each in schema_problems({"pattern": field["pattern"]}):
            yield Violation(pointer(here) + each.pointer, each.message, each.hint, "pattern")
    values = [option["value"] for option in field.get("options", ())]
    for index, value in enumerate(values):
        if any(value is other or (type(value) is type(other) and value == other) for other in values[:index]):
            place = pointer((*here, "options", index, "value"))
            yield Violation(place, f"{quoted(str(value))} is an option already", "", "options")
    if "itemField" in field:
        yield from _one_problems(field["itemField"], (*here, "itemField"))
    if "fields" in field:
        yield from _field_problems(field["fields"], (*here, "fields"))
