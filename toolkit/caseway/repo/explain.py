"""Why a value breaks a schema, in words a person understands: the one reason that matters at each place, and
every place. Pure.
It walks the keywords our schemas use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from caseway.repo.conditions import compile_condition
from caseway.repo.leaf_checks import (
    LEAF_CHECKS,
    WORDS,
    Check,
    Found,
    Schema,
    Walk,
    has_type,
    must,
    subject,
    violation_at,
    wrong_type,
)
from caseway.repo.violation import Path, Violation
from caseway.repo.words import keys_hint, listed, nearest, quoted

MOST = 300  # violations of one document that are worth telling
_GUESSED = 50  # unknown keys of one object for which a meaning is sought
# What beside a reference may simply join the target's keywords: it means the same there.
_JOINING = {
    "title",
    "description",
    "default",
    "examples",
    WORDS,
    "required",
    "minProperties",
    "maxProperties",
}
_DECIDING = {"title", "description", "type", "anyOf", "allOf", "properties", "examples"}
_NOTES = {"title", "description", "default", "examples", WORDS}


def explain(walk: Walk, value: Any, *, most: int = MOST) -> list[Violation]:
    """The violations of the root schema, in the document's order, each once; the first `most` of them."""
    return list(dict.fromkeys(islice(_walk(walk, walk.root, value, ()), most)))


