"""Watches a database for every change of a status, whoever makes it: triggers write down before and after.

Rule: what is watched is the store itself, so no statement can pass by unseen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from caseway.model.states import DEPLOYMENT, EXECUTION, PREVIEW, TEMPLATE
from caseway.platform.database import Database

Step = tuple[str, str]

# Table and column of each machine, and its table of allowed steps.
MACHINES: Mapping[str, tuple[str, str, Mapping[Any, frozenset[Any]]]] = {
    "template": ("template_status", "status", TEMPLATE),
    "deployment": ("deployments", "status", DEPLOYMENT),
    "execution": ("executions", "status", EXECUTION),
    "preview": ("previews", "status", PREVIEW),
}
# A record that is made in a state went there from this one; one that is gone went to that one.
BORN: Mapping[Step, Step] = {("deployment", "deploying"): ("pending", "deploying")}
GONE = "destroyed"
TABLE = "seen_steps"
_KEEP = f"INSERT INTO {TABLE} (machine, before, after) VALUES"


def watch(database: Database) -> None:
    """Write down every step from now on."""
    with database.writing() as connection:
        connection.execute(sa.text(f"CREATE TABLE {TABLE} (machine text, before text, after text)"))
        for machine, (table, column, _) in MACHINES.items():
            for statement in _triggers(connection.dialect.name, machine, table, column):
                connection.execute(sa.text(statement))


def steps(database: Database, machine: str) -> set[Step]:
    """The steps that records of one machine took."""
    query = sa.text(f"SELECT DISTINCT before, after FROM {TABLE} WHERE machine = :machine")
    with database.reading() as connection:
        rows = connection.execute(query, {"machine": machine}).all()
    found = {(before, after) for before, after in rows if before and before != after}
    return found | {BORN[machine, after] for before, after in rows if (machine, after) in BORN and not before}


def listed(machine: str) -> set[Step]:
    """The steps that the machine's table allows."""
    table: Mapping[StrEnum, frozenset[StrEnum]] = MACHINES[machine][2]
    return {(before.value, after.value) for before, more in table.items() for after in more}


def unlisted(database: Database) -> dict[str, set[Step]]:
    """Steps that were taken though no table allows them."""
    found = {machine: steps(database, machine) - listed(machine) for machine in MACHINES}
    return {machine: taken for machine, taken in found.items() if taken}


def forget(database: Database) -> None:
    """Begin anew."""
    with database.writing() as connection:
        connection.execute(sa.text(f"DELETE FROM {TABLE}"))


def _triggers(dialect: str, machine: str, table: str, column: str) -> list[str]:
    kept = {
        "INSERT": f"{_KEEP} ('{machine}', '', NEW.{column});",
        "UPDATE": f"{_KEEP} ('{machine}', OLD.{column}, NEW.{column});",
    }
    if machine == "preview":
        kept["DELETE"] = f"{_KEEP} ('{machine}', OLD.{column}, '{GONE}');"
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER seen_{machine}_{when.lower()} AFTER {when} ON {table} BEGIN {body} END"
            for when, body in kept.items()
        ]
    return [
        statement
        for when, body in kept.items()
        for statement in (
            f"CREATE FUNCTION seen_{machine}_{when.lower()}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN NULL; END $$",
            f"CREATE TRIGGER seen_{machine}_{when.lower()} AFTER {when} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION seen_{machine}_{when.lower()}()",
        )
    ]
