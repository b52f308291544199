"""Asks for what must not stand on a command line: unseen on a terminal, else a line of stdin each."""

from __future__ import annotations

import sys

import click


def asked(what: str) -> str:
    """What was typed, or the next line of stdin."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    line = sys.stdin.readline()
    if not line:
        raise click.UsageError(f"no {what} on stdin")
    return line.rstrip("\r\n")


def new_password() -> str:
    """A password, on a terminal typed twice."""
    if not sys.stdin.isatty():
        return asked("new password")
    return str(click.prompt("new password", hide_input=True, err=True, confirmation_prompt=True))
