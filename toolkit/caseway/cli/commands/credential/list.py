"""`caseway credential list`."""

from __future__ import annotations

from caseway.cli.listing import listing

COLUMNS = {
    "name": "NAME",
    "scope": "SCOPE",
    "owner": "OWNER",
    "type": "TYPE",
    "source": "SOURCE",
    "updatedAt": "UPDATED",
    "expiresAt": "EXPIRES",
}

command = listing(
    "credentials.list",
    "credentials",
    COLUMNS,
    empty="no credentials",
    about="List the stored credentials by name and scope, never a value.",
)
