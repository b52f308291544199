"""The documents under tests/data/schemas, and how they are read: YAML 1.2 booleans, no timestamps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "schemas"
SPECIFICATION = ROOT.parent / "shared" / "reference" / "spec"
_LEFT_OUT = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012 - pyyaml's own way
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _LEFT_OUT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(_LEFT_OUT[0], re.compile("^(true|false|True|False|TRUE|FALSE)$"), list("tTfF"))


def load(path: Path) -> Any:
    """The one document of a file."""
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)


def cases(verdict: str) -> list[tuple[str, Path]]:
    """Kind and file of every case: `<verdict>/<kind>/<case>.yaml`."""
    return [(path.parent.name, path) for path in sorted((DATA / verdict).glob("*/*.yaml"))]


def expectations(path: Path) -> list[tuple[str, str]]:
    """Pointer and part of a message, one pair per `# expect: <pointer> <message part>` line; the pointer of
    the root is written `#`."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# expect: ")]
    pairs = [line.removeprefix("# expect: ").split(" ", 1) for line in lines]
    return [("" if place == "#" else place, part) for place, part in pairs]


APPLICATORS = ("additionalProperties", "items", "if", "then", "else", "not", "propertyNames")


def nodes(node: Any, pointer: str = "#") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema within a schema, with where it is."""
    if not isinstance(node, Mapping):
        return
    yield pointer, node
    for key in ("properties", "patternProperties", "$defs"):
        for name, below in node.get(key, {}).items():
            yield from nodes(below, f"{pointer}/{key}/{name}")
    for key in ("allOf", "anyOf", "oneOf"):
        for index, below in enumerate(node.get(key, ())):
            yield from nodes(below, f"{pointer}/{key}/{index}")
    for key in APPLICATORS:
        yield from nodes(node.get(key), f"{pointer}/{key}")
