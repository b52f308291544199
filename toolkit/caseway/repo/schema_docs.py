"""The reference of every kind of document, in Markdown, made from its schema and nothing else.

`python -m caseway.repo.schema_docs [FOLDER]` writes the files, with `--check` it says which are out of date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from caseway.repo.explain import choices, resolve
from caseway.repo.leaf_checks import WORDS
from caseway.repo.schema import FILES, KINDS, kind_named, schema
from caseway.repo.words import type_name

FOLDER = Path("docs/reference")
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "minItems": "at least {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
}


def render(kind: str) -> str:
    """The whole page of one kind."""
    name = kind_named(kind)
    root: Any = schema(name)
    file = f"{FILES[name]}.schema.json"
    lines = [f"# {name}", "", "<!-- Generated from the schema by `make docs`: do not edit. -->", ""]
    lines += [
        root["description"],
        "",
        f"Schema: `schemas/{file}` (`caseway schema {name}`). For editors, the first line:",
        "",
    ]
    lines += ["```yaml", f"# yaml-language-server: $schema={root['$id']}", "```", ""]
    for example in root["examples"]:
        lines += ["## Example", "", "```yaml", _yaml(example), "```", ""]
    lines += ["## Keys", ""]
    for title, node in _sections(root):
        lines += _section(root, title, node)
    return "\n".join(lines).rstrip() + "\n"


def outdated(folder: Path) -> list[Path]:
    """The files of `folder` that differ from what the schemas say, or are missing."""
    return [path for path, text in _pages(folder) if not path.is_file() or path.read_text("utf-8") != text]


def write(folder: Path) -> list[Path]:
    """Write all pages; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in _pages(folder):
        path.write_text(text, encoding="utf-8")
    return [path for path, _ in _pages(folder)]


def _pages(folder: Path) -> Iterator[tuple[Path, str]]:
    return ((folder / f"{FILES[kind]}.md", render(kind)) for kind in KINDS)


def _sections(root: Any) -> Iterator[tuple[str, Any]]:
    """Every object that has keys of its own: first those written in place, then the definitions."""
    yield from _inline("", root)
    for node in root.get("$defs", {}).values():
        if _has_page(node):
            yield from _inline(node["title"], node)


def _inline(title: str, node: Any) -> Iterator[tuple[str, Any]]:
    yield title, node
    for name, below in node.get("properties", {}).items():
        path = f"{title}.{name}" if title else name
        inner, suffix = _inner(below)
        if isinstance(inner, Mapping) and "$ref" not in inner and _has_page(inner):
            yield from _inline(path + suffix, inner)


def _inner(node: Any) -> tuple[Any, str]:
    """The object within lists and maps of it, with how a path writes that."""
    if isinstance(node, Mapping) and not node.get("properties"):
        if isinstance(node.get("items"), Mapping):
            inner, suffix = _inner(node["items"])
            return inner, "[]" + suffix
        if isinstance(node.get("additionalProperties"), Mapping):
            inner, suffix = _inner(node["additionalProperties"])
            return inner, ".<name>" + suffix
    return node, ""


def _has_page(node: Any) -> bool:
    return isinstance(node, Mapping) and bool(node.get("properties") or _branches(node))


def _section(root: Any, title: str, node: Any) -> list[str]:
    lines = [f"### {title}", "", node.get("description", ""), ""] if title else []
    rows = [_row(root, title, node, name) for name in node.get("properties", {})]
    if rows:
        lines += ["| key | value | meaning |", "| --- | --- | --- |", *rows, ""]
    lines += [line for note in _notes(root, node) for line in (note, "")]
    if title:
        for example in node.get("examples", ()):
            lines += ["```yaml", _yaml(example), "```", ""]
    return lines


def _row(root: Any, title: str, node: Any, name: str) -> str:
    below = node["properties"][name]
    required = " **(required)**" if name in node.get("required", ()) else ""
    value = _by_branch(root, node, name) or _value(root, below, f"{title}.{name}" if title else name)
    notes = [value, *_limits(below)]
    if "default" in below and not (below["default"] == {} and _has_page(below)):
        notes.append(f"default {_code(below['default'])}")
    meaning = _described(root, below)
    examples = below.get("examples", ())
    if examples and all(len(json.dumps(example)) < 80 for example in examples):
        meaning += f" For example {' or '.join(map(_code, examples))}."
    return f"| `{name}`{required} | {_cell('; '.join(notes))} | {_cell(meaning)} |"


def _by_branch(root: Any, node: Any, name: str) -> str:
    """The value of a key that by itself decides what the whole object is."""
    for part in node.get("allOf", ()):
        if part.get("if", {}).get("required") == [name] and "properties" not in part["if"]:
            below = resolve(root, part.get("then", {}).get("$ref", ""))
            if isinstance(below, Mapping):
                return f"see {_link(below['title'])}"
    return ""


