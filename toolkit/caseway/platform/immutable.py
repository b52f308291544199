"""Rows that are written once: the statements that make each database refuse to change them."""

from __future__ import annotations

from collections.abc import Iterator

INSERT_ONLY = ("templates", "template_ledger", "definitions", "audit")


def guards(dialect: str) -> Iterator[str]:
    """The statements that put a trigger on each insert-only table; runs inside the migration."""
    if dialect == "postgresql":
        yield (
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$"
        )
    for table in INSERT_ONLY:
        if dialect == "postgresql":
            yield (
                f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
        else:
            yield (
                f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
