"""Asks before something is gone."""

from __future__ import annotations

import sys

import click

from caseway.cli.session import Session
from caseway.model.errors import CasewayError


def confirm(session: Session, question: str, *, is_sure: bool) -> None:
    """Go on only after a yes; where nobody can be asked, only with --yes."""
    if is_sure:
        return
    if session.is_json or not sys.stdin.isatty():
        raise CasewayError(f"{question} There is nobody to ask.", code="confirm", hint="add --yes")
    click.confirm(question, abort=True, err=True)
