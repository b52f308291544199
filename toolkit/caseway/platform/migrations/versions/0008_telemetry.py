"""Telemetry apart from run data, and when each row may go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Four tables, and the expiry of an execution: set once its telemetry has been taken."""
    op.create_table(
        "spans",
        sa.Column("number", _NUMBER, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in (
                "organization",
                "execution_id",
                "trace_id",
                "span_id",
                "parent_id",
                "name",
                "kind",
                "status",
                "started_at",
                "ended_at",
                "attributes",
                "expires_at",
            )
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_spans")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_spans_execution_id", "spans", ["execution_id"])
    op.create_index("ix_spans_expires_at", "spans", ["expires_at"])
    op.create_index("ix_spans_organization_started_at", "spans", ["organization", "started_at"])
    op.create_table(
        "metric_points",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("at", "process", "instance", "workflow", "version", "status", "expires_at")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_metric_points")),
    )
    op.create_index("ix_metric_points_execution_id", "metric_points", ["execution_id"])
    op.create_index("ix_metric_points_expires_at", "metric_points", ["expires_at"])
    op.create_index("ix_metric_points_organization_name_at", "metric_points", ["organization", "name", "at"])
    op.create_table(
        "log_lines",
        sa.Column("number", _NUMBER, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("execution_id", "position", "at", "stream", "text", "expires_at")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_lines")),
    )
    op.create_index("ix_log_lines_execution_id_number", "log_lines", ["execution_id", "number"])
    op.create_index("ix_log_lines_expires_at", "log_lines", ["expires_at"])
    op.create_table(
        "cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )
    op.add_column("executions", sa.Column("expires_at", sa.Text(), nullable=True))
    op.create_index(
        "ix_executions_unfolded",
        "executions",
        ["ended_at"],
        sqlite_where=sa.text("expires_at IS NULL AND ended_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NULL AND ended_at IS NOT NULL"),
    )
    op.create_index(
        "ix_executions_expires_at",
        "executions",
        ["expires_at"],
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
