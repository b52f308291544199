"""`caseway user rm NAME`."""

from __future__ import annotations

from caseway.cli.removing import removing

command = removing(
    "users.remove",
    "user",
    about="End the membership of NAME, and with it every token they have for this organization.",
    question="End the membership of {}, and every token of theirs here?",
    said="{} is no member any more",
)
