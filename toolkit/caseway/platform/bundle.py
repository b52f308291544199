"""What the modules of this room are handed: one small frozen value, built once in `compose`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType

from caseway.model.engine_facts import AskEngine, nobody_asked
from caseway.model.errors import CasewayError
from caseway.platform.bell import Bell
from caseway.platform.building import Builder, no_image_known, nobody_builds, unheard
from caseway.platform.database import Boundary, Database
from caseway.platform.health_gate import Check, unable
from caseway.platform.identity import Provider
from caseway.platform.keyring import Keyring
from caseway.platform.secret_sources import SecretSources
from caseway.platform.target import Target


@dataclass(frozen=True, slots=True)
class Platform:
    """A database and what acts upon it.

    `holder` names this process in leases (`user@host:pid`), `base_url` is where webhooks are reached,
    `keyring` opens the credential keys on first use, `on_boundary` hears of every step that a crash may cut,
    `check` runs the health check of a version before it goes live, `builder` builds images (each line of its
    log goes to `on_line`), `image_id` says which one a name stands for now ("" when unknown), `ask_engine`
    what the engine for containers has, `bell` is rung for what becomes pending, `sources` are where secrets
    may be had from besides the store, `provider` is where people may sign in.
    """

    database: Database
    targets: Mapping[str, Target]
    clock: Callable[[], datetime]
    ids: Callable[[], str]
    keyring: Callable[[], Keyring]
    holder: str
    base_url: str
    on_boundary: Boundary
    check: Check = unable
    builder: Builder = nobody_builds
    image_id: Callable[[str], str] = no_image_known
    ask_engine: AskEngine = nobody_asked
    on_line: Callable[[str], None] = unheard
    bell: Bell = field(default_factory=Bell)
    sources: SecretSources = field(default_factory=SecretSources)
    provider: Provider | None = None

    def target(self, name: str) -> Target:
        """The target of that name; raises `CasewayError` (`no-such-target`)."""
        if name in self.targets:
            return self.targets[name]
        known = ", ".join(sorted(self.targets)) or "none"
        raise CasewayError(
            f"there is no target {name!r} here",
            code="no-such-target",
            hint=f"targets set up on this platform: {known}",
        )

    def close(self) -> None:
        """Give back the database connections."""
        self.database.close()

    def __enter__(self) -> Platform:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
