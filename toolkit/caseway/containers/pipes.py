"""What a conversation needs of a runner's standard input and output, whatever engine holds them.

Rule: nothing but the protocol; `attach` has Docker's, `kubernetes.stream` a cluster's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from caseway.containers.engine import State


class Pipes(Protocol):
    """The open pipes of one container. `frames` is used once, `send` at any time."""

    container: str

    def frames(self) -> AsyncIterator[tuple[int, bytes]]: ...
    async def send(self, data: bytes) -> None: ...
    async def close(self) -> None: ...
    @property
    def is_ended(self) -> bool: ...
    @property
    def complaints(self) -> str: ...


class Keeper(Protocol):
    """Who made the container: says how it stands, and removes it."""

    def state(self, container: str) -> State: ...
    def remove(self, container: str) -> None: ...
