"""Where projects are pulled from, and what forges told of pushes."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

# `secrets` is the ciphertext of the token or key that fetches, and of the secret that signs hooks. `heads`
# are the commits last seen by ref, `applied` those last applied by stage. `due_at` NULL: nothing is awaited.
remotes = sa.Table(
    "remotes",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("secrets", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("heals", sa.Boolean, nullable=False),
    sa.Column("prunes", sa.Boolean, nullable=False),
    sa.Column("suspended", sa.Boolean, nullable=False),
    sa.Column("heads", JsonText, nullable=False),
    sa.Column("applied", JsonText, nullable=False),
    sa.Column("seen_at", Instant),
    sa.Column("applied_at", Instant),
    sa.Column("due_at", Instant),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("drift", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index("ix_remotes_due_at", "due_at"),
)

# Each delivery once: its id is the forge's own, so that a replay is known.
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("forge", sa.Text, nullable=False),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("ref", sa.Text, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Index("ix_deliveries_due_at", "due_at"),
)
