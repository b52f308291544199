"""`caseway trust list`."""

from __future__ import annotations

from caseway.cli.listing import listing

COLUMNS = {
    "name": "NAME",
    "claims": "CLAIMS",
    "scopes": "SCOPES",
    "project": "PROJECT",
    "issuer": "ISSUER",
    "lastUsedAt": "LAST USED",
}

command = listing(
    "trusts.list",
    "trusts",
    COLUMNS,
    empty="no trust rules",
    about="List the trust rules of the organization.",
)