def _described(root: Any, node: Any) -> str:
    if "description" not in node and "$ref" in node:
        return _described(root, resolve(root, node["$ref"]))
    return str(node.get("description", ""))


def _value(root: Any, node: Any, path: str) -> str:
    """What may stand there, with a link to where it is told in full."""
    if "$ref" in node:
        target = resolve(root, node["$ref"])
        linked = _has_page(target) and not _is_simple(target)
        return _link(target["title"]) if linked else _value(root, target, path)
    if "enum" in node:
        return " \\| ".join(map(_code, node["enum"]))
    if "const" in node:
        return _code(node["const"])
    if "$ref" in node.get("then", {}):
        return f"{_link(resolve(root, node['then']['$ref'])['title'])} or string"
    if _has_page(node):
        return f"{_kinds(node)}: {_link(path)}"
    return _plain_value(root, node, path)


def _plain_value(root: Any, node: Any, path: str) -> str:
    if "maxProperties" in node.get("items", {}):
        return f"list of `<name>:` {_value(root, node['items']['additionalProperties'], path + '[].<name>')}"
    if WORDS in node.get("items", {}):
        return f"list, each {_value(root, node['items'], path + '[]')}"
    if "items" in node:
        return f"list of {_plural(_value(root, node['items'], path + '[]'))}"
    if isinstance(node.get("additionalProperties"), Mapping):
        return f"map of name to {_value(root, node['additionalProperties'], path + '.<name>')}"
    if WORDS in node:
        return str(node[WORDS]).removeprefix("must be ").removeprefix("must ")
    return _kinds(node)


def _plural(value: str) -> str:
    return {"string": "strings", "object": "objects", "number": "numbers"}.get(value, value)


def _is_simple(node: Any) -> bool:
    return not (node.get("properties") or _branches(node))


def _kinds(node: Any) -> str:
    kinds = node.get("type", [])
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    bare = [type_name(name).removeprefix("a ").removeprefix("an ") for name in names]
    return " or ".join(bare) or "anything"


def _limits(node: Any) -> list[str]:
    if WORDS in node:
        return []
    texts = [text.format(node[key]) for key, text in _BOUNDS.items() if key in node]
    return ["not empty" if text == "at least 1 characters" else text for text in texts]


def _branches(node: Any) -> list[tuple[str, str, Any]]:
    """What a key or its value decides: the condition in words, the key it is about ("" for the whole object)
    and the schema that holds then."""
    found: list[tuple[str, str, Any]] = []
    for part in node.get("allOf", ()):
        then = part.get("then", {}) if "if" in part else {}
        if "$ref" in then:
            found.append((_condition(part["if"]), "", then))
        for key, below in then.get("properties", {}).items():
            if "$ref" in below:
                found.append((_condition(part["if"]), key, below))
    return found


def _condition(condition: Any) -> str:
    tests = [
        f"`{key}: {value}`"
        for key, test in condition.get("properties", {}).items()
        for value in test.get("enum", [test.get("const")])
    ]
    keys = [f"key `{key}`" for key in condition.get("required", ())]
    without = [f" without `{key}`" for key in condition.get("not", {}).get("required", ())]
    return (" or ".join(tests) or " and ".join(keys)) + "".join(without)


def _notes(root: Any, node: Any) -> Iterator[str]:
    for keyword in [node.get("oneOf"), *(part.get("oneOf") for part in node.get("allOf", ()))]:
        if keys := choices(keyword):
            yield f"Exactly one of {_codes(keys)}."
    for key, needs in node.get("dependentRequired", {}).items():
        yield f"`{key}` needs {_codes(needs)} beside it."
    if branches := [each for each in _branches(node) if not each[0].startswith("key ")]:
        links = [(words, f"`{key}`: " if key else "", then["$ref"]) for words, key, then in branches]
        rows = [f"| {words} | {key}{_link(resolve(root, name)['title'])} |" for words, key, name in links]
        yield "\n".join(["| with | it is |", "| --- | --- |", *rows])
    if node.get("additionalProperties") is True and node.get("properties"):
        yield "Other keys are allowed."


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if text else '`""`'


def _cell(text: str) -> str:
    return text.replace("\\|", "|").replace("|", "\\|").replace("\n", " ")


def _link(title: str) -> str:
    anchor = "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return f"[{title}](#{anchor})"


def _yaml(value: Any) -> str:
    return (
        yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100).rstrip().removesuffix("\n...")
    )


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` only compare; the exit status."""
    folder = next((Path(each) for each in arguments if not each.startswith("-")), FOLDER)
    if "--check" not in arguments:
        write(folder)
        return 0
    stale = outdated(folder)
    for path in stale:
        sys.stderr.write(f"{path} is out of date: run make docs\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
