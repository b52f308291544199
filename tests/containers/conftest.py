"""The engine and the default runtime for the tests of this room."""

from __future__ import annotations

from docker_daemon import docker_daemon, engine, runtime_image

__all__ = ["docker_daemon", "engine", "runtime_image"]
