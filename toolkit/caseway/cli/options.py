"""The options that every command shares; they may also stand before the command's name.

Rule: the environment is read once, at the root, so that a flag of a command always wins."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

import click

from caseway.cli.session import Session

TEXT_JSON = ("text", "json")
_ALL_FORMATS = ("text", "json", "github", "sarif", "markdown", "junit")

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _record(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(ctx: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        session = ctx.ensure_object(Session)
        if value not in {None, False, ""}:
            session.settings = replace(session.settings, **{name: value})
        return value

    return callback


def _color(ctx: click.Context, _parameter: click.Parameter, value: bool | None) -> None:
    if value is not None:
        ctx.color = value
        if ctx.parent is not None:
            ctx.parent.color = value


def _variable(name: str, root: bool) -> dict[str, Any]:
    return {"envvar": name, "show_envvar": True} if root else {}


def session_options(
    *, root: bool = False, formats: Sequence[str] = TEXT_JSON, project: bool = True, stage: bool = False
) -> Callable[[_Command], _Command]:
    """The options every command shares; they may also stand before the command's name."""

    def decorate(function: _Command) -> _Command:
        options = [
            click.option(
                "--format",
                type=click.Choice(formats if not root else _ALL_FORMATS),
                default=None,
                expose_value=False,
                is_eager=True,
                callback=_record("format"),
                help="Form of the output.",
                **_variable("CASEWAY_FORMAT", root),
            ),
            *(_project_options(root) if project or root else ()),
            *(_stage_option(root) if stage or root else ()),
            click.option(
                "--color/--no-color",
                default=None,
                expose_value=False,
                is_eager=True,
                callback=_color,
                help="Colour or not; otherwise only on a terminal without NO_COLOR.",
            ),
            click.option(
                "--debug",
                is_flag=True,
                expose_value=False,
                is_eager=True,
                callback=_record("debug"),
                help="Show tracebacks.",
                **_variable("CASEWAY_DEBUG", root),
            ),
        ]
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _project_options(root: bool) -> list[Callable[[_Command], _Command]]:
    return [
        click.option(
            "--project",
            "-C",
            "project_path",
            metavar="PATH",
            type=click.Path(),
            default=None,
            expose_value=False,
            callback=_record("path"),
            help="The project's folder; default: the nearest one upwards from here.",
            **_variable("CASEWAY_PROJECT", root),
        ),
        click.option(
            "--database-url",
            metavar="URL",
            default=None,
            expose_value=False,
            callback=_record("database_url"),
            help="The platform's database; default: .caseway/state.db under the project.",
            **_variable("CASEWAY_DATABASE_URL", root),
        ),
        click.option(
            "--server",
            metavar="URL",
            default=None,
            expose_value=False,
            callback=_record("server"),
            help="Work with the platform behind this server; its token is CASEWAY_TOKEN.",
            **_variable("CASEWAY_SERVER", root),
        ),
        click.option(
            "--organization",
            metavar="NAME",
            default=None,
            expose_value=False,
            callback=_record("organization"),
            help="The organization; default: the project's.",
            **_variable("CASEWAY_ORGANIZATION", root),
        ),
        click.option(
            "--overlay",
            metavar="NAME",
            default=None,
            expose_value=False,
            callback=_record("overlay"),
            help="The project as this overlay has it, for its organization.",
            **_variable("CASEWAY_OVERLAY", root),
        ),
    ]


def _stage_option(root: bool) -> list[Callable[[_Command], _Command]]:
    return [
        click.option(
            "--stage",
            metavar="NAME",
            default=None,
            expose_value=False,
            callback=_record("stage"),
            help="The stage meant, such as dev or prod.",
            **_variable("CASEWAY_STAGE", root),
        )
    ]


def with_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hand the session to a command as its first argument."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        context = click.get_current_context()
        session = context.ensure_object(Session)
        if not session.settings.actor:
            session.settings = replace(session.settings, actor=os.environ.get("CASEWAY_ACTOR", ""))
        return function(session, *args, **kwargs)

    return call
