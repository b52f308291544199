"""Builds of runtimes: one row an attempt; what is ready is never written again."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, metadata

runtime_builds = sa.Table(
    "runtime_builds",
    metadata,
    sa.Column("organization", sa.Text, primary_key=True),
    sa.Column("runtime", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),  # of the runtime's body
    sa.Column("inputs", sa.Text, nullable=False),  # of all that the image is made of; "" until it is ready
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("image", sa.Text, nullable=False),
    sa.Column("image_id", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("log", sa.Text, nullable=False),  # the last lines
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
)
