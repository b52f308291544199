"""Triggers: how much of their rate limits is used, and the firings that a schedule left out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table, one column."""
    op.create_table(
        "rate_limits",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spent_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_limits")),
    )
    op.create_index("ix_rate_limits_spent_until", "rate_limits", ["spent_until"], unique=False)
    with op.batch_alter_table("schedules") as schedules:
        schedules.add_column(sa.Column("skipped_at", sa.Text(), nullable=True))
