"""What is known of executions after their run data is gone: spans, metric points and log lines.

No foreign keys: telemetry outlives the execution it tells of. Every row says itself when it expires."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

# `attributes` carry the names of OpenTelemetry's semantic conventions where there is one.
spans = sa.Table(
    "spans",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("execution_id", sa.Text, nullable=False, index=True),
    sa.Column("trace_id", sa.Text, nullable=False),
    sa.Column("span_id", sa.Text, nullable=False),
    sa.Column("parent_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("ended_at", sa.Text, nullable=False),
    sa.Column("attributes", JsonText, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_spans_expires_at", "expires_at"),
    sa.Index("ix_spans_organization_started_at", "organization", "started_at"),
    sqlite_autoincrement=True,  # a number is never given twice: the exporter's cursor relies on it
)

metric_points = sa.Table(
    "metric_points",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("execution_id", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("workflow", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_metric_points_expires_at", "expires_at"),
    sa.Index("ix_metric_points_organization_name_at", "organization", "name", "at"),
)

# What a task's process wrote. `stream` is stdout, stderr or log.
log_lines = sa.Table(
    "log_lines",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True),
    sa.Column("execution_id", sa.Text, nullable=False),
    sa.Column("position", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_log_lines_execution_id_number", "execution_id", "number"),
    sa.Index("ix_log_lines_expires_at", "expires_at"),
)

# How far a reader of a numbered table has come.
cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
