"""Ids and times as text: the quick ways give what the standard library gives."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from caseway_runner.derived import id_of
from caseway_runner.moments import moment, stamp

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC) | ZONES)


@given(st.uuids(), st.text())
def test_the_id_of_a_name_is_its_uuid_of_version_5(namespace: uuid.UUID, name: str) -> None:
    name = name.encode("utf-8", "ignore").decode()  # no lone surrogates: these have no id
    assert id_of(namespace, name) == str(uuid.uuid5(namespace, name))


@given(MOMENTS)
def test_a_moment_is_written_in_utc_and_read_again(at: datetime) -> None:
    assert stamp(at) == at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    assert moment(stamp(at)) == at
