"""Services: where a credential's value is had from, and what came of looking whether it works."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three columns of credentials."""
    with op.batch_alter_table("credentials") as table:
        table.add_column(sa.Column("source", sa.Text(), nullable=False, server_default="store"))
        table.add_column(sa.Column("reference", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("checked", sa.Text(), nullable=True))
