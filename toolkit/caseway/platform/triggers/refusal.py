"""Why a request starts nothing, so that its sender can mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caseway.model.errors import CasewayError


@dataclass(frozen=True, slots=True)
class Wrong:
    """A part of the input that does not fit: `field` is its JSON Pointer, "" the whole."""

    field: str
    message: str


class Refusal(CasewayError):
    """A `CasewayError` about a request: `errors` are its wrong parts, `headers` go with the answer."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str = "",
        errors: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
