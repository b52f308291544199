"""`caseway process delete NAME`."""

from __future__ import annotations

from caseway.cli.removing import removing

command = removing(
    "processes.delete",
    "process",
    about="Delete process NAME. Refused while it has instances.",
    question="Delete process {} and all its versions?",
    said="deleted {}",
    verb="delete",
    mark="deleted",
)
