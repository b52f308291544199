"""What waits for a person to decide, and large values that executions keep by reference."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

# `key` names the task activation that asks, across resumes. `is_taken` says that the execution has seen the
# decision: until then it is to be woken for it.
approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("execution_id", sa.Text, sa.ForeignKey("executions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("position", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("data", JsonText),
    sa.Column("approvers", JsonText, nullable=False),
    sa.Column("schema", JsonText),
    sa.Column("requested_at", Instant, nullable=False),
    sa.Column("deadline", Instant),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("decision_data", JsonText),
    sa.Column("decided_at", Instant),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("is_late", sa.Boolean, nullable=False),
    sa.Column("is_taken", sa.Boolean, nullable=False),
    sa.UniqueConstraint("key"),
    sa.Index("ix_approvals_organization_requested_at", "organization", "requested_at"),
    sa.Index("ix_approvals_execution_id", "execution_id"),
    sa.Index("ix_approvals_is_taken_decision", "is_taken", "decision"),
)

# Content by its SHA-256; it may go when nothing uses it any more and `expires_at` has passed. `place` is the
# key of the object that has the content, "" while it is here.
artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("place", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_artifacts_expires_at", "expires_at"),
    sa.Index("ix_artifacts_place", "place"),
)

# What was put elsewhere, from before it is there until it is gone.
artifact_objects = sa.Table(
    "artifact_objects",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index("ix_artifact_objects_created_at", "created_at"),
)

# Where a value was set aside: `number` is that of the journal entry and `member` the name within its data, as
# JSON ("" all of it); of what a task shows `number` is -1 (its output) or -2 (its input) and
# `member` its position; of the execution's result it is -3.
artifact_uses = sa.Table(
    "artifact_uses",
    metadata,
    sa.Column("execution_id", sa.Text, sa.ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("member", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, sa.ForeignKey("artifacts.digest"), nullable=False),
    sa.Index("ix_artifact_uses_digest", "digest"),
)
