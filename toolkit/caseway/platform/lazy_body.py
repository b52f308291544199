"""A template body that is read, verified and decoded when somebody looks into it, and not before.

Templates are immutable: reading one late gives the same as reading it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from caseway.platform.templates import decoded


class LazyBody(Mapping[str, Any]):
    """Equal to the mapping it stands for. `load` gives the stored bytes."""

    __slots__ = ("_digest", "_load", "_name", "_value")

    def __init__(self, digest: str, name: str, load: Callable[[], bytes]) -> None:
        self._digest, self._name, self._load = digest, name, load
        self._value: dict[str, Any] | None = None

    def _body(self) -> dict[str, Any]:
        if self._value is None:
            self._value = decoded(self._load(), self._digest, self._name)
        return self._value

    def __getitem__(self, key: str) -> Any:
        return self._body()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._body())

    def __len__(self) -> int:
        return len(self._body())

    def __repr__(self) -> str:
        return f"LazyBody({self._name}, {self._digest})"
