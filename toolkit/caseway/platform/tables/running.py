"""What runs: executions, the journal they resume from, their tasks, and the schedules that start them."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

# `expires_at` is set once the telemetry of an ended execution has been taken: from then on it may go.
# `claim_*` is the worker's lease: `claim_token` rises with every claim and fences the one before.
executions = sa.Table(
    "executions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("instance_id", sa.Text, sa.ForeignKey("instances.id", ondelete="CASCADE"), nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("workflow", sa.Text, nullable=False),
    sa.Column(
        "deployment_id",
        sa.Text,
        sa.ForeignKey("deployments.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("template_digest", sa.Text, nullable=False),
    sa.Column("definition", sa.Text, sa.ForeignKey("definitions.digest"), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text, nullable=False),
    sa.Column("trigger_id", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("input", JsonText),
    sa.Column("result", JsonText),
    sa.Column("error", JsonText),
    sa.Column("failed_task", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("started_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("retry_of", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("dispatches", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.Text, nullable=False),
    sa.Column("claim_token", sa.BigInteger, nullable=False),
    sa.Column("claim_expires_at", Instant),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("expires_at", Instant),
    sa.UniqueConstraint("instance_id", "idempotency_key"),
    sa.Index("ix_executions_organization_created_at_id", "organization", "created_at", "id"),
    sa.Index("ix_executions_instance_id_created_at_id", "instance_id", "created_at", "id"),
    sa.Index("ix_executions_status_created_at", "status", "created_at"),
    sa.Index("ix_executions_deployment_id", "deployment_id"),
    # One for each thing that lists are filtered by, so that what is rare among a million is found at once.
    *(
        sa.Index(f"ix_executions_organization_{name}_created_at_id", "organization", name, "created_at", "id")
        for name in ("status", "instance", "process", "stage", "workflow", "trigger", "version")
    ),
    sa.Index(
        "ix_executions_claimed",
        "instance_id",
        sqlite_where=sa.text("claim_expires_at IS NOT NULL"),
        postgresql_where=sa.text("claim_expires_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_executions_unfolded",
        "ended_at",
        sqlite_where=sa.text("expires_at IS NULL AND ended_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NULL AND ended_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_executions_expires_at",
        "expires_at",
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    ),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("execution_id", sa.Text, sa.ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("data", JsonText),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("execution_id", sa.Text, sa.ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("parent", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("ended_at", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("output", JsonText),
    sa.Column("error", JsonText),
    sa.Column("input", sa.Text),  # JSON, or of which other task it is the output (">") or the input ("<")
)

# Triggers that act by themselves. `kind` is the trigger's type: schedule, poll or queue; `state` is what the
# last two remember of their source.
schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("instance_id", sa.Text, sa.ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("workflow", sa.Text, primary_key=True),
    sa.Column("trigger_id", sa.Text, primary_key=True),
    sa.Column("definition", JsonText, nullable=False),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("next_at", Instant),
    sa.Column("last_at", Instant),
    sa.Column("skipped_at", Instant),
    sa.Column("kind", sa.Text, nullable=False, server_default="schedule"),
    sa.Column("state", JsonText),
    sa.Index("ix_schedules_next_at", "next_at"),
)
