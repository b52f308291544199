"""What is installed: instances, every attempt to deploy them, and what is live."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

# `slot` carries the one-instance rule: the user (personal) or "*" (organizational) while the instance holds
# its place in the stage, NULL when archived, deleted or free of the rule.
# `missing` lists credential slots without a value; `failed` is the error of a first deployment.
instances = sa.Table(
    "instances",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("process_id", sa.Text, sa.ForeignKey("processes.id", ondelete="CASCADE"), nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("slot", sa.Text),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("desired", JsonText, nullable=False),
    sa.Column("applied", JsonText, nullable=False),
    sa.Column("declared", sa.Boolean, nullable=False),
    sa.Column("auto_paused_by", sa.Text, nullable=False),
    sa.Column("missing", JsonText, nullable=False),
    sa.Column("failed", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("tombstone", sa.Text, nullable=False),
    sa.Column("deleted_at", Instant),
    sa.UniqueConstraint("organization", "name", "tombstone"),
    sa.UniqueConstraint("process_id", "stage", "slot"),
)

# One attempt each. `inputs` are the values rendered with; never a secret among them.
deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("instance_id", sa.Text, sa.ForeignKey("instances.id", ondelete="CASCADE"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("template_id", sa.Text, sa.ForeignKey("templates.id"), nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("template_digest", sa.Text, nullable=False),
    sa.Column("inputs_digest", sa.Text, nullable=False),
    sa.Column("inputs", JsonText, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error_code", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("warnings", JsonText, nullable=False),
    sa.Column("result", JsonText, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.UniqueConstraint("instance_id", "number"),
    sa.Index("ix_deployments_template_id", "template_id"),
    sa.Index("ix_deployments_status", "status"),
)

deployment_steps = sa.Table(
    "deployment_steps",
    metadata,
    sa.Column(
        "deployment_id",
        sa.Text,
        sa.ForeignKey("deployments.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)

# The pointer: the primary key makes it exactly one per instance.
current_deployments = sa.Table(
    "current_deployments",
    metadata,
    sa.Column("instance_id", sa.Text, sa.ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    sa.Column(
        "deployment_id",
        sa.Text,
        sa.ForeignKey("deployments.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
)

# Rendered workflows, content-addressed and insert only: executions stay bound to theirs for life.
definitions = sa.Table(
    "definitions",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# Template workflow id -> live id of one attempt. `observed` is what a remote target last reported.
deployed_workflows = sa.Table(
    "deployed_workflows",
    metadata,
    sa.Column(
        "deployment_id",
        sa.Text,
        sa.ForeignKey("deployments.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("workflow", sa.Text, primary_key=True),
    sa.Column("live_id", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, sa.ForeignKey("definitions.digest"), nullable=False),
    sa.Column("settings", JsonText, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("activation_error", sa.Text, nullable=False),
    sa.Column("observed", sa.Text),
)

# What the built-in target serves now. Its ids follow from instance, workflow and digest.
live_workflows = sa.Table(
    "live_workflows",
    metadata,
    sa.Column("live_id", sa.Text, primary_key=True),
    sa.Column(
        "instance_id",
        sa.Text,
        sa.ForeignKey("instances.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("workflow", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, sa.ForeignKey("definitions.digest"), nullable=False),
    sa.Column("published_at", Instant, nullable=False),
)
