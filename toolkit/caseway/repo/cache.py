"""What has been worked out before, kept by content in the user's own cache folder.

Rule: the cache is never in the repo, never needed, and never trusted further than its own stamp: any trouble
with it means that it is empty. Only the standard library is imported here, so that a hit stays cheap.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import caseway

LARGEST = 1_000_000_000  # a cache file beyond this is begun anew
LARGEST_VALUE = 5_000_000
_CHUNK = 500  # names in one query: below SQLite's smallest limit on variables
_TABLES = ("answers", "files", "stamps", "units")


def user_folder() -> Path:
    """`$XDG_CACHE_HOME/caseway`, by default `~/.cache/caseway`."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    user = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    base = Path(home) if home.startswith("/") else Path(user, ".cache")
    return base / "caseway"


def tool_stamp() -> str:
    """What identifies this Caseway: its version, and its code and schemas as they lie on disk. An edit to
    either makes every answer of the past worthless."""
    package = Path(caseway.__file__).parent
    state = sha256(caseway.__version__.encode())
    for folder in (
        package,
        package.parent / "caseway_runner",
        package.parents[1] / "runner",
        package.parents[1] / "schemas",
    ):
        for path, status in sorted(_sources(str(folder))):
            state.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogatepass"))
    return state.hexdigest()


def _sources(folder: str) -> Iterable[tuple[str, os.stat_result]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _sources(entry.path)
        elif entry.name.endswith((".py", ".json")):
            yield entry.path, entry.stat()


class Cache:
    """Texts by key, in tables by purpose. When the file cannot be used, every method finds nothing."""

    def __init__(self, folder: Path, stamp: str) -> None:
        self.file = folder / "cache.sqlite"
        self._stamp = stamp
        self._connection: sqlite3.Connection | None = None
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.file.exists() and self.file.stat().st_size > LARGEST:
                self._remove()
        self._open()

    def get(self, key: str, table: str = "answers") -> str | None:
        """The text kept under `key`."""
        return self.get_all([key], table).get(key)

    def put(self, key: str, value: str, table: str = "answers") -> None:
        """Keep `value` under `key`."""
        self.put_all({key: value}, table)

    def get_all(self, keys: Iterable[str], table: str) -> dict[str, str]:
        """The texts kept under `keys`, as far as there are any."""
        found: dict[str, str] = {}
        wanted = list(keys)
        with self._forgiving():
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT key, value FROM {_known(table)} WHERE key IN ({marks})"  # noqa: S608 - our own name
                found.update(self._use().execute(query, chunk))
        return found

    def put_all(self, values: Mapping[str, str], table: str) -> None:
        """Keep all of `values`, in one transaction."""
        rows = [(key, value) for key, value in values.items() if len(value) <= LARGEST_VALUE]
        if rows:
            with self._forgiving(), self._use() as connection:
                statement = f"INSERT OR REPLACE INTO {_known(table)} VALUES (?, ?)"  # noqa: S608 - our own name
                connection.executemany(statement, rows)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _use(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.OperationalError("no cache")
        return self._connection

    def _forgiving(self) -> _Forgiving:
        return _Forgiving(self)

    def _open(self) -> None:
        for _ in range(2):  # a broken file is removed and begun anew, once
            with suppress(OSError, sqlite3.Error, UnicodeError):
                self._connection = self._opened()
                return
            self.close()
            with suppress(OSError):
                self._remove()

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=2.0)
        self._connection = connection
        self.file.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # a lost cache costs time, not truth
        connection.execute(
            "CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT"
        )
        known = connection.execute("SELECT value FROM about WHERE key = 'stamp'").fetchone()
        if known != (self._stamp,):
            with connection:
                for table in _TABLES:
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
                    columns = "(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"
                    connection.execute(f"CREATE TABLE {table} {columns}")
                connection.execute("INSERT OR REPLACE INTO about VALUES ('stamp', ?)", (self._stamp,))
        return connection

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)

    def forget(self) -> None:
        """Give up on the file for the rest of this run; the next run begins a new one."""
        self.close()
        with suppress(OSError):
            self._remove()


class _Forgiving:
    """Turns trouble with the file into an empty cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if isinstance(error, sqlite3.OperationalError):  # locked, full, or not there: others may still use it
            return True
        if isinstance(error, (sqlite3.DatabaseError, UnicodeError)):
            self._cache.forget()
            return True
        return False


def _known(table: str) -> str:
    if table not in _TABLES:
        raise ValueError(f"no such table: {table}")
    return table


def user_cache() -> Cache:
    """The cache of the user who runs this process."""
    return Cache(user_folder(), tool_stamp())
