"""A plan for a pull request: a table of what happens, details folded away, never too long to be posted.

What takes things away comes first and is the last to be cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from caseway.model.plan import Action, Kind, Plan
from caseway.reconcile.grouped import DESTRUCTIVE, Group, counts, grouped, note, origin, symbol
from caseway.reconcile.shown import fitted, plain
from caseway.reconcile.text import Page, change_lines

LIMIT = 65_536
_MARGIN = 200  # for the line that says what was cut
_CELL = 200
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#!&])")
_LINKED = re.compile(r"(@|:(?=//)|\bwww\.|#(?=\d)|\bGH-(?=\d))", re.IGNORECASE)
_TICKS = re.compile(r"`+")


def as_markdown(plan: Plan, limit: int = LIMIT) -> str:
    """The plan as GitHub-flavoured Markdown of at most `limit` characters."""
    lines = list(_head(plan))
    destructive = [action for action in plan.actions if action.verb in DESTRUCTIVE]
    others = [action for action in plan.actions if action.verb not in DESTRUCTIVE]
    lines += _table(destructive, "Takes away", _left(lines, limit))
    lines += _remarks("Blocked", plan.blocked, _left(lines, limit))
    lines += _table(others, "Does", _left(lines, limit))
    lines += _remarks("Notices", plan.notices, _left(lines, limit))
    lines += _all_details(plan, _left(lines, limit))
    return "\n".join(lines)[:limit].rstrip() + "\n"


def inline(text: str) -> str:
    """`text` as Markdown that shows just these characters: no markup, no links, no mentions."""
    return _inert(_SPECIAL.sub(r"\\\1", fitted(plain(text), _CELL)))


def _inert(text: str) -> str:
    """A zero-width space inside of what forges turn into links: nobody is notified, and readers see no
    difference. They look for it after Markdown was read, so that a back-slash alone would not do."""
    return _LINKED.sub("\\1\u200b", text)


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of back-ticks in it."""
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _head(plan: Plan) -> Iterator[str]:
    yield f"### Caseway plan: {inline(plan.project)}"
    yield ""
    if plan.is_empty:
        words = "It is blocked." if plan.blocked else "Nothing to do"
        yield f"**{words}** ({counts(plan)}), from {inline(origin(plan))}."
    else:
        blocked = " **It is blocked and cannot be applied.**" if plan.blocked else ""
        yield f"**{counts(plan)}**, from {inline(origin(plan))}.{blocked}"
    yield ""


def _remarks(title: str, remarks: Sequence[str], room: int) -> list[str]:
    if not remarks:
        return []
    rows = [f"- {inline(remark)}" for remark in remarks]
    return [f"**{title}**", "", *_rows(rows, room, "- … and {} more"), ""]


def _table(actions: list[Action], title: str, room: int) -> list[str]:
    """The rows that fit; what does not is named in a list, and what does not fit even so is counted."""
    if not actions:
        return []
    lines = [f"| | {title} | Name | Why |", "|---|---|---|---|"]
    room -= sum(len(line) + 1 for line in lines) + 1
    rows = [_row(action) for action in actions]
    if sum(len(row) + 1 for row in rows) > room:
        rows = _short_rows(actions)
    return [*lines, *_rows(rows, room, "| | … and {} more | | |"), ""]


def _rows(rows: Sequence[str], room: int, more: str) -> Iterator[str]:
    """As many rows as there is room for, then how many there are besides."""
    for index, row in enumerate(rows):
        room -= len(row) + 1
        if room < 0:
            yield more.format(len(rows) - index)
            return
        yield row


def _row(action: Action) -> str:
    why = note(action) + (f" — ⚠ {action.warning}" if action.warning else "")
    return f"| `{symbol(action)}` | {_what(action)} | {inline(action.name)} | {inline(why)} |"


def _short_rows(actions: Iterable[Action]) -> list[str]:
    return [f"| `{symbol(action)}` | {_what(action)} | {inline(action.name)} | |" for action in actions]


def _what(action: Action) -> str:
    return action.verb.value if action.kind is Kind.DEPLOYMENT else f"{action.verb} {action.kind}"


def _all_details(plan: Plan, room: int) -> Iterator[str]:
    """The details, use case by use case, until there is no more room."""
    for group in grouped(plan):
        lines = _details(group)
        room -= sum(len(line) + 1 for line in lines)
        if room < 0:
            yield "*The remaining details are left out: too long.*"
            return
        yield from lines


def _details(group: Group) -> list[str]:
    page = Page(color=False, width=120)
    lines: list[str] = []
    for action in group.actions:
        if action.changes:
            lines.append(plain(f"{_what(action)} {action.name}"))
            lines += (line.lstrip() for line in change_lines(action.changes, page, 0))
    if not lines:
        return []
    # In `diff`, lines that start with - and + are coloured; a change of a value gets !.
    body = fenced("\n".join(re.sub(r"^~ ", "! ", line) for line in lines), "diff")
    return ["<details>", f"<summary>{_html(group.title)}</summary>", "", body, "", "</details>", ""]


def _html(text: str) -> str:
    return _inert(plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _left(lines: list[str], limit: int) -> int:
    return limit - _MARGIN - sum(len(line) + 1 for line in lines)
