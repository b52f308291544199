"""What one question of the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass

from caseway.model.canonical import JsonObject

OK, WARNING, ERROR, SKIPPED = "ok", "warning", "error", "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` says what was looked at, `state` is ok, warning, error or skipped; `hint` is what to do."""

    check: str
    state: str
    message: str
    hint: str = ""

    def as_json(self) -> JsonObject:
        """The finding as a JSON object."""
        return {"check": self.check, "state": self.state, "message": self.message, "hint": self.hint}
