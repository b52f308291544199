"""How many requests of the API one caller may make in a second, as one server sees it. In memory alone.

Rule: who is known by nothing but an address is counted by it; a token is known by its digest, never kept."""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import Scope

BURST = 2.0  # seconds' worth of requests that may come at once
_REMEMBERED = 10_000
_ROUNDING = 1e-6


@dataclass(slots=True)
class Pace:
    """`rate` requests a second for each caller; 0 is without limit."""

    rate: float
    clock: Callable[[], float] = time.monotonic
    _spent: OrderedDict[bytes, float] = field(default_factory=OrderedDict)

    def wait(self, scope: Scope) -> int:
        """0 when the request may go on, else after how many whole seconds to try again."""
        if not self.rate:
            return 0
        now, caller, cost = self.clock(), _caller(scope), 1 / self.rate
        spent = max(self._spent.get(caller, 0.0), now)
        over = spent + cost - now - max(BURST, cost)
        if over > _ROUNDING:
            return math.ceil(over)
        self._spent[caller] = spent + cost
        self._spent.move_to_end(caller)
        while len(self._spent) > _REMEMBERED:
            self._spent.popitem(last=False)
        return 0


def _caller(scope: Scope) -> bytes:
    headers = Headers(scope=scope)
    shown = headers.get("authorization") or headers.get("x-api-key") or ""
    address = (scope.get("client") or ("",))[0]
    return hashlib.sha256(f"{shown or address}".encode()).digest()
