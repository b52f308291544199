"""The composition root of this room: the only place that picks adapters and reads the machine's name."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from caseway.model.engine_facts import AskEngine, nobody_asked
from caseway.platform.artifact_store import ArtifactStore
from caseway.platform.building import Builder, no_image_known, nobody_builds, unheard
from caseway.platform.bundle import Platform
from caseway.platform.database import Boundary, Database, nothing, open_database
from caseway.platform.health_gate import Check, unable
from caseway.platform.identity import Provider
from caseway.platform.keyring import opener
from caseway.platform.secret_sources import SecretSources
from caseway.platform.statements import ARTIFACT_BYTES
from caseway.platform.target import Target

__all__ = ["Platform", "open_platform"]

MakeTarget = Callable[[Database, Callable[[], datetime]], Target]


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def random_id() -> str:
    """The time in milliseconds and 64 random bits: no two alike, and what is made together lies together in
    every index."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"


def this_process() -> str:
    """`user@host:pid`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}:{os.getpid()}"


def open_platform(  # noqa: PLR0913 - a composition root takes one argument per thing that can be chosen
    url: str,
    *,
    targets: Mapping[str, MakeTarget],
    secret_key: str = "",
    key_file: Path | None = None,
    holder: str = "",
    base_url: str = "",
    clock: Callable[[], datetime] = utc_now,
    ids: Callable[[], str] = random_id,
    on_boundary: Boundary = nothing,
    check: Check = unable,
    builder: Builder = nobody_builds,
    image_id: Callable[[str], str] = no_image_known,
    ask_engine: AskEngine = nobody_asked,
    on_line: Callable[[str], None] = unheard,
    artifact_bytes: int = ARTIFACT_BYTES,
    artifact_store: ArtifactStore | None = None,
    sources: SecretSources | None = None,
    provider: Provider | None = None,
) -> Platform:
    """The platform on the database at `url`; errors as `open_database`.

    Without `secret_key`, credentials are encrypted with `key_file`, by default `secret.key` beside a SQLite
    database, made on first use. Values longer than `artifact_bytes` are kept apart from journals, and
    moved to `artifact_store` where there is one."""
    database = open_database(url, on_boundary=on_boundary)
    database.engine.update_execution_options(artifact_bytes=artifact_bytes, artifact_store=artifact_store)
    return Platform(
        database=database,
        targets={name: make(database, clock) for name, make in targets.items()},
        clock=clock,
        ids=ids,
        keyring=opener(secret_key, key_file or _beside(url)),
        holder=holder or this_process(),
        base_url=base_url,
        on_boundary=on_boundary,
        check=check,
        sources=sources or SecretSources(),
        provider=provider,
        builder=builder,
        image_id=image_id,
        ask_engine=ask_engine,
        on_line=on_line,
    )


def _beside(url: str) -> Path | None:
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}
    return Path(str(parsed.database)).parent / "secret.key" if is_file else None
