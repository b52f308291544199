"""Templates: written once, verified when read, with their status in a ledger beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject, canonical
from caseway.model.errors import CasewayError
from caseway.model.states import TEMPLATE, TemplateStatus, move
from caseway.platform.audit import By
from caseway.platform.tables import processes, template_ledger, template_status, templates

SNAPSHOTS = "snapshots"  # the tombstone of hidden processes: no living row has one


@dataclass(frozen=True, slots=True)
class Stored:
    """A template as kept, its body verified against its digest."""

    id: str
    process_id: str
    version: str
    revision: int
    digest: str
    status: TemplateStatus
    body: JsonObject
    snapshot: str = ""


def add(connection: sa.Connection, template_id: str, process_id: str, made: JsonObject, by: By) -> bool:
    """Freeze a new template; False when this very one is there already.

    Raises `CasewayError`: `version-conflict` naming both commits, `digest-mismatch` for a forged body."""
    kept = connection.execute(
        sa.select(templates.c.digest, templates.c.commit).where(
            templates.c.process_id == process_id, templates.c.version == made["version"]
        )
    ).one_or_none()
    if kept is not None and kept.digest != made["digest"]:
        raise _conflict(made, kept.commit)
    if kept is not None or _has(connection, process_id, str(made["digest"])):
        return False
    body = encoded(made["body"])
    _verify(body, str(made["digest"]), str(made["version"]))
    highest = sa.select(sa.func.coalesce(sa.func.max(templates.c.revision), 0) + 1).where(
        templates.c.process_id == process_id
    )
    connection.execute(
        sa.insert(templates).values(
            id=template_id,
            process_id=process_id,
            version=made["version"],
            revision=highest.scalar_subquery(),
            digest=made["digest"],
            body=body,
            created_at=by.at,
            **{name: str(made.get(name) or "") for name in ("commit", "author", "message", "path")},
            **{name: str(made.get(name) or "") for name in ("rule", "bump", "snapshot")},
        )
    )
    connection.execute(
        sa.insert(template_status).values(template_id=template_id, status=TemplateStatus.INACTIVE)
    )
    _enter(connection, template_id, TemplateStatus.INACTIVE, by)
    return True


def set_status(connection: sa.Connection, stored: Stored, status: TemplateStatus, by: By) -> bool:
    """Move a template along its states; False when it is there already. Publishing deprecates what was
    published before, for there is one published template per process. Raises `CasewayError` (`snapshot`) for
    a template that is of a preview or of uncommitted work."""
    if stored.status is status:
        return False
    if stored.snapshot:
        raise CasewayError(
            f"{stored.version} is a snapshot and is never published",
            code="snapshot",
            place=stored.version,
            hint="commit and apply the change: that makes the version",
        )
    move(TEMPLATE, stored.status, status)
    if status is TemplateStatus.PUBLISHED:
        for before in connection.scalars(
            sa.select(template_status.c.template_id).where(
                template_status.c.published_for == stored.process_id
            )
        ).all():
            _write(connection, before, TemplateStatus.DEPRECATED, None, by)
    published_for = stored.process_id if status is TemplateStatus.PUBLISHED else None
    _write(connection, stored.id, status, published_for, by)
    return True


def by_digest(connection: sa.Connection, process_id: str, digest: str) -> Stored:
    """The template with that digest, else the snapshot of uncommitted work that has it; raises
    `CasewayError` (`not-found`)."""
    try:
        return _one(connection, process_id, templates.c.digest == digest, digest[:19])
    except CasewayError:
        twin = snapshots_of(connection, process_id)
        if twin is None:
            raise
        return _one(connection, twin, templates.c.digest == digest, digest[:19])


def snapshots_of(connection: sa.Connection, process_id: str) -> str | None:
    """The id of the hidden process that holds the snapshots of uncommitted work of a process. It stands
    apart, so that a version made of the same content later finds its digest and its number free."""
    real = processes.alias()
    return connection.scalar(
        sa.select(processes.c.id)
        .join(real, sa.and_(real.c.organization == processes.c.organization, real.c.name == processes.c.name))
        .where(real.c.id == process_id, processes.c.tombstone == SNAPSHOTS)
    )


def by_version(connection: sa.Connection, process_id: str, version: str) -> Stored:
    """The template of that version; raises `CasewayError` (`not-found`)."""
    return _one(connection, process_id, templates.c.version == version, version)


def newest(connection: sa.Connection, process_id: str, *, published: bool = False) -> Stored | None:
    """The template of the highest revision, or the published one."""
    query = _query().where(templates.c.process_id == process_id).order_by(templates.c.revision.desc())
    if published:
        query = query.where(template_status.c.published_for == process_id)
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else _stored(row)


def encoded(body: Any) -> bytes:
    """The bytes whose SHA-256 is the digest."""
    return canonical(body).encode("utf-8", "surrogatepass")


def decoded(body: bytes, digest: str, name: str) -> dict[str, Any]:
    """The body, after proof that nobody touched it; raises `CasewayError` (`digest-mismatch`)."""
    _verify(body, digest, name)
    value: dict[str, Any] = json.loads(body)
    return value


def _verify(body: bytes, digest: str, name: str) -> None:
    if "sha256:" + hashlib.sha256(body).hexdigest() != digest:
        raise CasewayError(
            f"the body of template {name} does not have the digest {digest}",
            code="digest-mismatch",
            place=name,
            hint="the store was changed by other means than Caseway; restore it from a backup",
        )


def _query() -> sa.Select[Any]:
    return sa.select(
        templates.c.id,
        templates.c.process_id,
        templates.c.version,
        templates.c.revision,
        templates.c.digest,
        templates.c.body,
        templates.c.snapshot,
        template_status.c.status,
    ).join(template_status, template_status.c.template_id == templates.c.id)


def _one(connection: sa.Connection, process_id: str, where: Any, shown: str) -> Stored:
    row = connection.execute(_query().where(templates.c.process_id == process_id, where)).one_or_none()
    if row is None:
        raise CasewayError(f"there is no template {shown}", code="not-found", place=shown)
    return _stored(row)


def _stored(row: sa.Row[Any]) -> Stored:
    body = decoded(row.body, row.digest, row.version)
    return Stored(
        row.id,
        row.process_id,
        row.version,
        row.revision,
        row.digest,
        TemplateStatus(row.status),
        body,
        row.snapshot,
    )


def _has(connection: sa.Connection, process_id: str, digest: str) -> bool:
    query = sa.select(templates.c.id).where(
        templates.c.process_id == process_id, templates.c.digest == digest
    )
    return connection.execute(query).first() is not None


def _write(
    connection: sa.Connection, template_id: str, status: TemplateStatus, published_for: str | None, by: By
) -> None:
    connection.execute(
        sa.update(template_status)
        .where(template_status.c.template_id == template_id)
        .values(status=status, published_for=published_for)
    )
    _enter(connection, template_id, status, by)


def _enter(connection: sa.Connection, template_id: str, status: TemplateStatus, by: By) -> None:
    connection.execute(
        sa.insert(template_ledger).values(
            template_id=template_id, status=status, at=by.at, actor=by.actor, commit=by.commit
        )
    )


def _conflict(made: Mapping[str, Any], before: str) -> CasewayError:
    return CasewayError(
        f"version {made['version']} of {made['process']} exists with other content: "
        f"commit {before[:12] or 'unknown'} made it, {str(made.get('commit') or '')[:12] or 'this one'} "
        "differs",
        code="version-conflict",
        place=str(made["process"]),
        hint="give the changed use case a new version",
    )
