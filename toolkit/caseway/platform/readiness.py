"""Whether the database answers and has the schema that this version needs. Nothing here changes anything."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.database import HEAD, Database


def require_current(database: Database) -> None:
    """Raise `CasewayError`: `database` when it cannot be reached, `schema-old` or `schema-new`."""
    try:
        with database.reading() as connection:
            version = str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) or "")
    except sa.exc.SQLAlchemyError as error:
        raise CasewayError(
            "the database does not answer", code="database", hint="check CASEWAY_DATABASE_URL and its server"
        ) from error
    if version == HEAD:
        return
    is_newer = version > HEAD
    raise CasewayError(
        f"the database schema is {version or 'missing'}, this version of Caseway needs {HEAD}",
        code="schema-new" if is_newer else "schema-old",
        hint="use the newer Caseway that wrote it" if is_newer else "run `caseway db migrate`",
    )
