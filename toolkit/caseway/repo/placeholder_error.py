"""What goes wrong with a placeholder: said once, for every part that reads or resolves them."""

from __future__ import annotations

from caseway.model.errors import CasewayError


class PlaceholderError(CasewayError):
    """A placeholder that cannot be read or resolved. `pointer` says where, `expression` which."""

    def __init__(self, message: str, *, pointer: str = "", expression: str = "", hint: str = "") -> None:
        super().__init__(message, code="placeholder", place=pointer, hint=hint)
        self.pointer = pointer
        self.expression = expression
