"""The checks of `caseway doctor`: one function per question, each answers with findings."""

from __future__ import annotations

import os
import platform as machine
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from caseway.cli.project_folder import has_project_file
from caseway.cli.session import Session, sqlite_file
from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from caseway.platform.compose import Platform

PYTHON = (3, 11)
SQLITE = (3, 35, 0)  # RETURNING
GIT = (2, 30)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `state` is ok, warning, error or skipped."""

    check: str
    state: str
    message: str
    hint: str = ""


Check = Callable[[Session], Iterator[Finding]]


def examine(session: Session) -> list[Finding]:
    """All findings, in the order in which one thing stands on the other."""
    return [finding for check in CHECKS for finding in _guarded(check, session)]


def _guarded(check: Check, session: Session) -> Iterator[Finding]:
    """A check that cannot be made is a finding as well."""
    try:
        yield from check(session)
    except CasewayError as error:
        yield Finding(_name(check), "error", error.message, error.hint)
    except OSError as error:
        yield Finding(_name(check), "error", str(error), "")


def _name(check: Check) -> str:
    return getattr(check, "__name__", "check").removeprefix("_").replace("_", " ")


def _python(_: Session) -> Iterator[Finding]:
    version = machine.python_version()
    if sys.version_info < PYTHON:
        yield Finding("python", "error", version, "Caseway needs Python 3.11 or newer")
    else:
        yield Finding("python", "ok", version)


def _git(_: Session) -> Iterator[Finding]:
    found = shutil.which("git")
    if found is None:
        yield Finding("git", "error", "not found", "install git")
        return
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - the user's git
    words = answer.stdout.split()
    version = words[2] if len(words) > 2 else "?"
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    is_old = numbers < GIT
    yield Finding("git", "warning" if is_old else "ok", version, "2.30 or newer is tested" if is_old else "")


def _sqlite(_: Session) -> Iterator[Finding]:
    is_old = sqlite3.sqlite_version_info < SQLITE
    hint = "SQLite 3.35 or newer is needed" if is_old else ""
    yield Finding("sqlite", "error" if is_old else "ok", sqlite3.sqlite_version, hint)


def _project(session: Session) -> Iterator[Finding]:
    root = session.project_root()
    if not has_project_file(root):
        yield Finding("project", "warning", f"no caseway.yaml in {root} or above", "run 'caseway init'")
        return
    from caseway.delivery.reading import is_bad, read_project

    reading = read_project(root)
    if is_bad(reading.diagnostics, strict=False):
        errors = sum(item.severity == "error" for item in reading.diagnostics)
        yield Finding("project", "error", f"{errors} errors", "'caseway validate' shows them")
    else:
        count = sum(len(desired.use_cases) for desired in reading.desired)
        yield Finding("project", "ok", f"valid, {count} use cases")


def _server(session: Session) -> Iterator[Finding]:
    """With CASEWAY_SERVER the platform is elsewhere: what stands on this machine's database is not asked."""
    if session.is_remote:
        with session.client() as client:
            told = client.call("status.get")
        who = f"organization {told['organization']}, as {told['caller']}"
        yield Finding("server", "ok", f"{session.settings.server} answers, version {told['version']}; {who}")


def _database(session: Session) -> Iterator[Finding]:
    if session.is_remote:
        return
    with _opened(session) as found:
        if found is None:
            yield Finding("database", "skipped", "there is none yet", "'caseway apply' makes it")
            return
        from caseway.platform.snapshot import current_revision

        revision = current_revision(found.database)
        yield Finding("database", "ok", f"reachable and migrated, revision {revision}")


def _key_file(session: Session) -> Iterator[Finding]:
    if session.is_remote:
        return
    if os.environ.get("CASEWAY_SECRET_KEY"):
        yield Finding("secret key", "ok", "from CASEWAY_SECRET_KEY")
        return
    file = sqlite_file(session.database_url(session.project_root()))
    key = file.parent / "secret.key" if file is not None else None
    if key is None or not key.exists():
        yield Finding("secret key", "skipped", "none yet; the first credential makes one")
        return
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o077:
        yield Finding("secret key", "error", f"{key} may be read by others ({mode:o})", f"chmod 600 {key}")
    else:
        yield Finding("secret key", "ok", f"{key}, readable by its owner only")


def _cache(_: Session) -> Iterator[Finding]:
    from caseway.repo.cache import user_folder

    folder = user_folder()
    around = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(around, os.W_OK):
        hint = "set XDG_CACHE_HOME to a folder you may write; without a cache everything is read anew"
        yield Finding("cache", "warning", f"{around} cannot be written", hint)
        return
    file = folder / "cache.sqlite"
    size = file.stat().st_size if file.exists() else 0
    yield Finding("cache", "ok", f"{folder}, {size / 1e6:.1f} MB")


def _leases(session: Session) -> Iterator[Finding]:
    with _opened(session) as found:
        if found is None:
            return
        from caseway.platform.health import stale_leases

        stale = stale_leases(found)
        for name, owner in stale:
            hint = "nothing to do: the next apply takes it over"
            yield Finding("leases", "warning", f"{name} was held by {owner}, which is gone", hint)
        if not stale:
            yield Finding("leases", "ok", "none left behind")


def _stuck(session: Session) -> Iterator[Finding]:
    with _opened(session) as found:
        if found is None:
            return
        from caseway.platform.health import stuck_executions

        for execution, worker in stuck_executions(found, session.organization()):
            hint = f"caseway executions resume {execution}"
            yield Finding("executions", "warning", f"{execution} lost its worker {worker}", hint)


def _platform(session: Session) -> Iterator[Finding]:
    """Why it does not deploy, is not called, fails at once, is slow: the platform's own answers."""
    if not session.is_remote:
        with _opened(session) as found:
            if found is None:
                return
    with session.client() as client:
        for each in client.call("doctor.examine")["findings"]:
            yield Finding(**each)


def _templates(session: Session) -> Iterator[Finding]:
    with _opened(session) as found:
        if found is None:
            return
        from caseway.platform.keeping import damaged

        broken = damaged(found, session.organization())
        for name in broken:
            hint = "the store was changed by other means than Caseway; restore it from a backup"
            yield Finding("templates", "error", f"{name} is not what its digest says", hint)
        if not broken:
            yield Finding("templates", "ok", "all are what their digests say")


@contextmanager
def _opened(session: Session) -> Iterator[Platform | None]:
    """The platform for one check, None when there is no database yet, or it is a server's."""
    if session.is_remote:
        yield None
        return
    file = sqlite_file(session.database_url(session.project_root()))
    if file is not None and not file.exists():
        yield None
        return
    with session.platform() as found:
        yield found


CHECKS: tuple[Check, ...] = (
    _python,
    _git,
    _sqlite,
    _project,
    _server,
    _database,
    _key_file,
    _cache,
    _leases,
    _stuck,
    _templates,
    _platform,
)
