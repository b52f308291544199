"""What has been published: processes, their immutable templates, and the named resources they use."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

# `tombstone` is "" for what lives and the row's own id once deleted, so that a name can be used again.
processes = sa.Table(
    "processes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("listing", JsonText, nullable=False),
    sa.Column("process_type", sa.Text, nullable=False),
    sa.Column("exclusive", sa.Boolean, nullable=False),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("tombstone", sa.Text, nullable=False),
    sa.Column("deleted_at", Instant),
    sa.UniqueConstraint("organization", "name", "tombstone"),
)

# Insert only: a trigger refuses UPDATE. `body` is the canonical text whose SHA-256 is `digest`. `snapshot`
# says what a template is for that is never published: "dev", or a preview's id.
templates = sa.Table(
    "templates",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("process_id", sa.Text, sa.ForeignKey("processes.id", ondelete="CASCADE"), nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("bump", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("snapshot", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("process_id", "digest"),
    sa.UniqueConstraint("process_id", "version"),
    sa.UniqueConstraint("process_id", "revision"),
)

# Where a template stands now. `published_for` is its process while published, else NULL: one per process.
template_status = sa.Table(
    "template_status",
    metadata,
    sa.Column("template_id", sa.Text, sa.ForeignKey("templates.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("published_for", sa.Text, sa.ForeignKey("processes.id", ondelete="CASCADE"), unique=True),
)

# How it came there, insert only.
template_ledger = sa.Table(
    "template_ledger",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column(
        "template_id",
        sa.Text,
        sa.ForeignKey("templates.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
)

# Runtimes and connections: `kind` says which.
resources = sa.Table(
    "resources",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("body", JsonText, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
)
