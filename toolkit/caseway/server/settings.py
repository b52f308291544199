"""What a server is told when it is started. Nothing here reads the environment."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`host` and `port` (0 takes a free one) to listen on; `max_body` and `max_upload` in bytes; `drain`
    seconds between saying not ready and taking no more requests; `grace` seconds for what is under way.
    `max_rate` is how many requests of the API a caller may make in a second, 0 any number.
    `trusted_proxies` are addresses and networks whose `X-Forwarded-For` counts."""

    host: str = "127.0.0.1"
    port: int = 8080
    max_body: int = 10 * MEGABYTE
    max_upload: int = 64 * MEGABYTE
    max_concurrency: int = 1000
    max_rate: float = 0.0
    drain: float = 5.0
    grace: float = 20.0
    trusted_proxies: tuple[str, ...] = ()
