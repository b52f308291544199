"""What one question of the doctor finds."""

from __future__ import annotations

from collections.abc import Iterator
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


def known(organization: str, instances: int, processes: int) -> Iterator[Finding]:
    """Whether the organization that is asked about is the one that is meant: nothing in it is suspicious."""
    if not instances and not processes:
        yield Finding(
            "organization",
            WARNING,
            f"there is no process in organization {organization}",
            "is it the one that is meant? It comes from caseway.yaml, CASEWAY_ORGANIZATION, or the token; "
            "if it is: 'caseway apply'",
        )
