"""The composition root of the command line: flags, then CASEWAY_* variables, then caseway.yaml.

Rule: only this module reads the environment for settings; everything below receives values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from caseway.cli.project_folder import has_project_file
from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from caseway.operations.client import Client
    from caseway.platform.compose import Platform

JSON_FORMATS = ("json", "sarif")


@dataclass(frozen=True, slots=True)
class Settings:
    """What flags and environment said. "" means nothing was said."""

    format: str = "text"
    debug: bool = False
    path: str = ""
    database_url: str = ""
    organization: str = ""
    stage: str = ""
    overlay: str = ""
    actor: str = ""
    server: str = ""


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

    def project_root(self, path: str | Path | None = None) -> Path:
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

    @property
    def is_remote(self) -> bool:
        """Whether the platform is behind a server."""
        return bool(self.settings.server)

    @contextmanager
    def platform(
        self, path: str | Path | None = None, *, create: bool = False, base_url: str = ""
    ) -> Iterator[Platform]:
        """The open platform of the project; an error when there is none yet, unless `create`. For what makes
        sense on the platform's own machine only; everything else goes through `client`."""
        self.refuse_remote()
        root = self.project_root(path)
        url = self.database_url(root)
        prepare_sqlite(url, create=create)
        from caseway.cli.credential_sources import provider_in, sources_in
        from caseway.cli.local import open_local
        from caseway.platform.queue import telling

        key = os.environ.get("CASEWAY_SECRET_KEY", "")
        base_url = base_url or os.environ.get("CASEWAY_BASE_URL", "")
        size = os.environ.get("CASEWAY_ARTIFACT_BYTES", "")
        store = os.environ.get("CASEWAY_ARTIFACT_STORE", "")
        with (
            open_local(
                url,
                secret_key=key,
                base_url=base_url,
                artifacts=(size, store),
                sources=sources_in(os.environ),
                provider=provider_in(os.environ),
            ) as platform,
            telling(platform, url, os.environ.get("CASEWAY_QUEUE_URL", "")),
        ):
            yield platform

    @contextmanager
    def client(
        self, path: str | Path | None = None, organization: str = "", *, create: bool = False
    ) -> Iterator[Client]:
        """What to ask the platform through: the server's when one is set, else the project's own."""
        if self.is_remote:
            from caseway.cli.kept_tokens import token_for
            from caseway.operations.remote_client import RemoteClient

            with RemoteClient(self.settings.server, token_for(self.settings.server)) as remote:
                yield remote
            return
        organization = organization or self.organization()
        with self.platform(path, create=create) as platform:
            from caseway.model.access import local
            from caseway.operations.local_client import LocalClient

            yield LocalClient(platform, local(organization, self.actor()))

    @contextmanager
    def planner(self, folder: Path, organization: str) -> Iterator[Client]:
        """As `client`, where asking alone must not make a database: planned is against an empty one."""
        file = None if self.is_remote else sqlite_file(self.database_url(self.project_root(folder)))
        if file is None or file.exists():
            with self.client(folder, organization) as client:
                yield client
            return
        from caseway.cli.engine_facts import ask_engine
        from caseway.operations.local_client import EmptyClient

        yield EmptyClient(str(file), ask_engine)

    def refuse_remote(self) -> None:
        """Raise for what is done on the platform's own machine, when CASEWAY_SERVER points elsewhere."""
        if self.is_remote:
            raise CasewayError(
                "this works on the platform's own database, and CASEWAY_SERVER is set",
                code="local-only",
                hint="run it where the server runs, with CASEWAY_SERVER unset and CASEWAY_DATABASE_URL set",
            )

    def organization(self) -> str:
        """The organization meant: a setting, else what caseway.yaml says."""
        if self.settings.organization:
            return self.settings.organization
        from caseway.cli.local import organization_of

        return organization_of(self.project_root(), self.settings.overlay)

    @contextmanager
    def acting(self) -> Iterator[tuple[Platform, str]]:
        """The open platform and the organization: what every steering command needs."""
        organization = self.organization()
        with self.platform() as platform:
            yield platform, organization


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
