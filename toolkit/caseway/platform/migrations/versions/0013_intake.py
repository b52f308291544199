"""Triggers that fetch: what a poll and a queue remember, and the items that a poll has seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two columns, one table."""
    with op.batch_alter_table("schedules") as schedules:
        schedules.add_column(sa.Column("kind", sa.Text(), nullable=False, server_default="schedule"))
        schedules.add_column(sa.Column("state", sa.Text(), nullable=True))
    op.create_table(
        "seen_items",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_seen_items_instance_id_instances"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_id", "workflow", "trigger_id", "item", name=op.f("pk_seen_items")),
    )
    op.create_index("ix_seen_items_seen_at", "seen_items", ["seen_at"], unique=False)
