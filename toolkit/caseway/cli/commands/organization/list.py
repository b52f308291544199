"""`caseway organization list`."""

from __future__ import annotations

from caseway.cli.listing import listing

COLUMNS = {
    "name": "NAME",
    "title": "TITLE",
    "role": "YOUR ROLE",
    "members": "MEMBERS",
}

command = listing(
    "organizations.list",
    "organizations",
    COLUMNS,
    empty="no organizations",
    about="List the organizations you belong to; on the server's own machine, all of them.",
)
