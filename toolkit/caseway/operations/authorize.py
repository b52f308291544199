"""Whether the caller may have an operation carried out. The embedded caller always may."""

from __future__ import annotations

from typing import Any

from caseway.model.errors import CasewayError
from caseway.operations.operation import Operating, Operation


def require(operating: Operating, operation: Operation, _request: Any) -> None:
    """Raise `CasewayError`: `unauthenticated` when nobody knows who asks, `forbidden` when they may not."""
    if operating.caller.kind == "anonymous":
        raise CasewayError(
            "who asks? There is no token, or it is not known here",
            code="unauthenticated",
            place=operation.name,
            hint="send it as `Authorization: Bearer TOKEN`; the command line takes it from CASEWAY_TOKEN",
        )
