"""The one exception the user can mend. Everything else that escapes is a bug."""

from __future__ import annotations


class CasewayError(Exception):
    """What stops a command: a message, the place, and the next step.

    `code` is stable and machine readable (kebab case, e.g. `lease-held`); `place` is `file:line:col` or the
    name of the resource; `hint` says what to do next.
    """

    def __init__(self, message: str, *, code: str = "error", place: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.place = place
        self.hint = hint
