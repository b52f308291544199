"""What triggers remember between two requests."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, metadata

# `spent_until` is the moment (seconds since 1970) at which a limit is as good as unused again.
rate_limits = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("spent_until", sa.Double, nullable=False),
    sa.Index("ix_rate_limits_spent_until", "spent_until"),
)

# The items of a poll, by what their keys come to: none starts a second execution. `seen_at` is the last time
# that an answer had it.
seen_items = sa.Table(
    "seen_items",
    metadata,
    sa.Column("instance_id", sa.Text, sa.ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("workflow", sa.Text, primary_key=True),
    sa.Column("trigger_id", sa.Text, primary_key=True),
    sa.Column("item", sa.Text, primary_key=True),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Index("ix_seen_items_seen_at", "seen_at"),
)
