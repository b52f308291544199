"""The record of each preview: its state, what is in it, and until when. No work is done here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.desired import Desired
from caseway.model.errors import CasewayError
from caseway.model.states import PREVIEW, PreviewStatus, move
from caseway.platform.bundle import Platform
from caseway.platform.instance_views import InstanceView, list_instances
from caseway.platform.lookup import Row
from caseway.platform.tables import instant, previews
from caseway.reconcile.preview import Expected, project_of

Key = tuple[str, str, str]  # organization, project, id


@dataclass(frozen=True, slots=True)
class PreviewUseCase:
    """One use case of a preview: what merging would make of it, and where it runs meanwhile."""

    use_case: str
    version: str
    is_new: bool
    reason: str
    instances: tuple[InstanceView, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """One preview stage. `commit` is what was brought up last; `error` says why it is stale."""

    organization: str
    project: str
    id: str
    status: str
    commit: str = ""
    ref: str = ""
    link: str = ""
    created_at: str = ""
    updated_at: str = ""
    expires_at: str = ""
    error: str = ""
    use_cases: tuple[PreviewUseCase, ...] = ()

    def as_json(self) -> JsonObject:
        """The preview as a JSON object."""
        return asdict(self)


def find(connection: sa.Connection, key: Key) -> Row | None:
    """The record of a preview."""
    return connection.execute(sa.select(previews).where(*_is(key))).one_or_none()


def begin(platform: Platform, head: Desired, preview: str, asked: Mapping[str, Any]) -> Key:
    """Record that the preview is asked for, or that it is built anew. `asked` has ref, link and sequence."""
    key = (head.organization, head.project, preview)
    now = platform.clock()
    policy = head.previews
    values = {
        "credentials": list(policy.credentials),
        "expires_at": now + timedelta(seconds=policy.seconds),
        "updated_at": now,
        "error": "",
        **asked,
    }
    with platform.database.transaction() as connection:
        if find(connection, key) is None:
            made = dict(zip(("organization", "project", "id"), key, strict=True))
            connection.execute(
                sa.insert(previews).values(
                    **made,
                    **values,
                    status=PreviewStatus.REQUESTED,
                    commit="",
                    use_cases=[],
                    created_at=now,
                )
            )
        else:
            connection.execute(sa.update(previews).where(*_is(key)).values(**values))
    platform.on_boundary("preview:requested")
    step(platform, key, PreviewStatus.BUILDING)
    return key


def step(platform: Platform, key: Key, status: PreviewStatus, **changes: Any) -> None:
    """Move a preview along its states; one that is in the state already stays there. A build that was cut
    is stale before it is built again."""
    with platform.database.writing() as connection:
        row = find(connection, key)
        if row is None:
            raise missing(key)
        before = PreviewStatus(row.status)
        if before is not status:
            move(PREVIEW, before, status)
        values = {"status": status, "updated_at": platform.clock(), **changes}
        connection.execute(sa.update(previews).where(*_is(key)).values(**values))


def forget(connection: sa.Connection, key: Key) -> None:
    """The record is gone: the preview is destroyed."""
    row = find(connection, key)
    if row is not None:
        move(PREVIEW, PreviewStatus(row.status), PreviewStatus.DESTROYED)
        connection.execute(sa.delete(previews).where(*_is(key)))


def overdue(connection: sa.Connection, organization: str, now: datetime) -> list[Row]:
    """The previews whose time is over."""
    query = sa.select(previews).where(previews.c.organization == organization, previews.c.expires_at <= now)
    return list(connection.execute(query.order_by(previews.c.project, previews.c.id)))


def all_of(connection: sa.Connection, organization: str, project: str = "") -> list[Row]:
    """Every preview of the organization, or of one project."""
    query = sa.select(previews).where(previews.c.organization == organization)
    if project:
        query = query.where(previews.c.project == project)
    return list(connection.execute(query.order_by(previews.c.project, previews.c.id)))


def key_of(row: Row) -> Key:
    """What names the preview."""
    return row.organization, row.project, row.id


def stored(expected: tuple[Expected, ...]) -> list[dict[str, Any]]:
    """What is kept of what the merge would make."""
    return [asdict(item) for item in expected]


def view(platform: Platform, row: Row) -> Preview:
    """The preview as people look at it, with its instances."""
    scope = project_of(row.project, row.id)
    there = [
        item for item in list_instances(platform, row.organization, stage=row.id) if item.project == scope
    ]
    return Preview(
        **{name: getattr(row, name) for name in ("organization", "project", "id", "status")},
        **{name: getattr(row, name) for name in ("commit", "ref", "link", "error")},
        created_at=instant(row.created_at),
        updated_at=instant(row.updated_at),
        expires_at=instant(row.expires_at),
        use_cases=tuple(
            PreviewUseCase(
                **item,
                instances=tuple(one for one in there if one.process == f"{item['use_case']}--{row.id}"),
            )
            for item in row.use_cases
        ),
    )


def missing(key: Key) -> CasewayError:
    """There is no such preview."""
    return CasewayError(
        f"there is no preview {key[2]!r} of project {key[1]!r}",
        code="not-found",
        place=key[2],
        hint="see `caseway preview list`",
    )


def _is(key: Key) -> tuple[Any, ...]:
    return previews.c.organization == key[0], previews.c.project == key[1], previews.c.id == key[2]
