"""What a server keeps of requests: answers by idempotency key, uploaded content, plans and applies."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

# `status` is null while the request is under way; `body` is ciphertext when it shows a secret.
idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.Text),
    sa.Column("is_encrypted", sa.Boolean, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

# Content is looked for within an organization only: to know a digest must not open another's content.
blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("asked", JsonText, nullable=False),
    sa.Column("plan", JsonText, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

applies = sa.Table(
    "applies",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("plan_id", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("claim_expires_at", Instant),
    sa.Column("report", JsonText),
    sa.Column("error", JsonText),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Index("ix_applies_status_claim_expires_at", "status", "claim_expires_at"),
    sa.Index("ix_applies_ended_at", "ended_at"),
)

apply_events = sa.Table(
    "apply_events",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("apply_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("event", JsonText, nullable=False),
    sa.ForeignKeyConstraint(
        ["organization", "apply_id"], ["applies.organization", "applies.id"], ondelete="CASCADE"
    ),
)
