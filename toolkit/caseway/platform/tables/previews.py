"""What previews there are. What is in one belongs to the project `<project>/<id>`."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

# `sequence` orders the runs that bring a preview up: an older one changes nothing. `credentials` are the
# names it may use, `use_cases` what the merge would make of each. The row goes last of a preview.
previews = sa.Table(
    "previews",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("ref", sa.Text, nullable=False),
    sa.Column("link", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("credentials", JsonText, nullable=False),
    sa.Column("use_cases", JsonText, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)
