"""Updates, and what a server keeps of its callers' requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One part for each room that keeps something."""
    _server()


def _server() -> None:
    """Answers by idempotency key, uploaded content, plans, and applies with their events."""
    op.create_table(
        "idempotency_keys",
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("body", sa.Text()),
        sa.Column("is_encrypted", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "caller", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
    op.create_table(
        "blobs",
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "digest", name=op.f("pk_blobs")),
    )
    op.create_index("ix_blobs_expires_at", "blobs", ["expires_at"])
    op.create_table(
        "plans",
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in (
                "organization",
                "id",
                "project",
                "actor",
                "asked",
                "plan",
                "created_at",
                "expires_at",
            )
        ),
        sa.PrimaryKeyConstraint("organization", "id", name=op.f("pk_plans")),
    )
    op.create_index("ix_plans_expires_at", "plans", ["expires_at"])
    op.create_table(
        "applies",
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("organization", "id", "plan_id", "project", "actor", "status", "holder")
        ),
        sa.Column("claim_expires_at", sa.Text()),
        sa.Column("report", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text()),
        sa.PrimaryKeyConstraint("organization", "id", name=op.f("pk_applies")),
    )
    op.create_index("ix_applies_status_claim_expires_at", "applies", ["status", "claim_expires_at"])
    op.create_table(
        "apply_events",
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("apply_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "apply_id", "number", name=op.f("pk_apply_events")),
        sa.ForeignKeyConstraint(
            ["organization", "apply_id"],
            ["applies.organization", "applies.id"],
            name=op.f("fk_apply_events_organization_applies"),
            ondelete="CASCADE",
        ),
    )
