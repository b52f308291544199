"""Answers a plan that is known to say "nothing to do" without reading the repo again.

Rule: remembered is only the text of an empty plan, under everything it was made from: the commit and its
clean tree, this version of Caseway, the store and its revision, every option. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from caseway.cli.output import has_colour
from caseway.cli.session import Session, sqlite_file
from caseway.repo.cache import Cache, tool_stamp, user_folder

if TYPE_CHECKING:
    from caseway.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked to be planned."""

    path: str | None
    ref: str | None
    prune: bool
    allow_mass_delete: bool


def remembered(key: str) -> str | None:
    """The text of the plan when it is known to be empty, else None."""
    if not key:
        return None
    with _opened_cache() as cache:
        return cache.get(key)


def remember(key: str, session: Session, question: Question, plans: Sequence[Plan], text: str) -> None:
    """Keep the text of an empty plan under the key from before it was made, unless anything has changed in
    between: then nobody knows which of the two was read."""
    if any(not plan.is_empty or plan.blocked for plan in plans):
        return
    if key and key == plan_key(session, question):
        with _opened_cache() as cache:
            cache.put(key, text)


def plan_key(session: Session, question: Question) -> str:
    """All that the text of a plan depends on, to be asked before anything is read; "" when that cannot be
    known cheaply."""
    if session.is_remote:
        return ""
    root = session.project_root(question.path)
    store = _store_identity(session.database_url(root))
    if not store:
        return ""
    from caseway.repo.fingerprint import read_fingerprint

    tree = read_fingerprint(root, question.ref)
    if not tree:
        return ""
    settings = session.settings
    form = [settings.format, has_colour(), shutil.get_terminal_size((100, 24)).columns]
    facts = [tree, store, astuple(question), settings.organization, settings.overlay, settings.stage, form]
    return "plan " + hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _opened_cache() -> Cache:
    return Cache(user_folder(), tool_stamp())


def _store_identity(url: str) -> list[object]:
    """File and revision of a SQLite store, read without SQLAlchemy; empty when it cannot be known so."""
    file = sqlite_file(url)
    if file is None or not file.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{_quoted(file)}?mode=ro", uri=True, timeout=5)) as connection:
            row = connection.execute("select revision from store").fetchone()
            schema = connection.execute("select version_num from alembic_version").fetchone()
    except sqlite3.Error:
        return []
    facts = file.stat()
    return [str(file.resolve()), facts.st_dev, facts.st_ino, row[0], schema[0]] if row and schema else []


def _quoted(file: Path) -> str:
    return str(file.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
