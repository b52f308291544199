"""The command lines that the pages show, in blocks and in prose, held against what there is to call."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from docs_pages import CLONE, examples, prose_with_code

_START = re.compile(r"(?:^|[$(&|;] ?|\[|-- )(caseway -?[a-z][^|&;>\]]*)")


@dataclass(frozen=True)
class Command:
    """One call of the command line, and where it is shown."""

    words: tuple[str, ...]
    place: str


def shown(page: Path) -> Iterator[Command]:
    """Every call that the page shows: in blocks for a terminal, a script or a pipeline, and in prose."""
    for example in examples(page):
        if example.language in {"console", "sh", "bash", "yaml"}:
            yield from _of(example.text, example.place, example.language == "console")
    for code in re.findall(r"`(caseway [^`]+)`", prose_with_code(page)):
        yield from _of(code.replace("\n", " "), str(page.relative_to(CLONE)), is_prompted=False)


def _of(text: str, place: str, is_prompted: bool) -> Iterator[Command]:
    for line in text.replace("\\\n", " ").splitlines():
        typed = line.strip()
        if is_prompted and not typed.startswith("$ "):
            continue
        typed = re.sub(r"^script: ", "", typed.removeprefix("$ ")).partition(" #")[0].strip()
        for found in _START.findall(typed):
            yield Command(tuple(shlex.split(found.replace("'…'", "…")))[1:], f"{place}: {typed}")


def fault(group: click.Command, words: Sequence[str]) -> str:
    """Why the command line would not take these words; "" when it would. Nothing is called."""
    command, context, rest = group, click.Context(group, info_name="caseway"), list(words)
    try:
        while isinstance(command, click.Group):
            _, rest, _ = command.make_parser(context).parse_args(rest)
            if not rest:
                return ""
            found = command.get_command(context, rest[0])
            if found is None:
                return f"there is no {context.command_path} {rest[0]}"
            command, context = found, click.Context(found, info_name=rest.pop(0), parent=context)
        values, rest, _ = command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        return error.format_message()
    given = {name: value if isinstance(value, (list, tuple)) else (value,) for name, value in values.items()}
    wrong = [
        f"{parameter.name} is no {value!r}"
        for parameter in command.get_params(context)
        if isinstance(parameter.type, click.Choice)
        for value in given.get(parameter.name or "", ())
        if isinstance(value, str)
        and value not in {str(getattr(each, "value", each)) for each in parameter.type.choices}
    ]
    return "; ".join(wrong + [f"{word!r} is too much" for word in rest])
