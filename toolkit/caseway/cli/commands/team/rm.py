"""`caseway team rm NAME`."""

from __future__ import annotations

from caseway.cli.removing import removing

command = removing(
    "teams.delete",
    "team",
    about="Forget the team NAME. What it owns stays.",
    question="Forget team {}?",
    said="forgot {}",
)