def _walk(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if node is True:
        return
    if node is False:
        yield violation_at(path, f"{subject(path)} is not allowed here", "remove it", "false")
        return
    node = _flat(walk, node)
    if "type" in node and not has_type(value, node["type"]):
        yield wrong_type(walk, node, value, path)
        return
    if isinstance(value, dict) and _decides(node):
        yield from _one_thing(walk, node, value, path)
        return
    for keyword, check in CHECKS.items():
        if keyword in node:
            yield from check(walk, node, value, path)


def _decides(node: Schema) -> bool:
    """True for a node that does nothing but decide, by its keys, which of several schemas it is."""
    if "anyOf" not in node or "allOf" not in node or not node.keys() <= _DECIDING:
        return False
    parts, named = node["allOf"], node.get("properties", {}).values()
    return (
        bool(choices(node["anyOf"]))
        and all(isinstance(part, Mapping) and part.keys() == {"if", "then"} for part in parts)
        and all(isinstance(part["then"], Mapping) and "$ref" in part["then"] for part in parts)
        and all(isinstance(below, Mapping) and below.keys() <= {"description"} for below in named)
    )


def _flat(walk: Walk, node: Schema) -> Schema:
    """The node with its reference resolved; keywords beside the reference join those of the target."""
    seen = 0
    while "$ref" in node and seen < 32:
        target = resolve(walk.root, node["$ref"])
        target = True if target is None else target
        beside = {key: value for key, value in node.items() if key != "$ref"}
        if not isinstance(target, Mapping):
            return {**beside, "allOf": [*beside.get("allOf", ()), target]}
        if beside.keys() <= _JOINING - (target.keys() - _NOTES):
            node = {**target, **beside}
        else:
            node = {**target, "allOf": [*target.get("allOf", ()), beside]}
        seen += 1
    return node


def resolve(root: Schema, reference: str) -> Schema:
    """The schema that a local `#/…` reference means; None when it leads nowhere or elsewhere."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return None
    node = root
    for token in (part.replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")):
        if isinstance(node, list) and token.isdigit() and int(token) < len(node):
            node = node[int(token)]
        elif isinstance(node, Mapping) and token in node:
            node = node[token]
        else:
            return None
    return node


def choices(branches: Any) -> list[str]:
    """The keys, when every branch of an anyOf/oneOf only asks for one key."""
    keys = []
    for branch in branches or ():
        if not isinstance(branch, Mapping) or set(branch) != {"required"} or len(branch["required"]) != 1:
            return []
        keys.append(branch["required"][0])
    return keys


def _holds(walk: Walk, node: Schema, value: Any) -> bool:
    condition = compile_condition(node)
    if condition is not None:
        return condition(value)
    return next(_walk(walk, node, value, ()), None) is None


def _one_thing(walk: Walk, node: Schema, value: dict[str, Any], path: Path) -> Found:
    """A node whose keys decide which of several schemas it is, such as a task."""
    kinds = choices(node["anyOf"])
    name = str(node.get("title", "object")).lower()
    branches = [part["then"] for part in node["allOf"] if "if" in part and _holds(walk, part["if"], value)]
    if len(branches) == 1:
        yield from _walk(walk, branches[0], value, path)
        return
    if branches:
        present = [key for key in value if key in kinds]
        message = f"{subject(path)} must do one thing only; found {listed(present, 'and')}"
        yield violation_at(path, message, f"make a {name} of each", "oneOf")
        for branch in branches:
            yield from _walk(walk, {**_flat(walk, branch), "additionalProperties": True}, value, path)
        return
    parts = [_flat(walk, part.get("then", {})) for part in node["allOf"]]
    known = dict.fromkeys([*kinds, *(key for part in parts for key in part.get("properties", ()))])
    unknown = islice((key for key in value if key not in known), _GUESSED)
    meant = {key: nearest(key, known) for key in unknown}
    for key in meant:
        yield _unknown(walk, key, known, node, path)
    if not any(key in kinds for key in meant.values()):
        message = f"{subject(path)} does not say what to do"
        yield violation_at(path, message, f"a {name} needs one of {', '.join(kinds)}", "anyOf")


def _unknown(walk: Walk, key: str, known: Any, node: Schema, path: Path) -> Violation:
    close = nearest(key, known)
    message = f"unknown key {quoted(key)}" + (f" — did you mean {quoted(close)}?" if close else "")
    hint = keys_hint(known)
    homes = {} if close else {name: None for name, inside in _inner(walk, node) if key in inside}
    if homes:
        hint = f"{quoted(key)} belongs inside {listed(homes, 'or')}"
    return violation_at((*path, key), message, hint, "additionalProperties")


def _inner(walk: Walk, node: Schema) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The keys of a node with what may stand inside each of them."""
    for part in [
        node,
        *(part.get("then", {}) for part in node.get("allOf", ()) if isinstance(part, Mapping)),
    ]:
        for name, below in part.get("properties", {}).items() if isinstance(part, Mapping) else ():
            if isinstance(below, Mapping):
                yield name, _flat(walk, below).get("properties", {})


def _properties(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if not isinstance(value, dict):
        return
    known = node.get("properties", {})
    patterns = node.get("patternProperties", {})
    other = node.get("additionalProperties", True)
    crowd = node.get("maxProperties")
    if crowd is not None and len(value) > crowd and not known and not _all_objects(value):
        return  # wrong indentation: what the keys hold would only be noise
    for key, below in value.items():
        fitting = [schema for pattern, schema in patterns.items() if walk.matches(pattern, key)]
        if key in known:
            fitting.append(known[key])
        if not fitting and other is False:
            yield _unknown(walk, key, known, node, path)
        for schema in fitting or [other if other is not False else True]:
            yield from _walk(walk, schema, below, (*path, key))


def _values(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if "properties" not in node:
        yield from _properties(walk, node, value, path)


def _patterns(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if not {"properties", "additionalProperties"} & node.keys():
        yield from _properties(walk, node, value, path)


def _all_objects(value: dict[str, Any]) -> bool:
    return all(isinstance(below, dict) for below in value.values())


def _required(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if not isinstance(value, dict):
        return
    known = node.get("properties", {})
    misspelt = _misspelt(node, value)
    for key in node["required"]:
        if key not in value and key not in misspelt:
            about = (
                _flat(walk, known[key]).get("description", "") if isinstance(known.get(key), Mapping) else ""
            )
            where = f" in {subject(path)}" if path else ""
            only = known.get(key, {}).get("const") if isinstance(known.get(key), Mapping) else None
            hint = f"write '{key}: {only}'" if isinstance(only, str) else f"{key}: {about}" if about else ""
            yield violation_at(path, f"missing key {quoted(key)}{where}", hint, "required")


def _misspelt(node: Schema, value: dict[str, Any]) -> set[str]:
    """The known keys that unknown ones most likely mean; those are reported as unknown, not as missing."""
    if node.get("additionalProperties", True) is not False:
        return set()
    known = node.get("properties", {})
    return {nearest(key, known) for key in islice((key for key in value if key not in known), _GUESSED)}


def _one_of(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    keys = choices(node["oneOf"])
    if not keys:
        yield from _branches(walk, node, value, path, "oneOf")
    elif isinstance(value, dict):
        present = [key for key in keys if key in value]
        if not present and not _misspelt(node, value) & set(keys):
            yield violation_at(path, f"{subject(path)} needs one of {listed(keys, 'or')}", "", "oneOf")
        elif len(present) > 1:
            message = (
                f"{subject(path)} may have only one of {listed(keys, 'or')}; found {listed(present, 'and')}"
            )
            yield violation_at(path, message, f"remove all but one of {', '.join(present)}", "oneOf")
    elif len(keys) > 1:
        yield violation_at(path, f"{subject(path)} must be an object", "", "oneOf")


def _any_of(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    keys = choices(node["anyOf"])
    if not keys:
        yield from _branches(walk, node, value, path, "anyOf")
    elif isinstance(value, dict) and not any(key in value for key in keys):
        yield violation_at(path, f"{subject(path)} needs at least one of {listed(keys, 'or')}", "", "anyOf")


def _branches(walk: Walk, node: Schema, value: Any, path: Path, keyword: str) -> Found:
    """Of alternatives that all fail, the one that comes closest: it fails deepest, then least often."""
    failures = [list(_walk(walk, branch, value, path)) for branch in node[keyword]]
    if all(failures):
        yield from min(failures, key=lambda each: (-max(v.pointer.count("/") for v in each), len(each)))
    elif keyword == "oneOf" and sum(not each for each in failures) > 1:
        yield violation_at(path, f"{subject(path)} fits more than one of the alternatives", "", keyword)


def _all_of(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    for part in node["allOf"]:
        yield from _walk(walk, part, value, path)


def _condition(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    branch = "then" if _holds(walk, node["if"], value) else "else"
    yield from _walk(walk, node.get(branch, True), value, path)


def _not(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if _holds(walk, node["not"], value):
        yield must(path, node, "must be something else", value, "not")


def _dependent(_: Walk, node: Schema, value: Any, path: Path) -> Found:
    for key, needs in node["dependentRequired"].items() if isinstance(value, dict) else ():
        missing = [need for need in needs if need not in value]
        if key in value and missing:
            message = f"{quoted(key)} needs {listed(missing, 'and')} beside it"
            yield violation_at((*path, key), message, "", "dependentRequired")


def _names(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    names = node["propertyNames"]
    for key in value if isinstance(value, dict) else ():
        if not _holds(walk, names, key):
            words = names.get(WORDS, "is not allowed") if isinstance(names, Mapping) else "is not allowed"
            yield violation_at((*path, key), f"the key {quoted(key)} {words}", "", "propertyNames")


def _items(walk: Walk, node: Schema, value: Any, path: Path) -> Found:
    if isinstance(value, list):
        start = len(node.get("prefixItems", ()))
        for index, below in enumerate(value[start:], start):
            yield from _walk(walk, node["items"], below, (*path, index))


CHECKS: Mapping[str, Check] = {
    "required": _required,
    "oneOf": _one_of,
    "anyOf": _any_of,
    "dependentRequired": _dependent,
    "propertyNames": _names,
    "properties": _properties,
    "additionalProperties": _values,
    "patternProperties": _patterns,
    **LEAF_CHECKS,
    "items": _items,
    "not": _not,
    "allOf": _all_of,
    "if": _condition,
}
