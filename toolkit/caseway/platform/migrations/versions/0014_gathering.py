"""Starts that several events make together, and large values that are kept elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Four tables; an event knows the execution that sent it, an artifact where it is; an index."""
    op.create_table(
        "event_starts",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_event_starts_instance_id_instances"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_id", "workflow", "trigger_id", name=op.f("pk_event_starts")),
    )
    op.create_index("ix_event_starts_realm", "event_starts", ["realm"], unique=False)
    op.create_table(
        "gatherings",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id", "workflow", "trigger_id"],
            ["event_starts.instance_id", "event_starts.workflow", "event_starts.trigger_id"],
            name=op.f("fk_gatherings_instance_id_event_starts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_id", "workflow", "trigger_id", "first", name=op.f("pk_gatherings")),
    )
    op.create_index("ix_gatherings_touched_at", "gatherings", ["touched_at"], unique=False)
    op.create_table(
        "gathered_events",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id", "workflow", "trigger_id", "first"],
            [
                "gatherings.instance_id",
                "gatherings.workflow",
                "gatherings.trigger_id",
                "gatherings.first",
            ],
            name=op.f("fk_gathered_events_instance_id_gatherings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "instance_id", "workflow", "trigger_id", "first", "number", name=op.f("pk_gathered_events")
        ),
    )
    # A number is never given twice: executions and starts name events by it, and outlive them.
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table(
        "events",
        recreate="always" if is_sqlite else "never",
        table_kwargs={"sqlite_autoincrement": True},
    ) as events:
        events.add_column(sa.Column("emitter", sa.Text(), nullable=False, server_default=""))
    op.add_column("artifacts", sa.Column("place", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_artifacts_place", "artifacts", ["place"], unique=False)
    op.create_table(
        "artifact_objects",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_artifact_objects")),
    )
    op.create_index("ix_artifact_objects_created_at", "artifact_objects", ["created_at"], unique=False)
    op.create_index("ix_applies_ended_at", "applies", ["ended_at"], unique=False)
