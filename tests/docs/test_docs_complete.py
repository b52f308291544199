"""What there is, is documented: commands, rules, settings, schema keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest
from docs_pages import CLONE, all_text, examples, pages

from caseway.cli.main import cli
from caseway.repo.rules import RULES

TEXT = all_text()
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for room in ("toolkit", "runner")
    for path in sorted((CLONE / room).rglob("*.py"))
)


def _commands(group: click.Group, context: click.Context, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from _commands(command, click.Context(command, parent=context), (*path, name))


COMMANDS = sorted(_commands(cli, click.Context(cli), ("caseway",)))


def test_every_command_is_in_the_documentation() -> None:
    assert [" ".join(words) for words in COMMANDS if " ".join(words) not in TEXT] == []


def test_every_command_that_the_documentation_shows_exists() -> None:
    known = set(COMMANDS) | {("caseway",)}
    for page in pages():
        for example in examples(page):
            for line in re.findall(r"^\$ (caseway .*)$", example.text, re.MULTILINE):
                words = tuple(word for word in line.partition(" #")[0].split() if not word.startswith("-"))
                assert words[:2] in known, f"{example.place}: {line}"
                if any(len(item) > 2 and item[:2] == words[:2] for item in known):
                    assert words[:3] in known, f"{example.place}: {line}"


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_rule_has_a_section(code: str) -> None:
    rules = (CLONE / "docs" / "rules.md").read_text(encoding="utf-8")
    assert re.search(rf"^#+ .*{code}", rules, re.MULTILINE)


def test_every_rule_that_is_named_exists() -> None:
    named = set(re.findall(r"\bCW\d{3}\b", TEXT))
    assert named - set(RULES) == set()


def test_every_setting_is_in_the_table_of_settings() -> None:
    settings = (CLONE / "docs" / "settings.md").read_text(encoding="utf-8")
    used = set(re.findall(r"\"(CASEWAY_[A-Z_]*[A-Z])\"", SOURCES))
    assert {name for name in used if f"`{name}`" not in settings} == set()


def test_the_table_of_settings_names_no_setting_that_nobody_reads() -> None:
    settings = (CLONE / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(CASEWAY_[A-Z_]+)`", settings))
    assert {name for name in listed if name not in SOURCES} == set()


@pytest.mark.parametrize("schema", sorted((CLONE / "schemas").glob("*.json")), ids=lambda path: path.name)
def test_every_schema_key_is_in_the_reference(schema: Any) -> None:
    page = CLONE / "docs" / "reference" / f"{schema.name.removesuffix('.schema.json')}.md"
    text = page.read_text(encoding="utf-8")
    keys = set(_keys(json.loads(schema.read_text(encoding="utf-8")))) - {"$schema"}
    assert {key for key in keys if key not in text} == set()


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        properties = value.get("properties")
        if isinstance(properties, dict) and all(
            isinstance(item, (dict, bool)) for item in properties.values()
        ):
            yield from properties
        for name, item in value.items():
            if name not in {"examples", "default", "const", "enum"}:
                yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)
