"""Indexes for lists of a million executions, and for counting those of an instance that run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FILTERS = ("status", "instance", "process", "stage", "workflow", "trigger", "version")


def upgrade() -> None:
    """One index for each filter, in the order of lists; a small one of what is claimed."""
    for name in FILTERS:
        op.create_index(
            f"ix_executions_organization_{name}_created_at_id",
            "executions",
            ["organization", name, "created_at", "id"],
        )
    op.create_index(
        "ix_executions_claimed",
        "executions",
        ["instance_id"],
        sqlite_where=sa.text("claim_expires_at IS NOT NULL"),
        postgresql_where=sa.text("claim_expires_at IS NOT NULL"),
    )
