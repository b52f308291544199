"""The composition root of the command line: flags, then CASEWAY_* variables, then caseway.yaml.

Rule: only this module reads the environment for settings; everything below receives values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from caseway.platform.compose import Platform

PROJECT_FILES = ("caseway.yaml", "caseway.yml", "caseway.json")
JSON_FORMATS = ("json", "sarif")
TEXT_JSON = ("text", "json")

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Settings:
    """What flags and environment said. "" means nothing was said."""

    format: str = "text"
    debug: bool = False
    path: str = ""
    database_url: str = ""
    organization: str = ""
    stage: str = ""
    actor: str = ""


@dataclass(slots=True)
class Session:
    """One call of the command line: its settings and, once asked for, the open platform."""

    settings: Settings = field(default_factory=Settings)

    @property
    def is_json(self) -> bool:
        """Whether stdout carries JSON."""
        return self.settings.format == "json"

    @property
    def is_text(self) -> bool:
        """Whether stdout is for people."""
        return self.settings.format != "json"

    @property
    def start(self) -> Path:
        """The folder commands start from: -C, else the current one."""
        return Path(self.settings.path or ".")

    def project_root(self, path: str | None = None) -> Path:
        """The nearest folder upwards that holds a caseway.yaml; the starting folder when there is none."""
        start = (self.start / path if path else self.start).resolve()
        if not start.exists():
            raise CasewayError(f"no such path: {start}", code="no-such-path", hint="give a project's folder")
        if start.is_file():
            start = start.parent
        for folder in (start, *start.parents):
            if has_project_file(folder):
                return folder
        return start

    def database_url(self, root: Path) -> str:
        """Where the platform's store is: a setting, else `.caseway/state.db` under the project."""
        return self.settings.database_url or f"sqlite:///{root / '.caseway' / 'state.db'}"

    def actor(self) -> str:
        """Who does it, for the audit: CASEWAY_ACTOR, else the user's login name."""
        return self.settings.actor or os.environ.get("USER", "") or "local"

    @contextmanager
    def platform(self, path: str | None = None, *, create: bool = False) -> Iterator[Platform]:
        """The open platform of the project; an error when there is none yet, unless `create`."""
        refuse_remote()
        root = self.project_root(path)
        url = self.database_url(root)
        prepare_sqlite(url, create=create)
        from caseway.cli.local import open_local

        with open_local(url, secret_key=os.environ.get("CASEWAY_SECRET_KEY", "")) as platform:
            yield platform

    def organization(self) -> str:
        """The organization meant: a setting, else what caseway.yaml says."""
        if self.settings.organization:
            return self.settings.organization
        from caseway.cli.local import organization_of

        return organization_of(self.project_root())

    @contextmanager
    def acting(self) -> Iterator[tuple[Platform, str]]:
        """The open platform and the organization: what every steering command needs."""
        organization = self.organization()
        with self.platform() as platform:
            yield platform, organization


def has_project_file(folder: Path) -> bool:
    """Whether `folder` is a project's root."""
    return any((folder / name).is_file() for name in PROJECT_FILES)


def refuse_remote() -> None:
    """An honest stop for what this version cannot do yet: work against a server."""
    if os.environ.get("CASEWAY_SERVER"):
        raise CasewayError(
            "CASEWAY_SERVER is set, but this version works on its own database only",
            code="remote-unsupported",
            hint="unset CASEWAY_SERVER, and set CASEWAY_DATABASE_URL to choose the database",
        )


def sqlite_file(url: str) -> Path | None:
    """The file behind a SQLite URL, None for memory and for other databases."""
    prefix = "sqlite:///"
    if not url.startswith(prefix):
        return None
    name = url[len(prefix) :].split("?", 1)[0]
    return None if name in {"", ":memory:"} else Path(name)


def prepare_sqlite(url: str, *, create: bool) -> None:
    """Make the folder of a SQLite file when `create`; refuse a missing file otherwise."""
    file = sqlite_file(url)
    if file is None or file.exists():
        return
    if not create:
        raise CasewayError(
            "there is no platform here yet",
            code="no-platform",
            place=str(file),
            hint="run 'caseway apply' first",
        )
    is_own = file.parent.name == ".caseway" and not file.parent.exists()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if is_own:  # state is never committed, whatever the project's own .gitignore says
        (file.parent / ".gitignore").write_text("*\n")


def asked_for(args: Sequence[str], flag: str, variable: str) -> str:
    """What a flag was given on the raw command line, for use before or after click has parsed it."""
    found = ""
    for at, word in enumerate(args):
        if word == flag:
            found = args[at + 1] if at + 1 < len(args) and not args[at + 1].startswith("-") else "1"
        elif word.startswith(flag + "="):
            found = word.partition("=")[2]
    return found or os.environ.get(variable, "")


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
    """The environment is read once, at the root, so that a flag of a command always wins."""
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


_ALL_FORMATS = ("text", "json", "github", "sarif", "markdown", "junit")


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
            "--organization",
            metavar="NAME",
            default=None,
            expose_value=False,
            callback=_record("organization"),
            help="The organization; default: the project's.",
            **_variable("CASEWAY_ORGANIZATION", root),
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
