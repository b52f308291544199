"""How values are kept, the same on every database: instants and JSON are text. One metadata for all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMES)


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with six digits, so that the order of texts is the order of time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The aware datetime of an `instant`."""
    return datetime.fromisoformat(text)


class Instant(TypeDecorator[datetime]):
    """An aware datetime kept as the text of `instant`."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """To text."""
        return None if value is None else instant(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """From text."""
        return None if value is None else moment(value)


class JsonText(TypeDecorator[Any]):
    """Any JSON value kept as ASCII text: key order kept, NUL and lone surrogates survive everywhere."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """To text; SQL NULL means that there is no value, not JSON null."""
        return None if value is None else to_text(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> Any:  # noqa: ARG002 - the signature is SQLAlchemy's
        """From text."""
        return None if value is None else json.loads(value)


def to_text(value: Any) -> str:
    """Compact ASCII JSON; mappings and sequences of any class are accepted."""
    return _ENCODER.encode(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return dict(value)
    if isinstance(value, (tuple, set, frozenset)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


# One encoder for all: `json.dumps` with separators makes a new one for each call.
_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_plain)
