"""`caseway team list`."""

from __future__ import annotations

from caseway.cli.listing import listing

COLUMNS = {
    "name": "NAME",
    "title": "TITLE",
    "members": "MEMBERS",
}

command = listing(
    "teams.list", "teams", COLUMNS, empty="no teams", about="List the teams of the organization."
)
