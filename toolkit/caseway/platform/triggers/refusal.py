"""Why a request starts nothing, so that its sender can mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError


class Refusal(CasewayError):
    """A `CasewayError` about a request: `errors` name the wrong fields, `headers` go with the answer."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str = "",
        errors: Sequence[JsonObject] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
