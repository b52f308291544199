"""What the routes of a server share: one value, made once when the application is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import Request

from caseway.platform.bundle import Platform
from caseway.server.auth import Authenticate
from caseway.server.metrics import Metrics
from caseway.server.settings import ServerSettings


@dataclass(slots=True)
class Serving:
    """The platform that is served, to whom, and whether the end has come: then nothing new is begun."""

    platform: Platform
    authenticate: Authenticate
    settings: ServerSettings
    metrics: Metrics
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_draining(self) -> bool:
        """Whether this server was told to stop."""
        return self.ending.is_set()


def serving_of(request: Request) -> Serving:
    """What the application of this request serves."""
    found: Serving = request.app.state.serving
    return found
