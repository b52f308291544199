"""Runs the migrations on an open connection, in its transaction."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory


def scripts() -> ScriptDirectory:
    """The migrations in this package."""
    return ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: sa.Connection) -> None:
    """Apply every migration that the database does not have yet, oldest first."""
    directory = scripts()
    context = MigrationContext.configure(connection)
    missing = directory.iterate_revisions("head", context.get_current_revision() or "base")
    with Operations.context(context):
        for script in reversed(list(missing)):
            script.module.upgrade()
            context.stamp(directory, script.revision)
