"""What a workflow may do, as data. The default is safe."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one execution. Seconds and bytes. A wait longer than `awake_seconds` sleeps in the store when
    the caller keeps sleeping executions."""

    activations: int = 100_000
    depth: int = 32
    wall_seconds: float = 3600.0
    output_bytes: int = 10 * 1024 * 1024
    journal_bytes: int = 256 * 1024 * 1024
    expression_seconds: float = 5.0
    expression_bytes: int = 256 * 1024 * 1024
    concurrency: int = 100
    awake_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Policy:
    """`processes` allows `run: shell` and `run: script` on this host; `hosts` limits HTTP ("*" is any host,
    otherwise host or host:port globs)."""

    processes: bool = False
    hosts: tuple[str, ...] = ("*",)
    limits: Limits = field(default_factory=Limits)
