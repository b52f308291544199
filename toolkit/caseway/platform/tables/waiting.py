"""What sleeps until its time or an event comes, and the events that came."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

# A row while the execution is waiting; `seen` is the number of the last event it has looked at.
sleepers = sa.Table(
    "sleepers",
    metadata,
    sa.Column("execution_id", sa.Text, sa.ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("until", Instant),
    sa.Column("filters", JsonText, nullable=False),
    sa.Column("listens", sa.Boolean, nullable=False),
    sa.Column("seen", sa.BigInteger, nullable=False),
    sa.Index("ix_sleepers_until", "until"),
    sa.Index("ix_sleepers_organization_listens", "organization", "listens"),
)

# CloudEvents, each once: `source` and `event_id` identify it. `emitter` is the execution that sent it, ""
# when none did. A number is never given twice, on SQLite either.
events = sa.Table(
    "events",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("event", JsonText, nullable=False),
    sa.Column("emitter", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("organization", "source", "event_id"),
    sa.Index("ix_events_organization_number", "organization", "number"),
    sa.Index("ix_events_received_at", "received_at"),
    sqlite_autoincrement=True,
)
