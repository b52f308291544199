"""Ports for servers that must be told theirs before they start.

Rule: they lie outside of what the kernel hands out by itself, so that nobody who asks it for any port, be it
to listen or to call somebody, gets this one before the server is up, or while it is down."""

from __future__ import annotations

import secrets
import socket

_FIRST, _LAST = 12_000, 32_000  # the kernel's own begin at 32768, or later


def free_port() -> int:
    """A port of the loopback device that nobody listens at."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
