"""What triggers remember between two requests."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import metadata

# `spent_until` is the moment (seconds since 1970) at which a limit is as good as unused again.
rate_limits = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("spent_until", sa.Double, nullable=False),
    sa.Index("ix_rate_limits_spent_until", "spent_until"),
)
