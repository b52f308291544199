"""`caseway service-account list`."""

from __future__ import annotations

from caseway.cli.listing import listing

COLUMNS = {
    "name": "NAME",
    "scopes": "SCOPES",
    "project": "PROJECT",
    "isDisabled": "SHUT OUT",
    "description": "FOR",
}

command = listing(
    "service-accounts.list",
    "serviceAccounts",
    COLUMNS,
    empty="no service accounts",
    about="List the service accounts of the organization.",
)
