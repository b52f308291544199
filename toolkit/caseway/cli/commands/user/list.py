"""`caseway user list`."""

from __future__ import annotations

from caseway.cli.listing import listing

COLUMNS = {
    "name": "NAME",
    "role": "ROLE",
    "teams": "TEAMS",
    "hasPassword": "PASSWORD",
    "isDisabled": "SHUT OUT",
    "lastLoginAt": "LAST SIGN-IN",
}

command = listing(
    "users.list", "users", COLUMNS, empty="no members", about="List the members of the organization."
)
