"""A plan for people at a terminal: what happens, to what, why, field by field."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from caseway.model.plan import Action, Change, Kind, Plan
from caseway.reconcile.grouped import Group, counts, grouped, label, note, origin, subject, symbol
from caseway.reconcile.shown import columns, fitted, padded, path, plain, value

_COLOURS = {"+": "32", "~": "33", "-": "31", "⏸": "33", "▶": "32", "↻": "36", "▲": "36"}
_BOLD, _DIM, _RED, _YELLOW = "1", "2", "31", "33"
_MOST_CHANGES = 20
_WIDEST_PATH = 44
_NARROWEST = 60


@dataclass(frozen=True, slots=True)
class Page:
    """Where text goes: whether it may be coloured, and how wide it is."""

    color: bool
    width: int

    def paint(self, text: str, code: str) -> str:
        """`text` in a colour, when there are any."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text


def as_text(plan: Plan, *, color: bool = False, width: int = 100) -> str:
    """The plan in words, ending with a line feed. Lines fit `width` where that is possible at all."""
    page = Page(color, max(width, _NARROWEST))
    return "\n".join(_lines(plan, page)) + "\n"


def change_lines(changes: Iterable[Change], page: Page, indent: int) -> Iterator[str]:
    """The field changes, aligned; the tail is counted, not shown."""
    every = list(changes)
    shown = [(change, fitted(path(change.path) or "(all)", _WIDEST_PATH)) for change in every[:_MOST_CHANGES]]
    wide = max((columns(name) for _, name in shown), default=0)
    for change, name in shown:
        room = page.width - indent - wide - 5
        yield f"{' ' * indent}{_sign(change, page)} {padded(name, wide)}  {_values(change, room)}"
    if len(every) > len(shown):
        yield " " * indent + page.paint(f"… and {len(every) - len(shown)} more fields", _DIM)


def _lines(plan: Plan, page: Page) -> Iterator[str]:
    yield page.paint(plain(f"{plan.project}"), _BOLD) + page.paint(
        plain(f" · organization {plan.organization} · {origin(plan)}"), _DIM
    )
    yield ""
    for group in grouped(plan):
        yield from _group(group, page)
        yield ""
    yield from _remarks("Blocked", "✗", plan.blocked, page, _RED)
    yield from _remarks("Notices", "•", plan.notices, page, _YELLOW)
    yield page.paint(_conclusion(plan), _BOLD)


def _conclusion(plan: Plan) -> str:
    if plan.is_empty and plan.blocked:
        return "Nothing can be done: the plan is blocked."
    if plan.is_empty:
        return f"Nothing to do: {plan.summary.unchanged} unchanged."
    blocked = " It is blocked and cannot be applied." if plan.blocked else ""
    return f"Plan: {counts(plan)}.{blocked}"


def _remarks(title: str, sign: str, remarks: tuple[str, ...], page: Page, code: str) -> Iterator[str]:
    if not remarks:
        return
    yield page.paint(title, _BOLD)
    for remark in remarks:
        first, *more = textwrap.wrap(plain(remark), page.width - 4, break_on_hyphens=False) or [""]
        yield f"  {page.paint(sign, code)} {first}"
        yield from (f"    {line}" for line in more)
    yield ""


def _group(group: Group, page: Page) -> Iterator[str]:
    yield page.paint(plain(group.title), _BOLD)
    heads = [(action, label(action), plain(subject(action))) for action in group.actions]
    wide_word = max(columns(word) for _, word, _ in heads)
    wide_name = min(max(columns(name) for _, _, name in heads), _WIDEST_PATH)
    for action, word, name in heads:
        head = f"{padded(word, wide_word)}  {padded(fitted(name, _WIDEST_PATH), wide_name)}"
        sign = symbol(action)
        yield f"  {page.paint(sign, _COLOURS[sign])} {head}  {page.paint(plain(note(action)), _DIM)}".rstrip()
        if action.warning:
            yield f"      {page.paint(f'! {plain(action.warning)}', _YELLOW)}"
        if _is_worth_showing(action):
            yield from change_lines(action.changes, page, 6)


def _is_worth_showing(action: Action) -> bool:
    """A new thing's fields are the file its author just wrote; only an instance's are few enough to help.
    A template's are what it has over the one before."""
    match action.kind:
        case Kind.DEPLOYMENT:
            return False
        case Kind.INSTANCE | Kind.TEMPLATE:
            return True
        case _:
            return any(change.before is not None for change in action.changes)


def _sign(change: Change, page: Page) -> str:
    sign = "+" if change.before is None else "-" if change.after is None else "~"
    return page.paint(sign, _COLOURS[sign])


def _values(change: Change, room: int) -> str:
    if change.before is None:
        return value(change.after, max(room, 20))
    if change.after is None:
        return value(change.before, max(room, 20))
    if change.before == change.after:
        return f"{value(change.after, max(room, 20))} (changed)"
    half = max((room - 3) // 2, 10)
    before = value(change.before, half)
    return f"{before} → {value(change.after, max(room - 3 - columns(before), half))}"
