"""How a local run decides approvals: beforehand with --decide, else by asking at the terminal."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

import click

from caseway.cli.output import clean, paint, say
from caseway_runner import ApprovalRequest, Decision

WORDS = {"approve": True, "approved": True, "yes": True, "reject": False, "rejected": False, "no": False}


def decisions_from(given: tuple[str, ...], actor: str) -> dict[str, Decision]:
    """`("approve", "ask=reject", "/do/1/ask=approve:{\"n\": 1}")` by task; "" stands for all others."""
    found: dict[str, Decision] = {}
    for text in given:
        head, colon, data = text.partition(":")
        task, equals, word = head.rpartition("=")
        if not equals:
            task, word = "", head
        if word not in WORDS:
            raise click.BadParameter(
                f"{text!r} is not [TASK=]approve or [TASK=]reject, with :JSON after it for data",
                param_hint="--decide",
            )
        found[task] = Decision(WORDS[word], _json(data) if colon else None, actor, _now())
    return found


def asker(actor: str) -> Any:
    """Asks at the terminal; None when there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(asked: ApprovalRequest) -> Decision | None:
        _show(asked)
        while True:
            try:
                click.echo("approve or reject? [a/r] ", nl=False, err=True)
                answer = sys.stdin.readline()
            except (OSError, ValueError):
                return None
            if not answer:
                return None
            word = answer.strip().lower()
            if word and "approve".startswith(word):
                return Decision(True, _asked_data(asked), actor, _now())
            if word and "reject".startswith(word):
                return Decision(False, None, actor, _now())

    return ask


def _show(asked: ApprovalRequest) -> None:
    say(paint(clean(asked.title), "", bold=True), err=True)
    if asked.message:
        say(clean(asked.message, lines=True), err=True)
    if asked.data is not None:
        say(clean(json.dumps(asked.data, indent=2, ensure_ascii=False), lines=True), err=True)


def _asked_data(asked: ApprovalRequest) -> Any:
    if asked.schema is None:
        return None
    while True:
        click.echo("data (JSON): ", nl=False, err=True)
        text = sys.stdin.readline().strip()
        try:
            return json.loads(text or "null")
        except ValueError as error:
            say(f"not JSON: {error}", err=True)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--decide") from error


def _now() -> str:
    return datetime.now(UTC).isoformat()
