"""The task kinds: a module each, listed here. To add one, write a module with KEYS and compile_body.

`KEYS` are the properties a task of this kind has beside the common ones; `compile_body(source, scope)` gives
its Body, or None with findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from caseway_runner.program import Body
from caseway_runner.scope import Scope
from caseway_runner.tasks import (
    call,
    do,
    emit,
    for_,
    fork,
    listen,
    raise_,
    run,
    set_,
    switch,
    try_,
    wait,
)


class Kind(Protocol):
    """What a task module offers."""

    @property
    def KEYS(self) -> frozenset[str]: ...

    def compile_body(self, source: Mapping[str, Any], scope: Scope, /) -> Body | None: ...


KINDS: Mapping[str, Kind] = {
    "call": call,
    "do": do,
    "emit": emit,
    "for": for_,
    "fork": fork,
    "listen": listen,
    "raise": raise_,
    "run": run,
    "set": set_,
    "switch": switch,
    "try": try_,
    "wait": wait,
}
