"""Starts that several events make together, and what each has gathered so far."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

_TRIGGER = ("instance_id", "workflow", "trigger_id")

# The schedules of workflow documents that ask more of events than plain attributes. `seen` is the number of
# the last event looked at, `realm` whose events these are.
event_starts = sa.Table(
    "event_starts",
    metadata,
    sa.Column("instance_id", sa.Text, sa.ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("workflow", sa.Text, primary_key=True),
    sa.Column("trigger_id", sa.Text, primary_key=True),
    sa.Column("realm", sa.Text, nullable=False, index=True),
    sa.Column("definition", JsonText, nullable=False),
    sa.Column("seen", sa.BigInteger, nullable=False),
)

# A start to be; `first` is the number of the event that began it, `size` the length of its events.
gatherings = sa.Table(
    "gatherings",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in _TRIGGER),
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("state", JsonText, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("touched_at", Instant, nullable=False),
    sa.ForeignKeyConstraint(_TRIGGER, [f"event_starts.{name}" for name in _TRIGGER], ondelete="CASCADE"),
    sa.Index("ix_gatherings_touched_at", "touched_at"),
)

# Copies: the inbox forgets an event before a start that waits for others does.
gathered_events = sa.Table(
    "gathered_events",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in _TRIGGER),
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event", JsonText, nullable=False),
    sa.ForeignKeyConstraint(
        (*_TRIGGER, "first"), [f"gatherings.{name}" for name in (*_TRIGGER, "first")], ondelete="CASCADE"
    ),
)
