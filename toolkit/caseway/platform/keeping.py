"""Looking after what is kept: is every template what its digest says, and which ones does nothing need."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.model.states import TemplateStatus
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.tables import deployments, processes, template_status, templates
from caseway.platform.templates import decoded

KEEP = 20  # newest templates of a process that are kept whether used or not: what one may want to go back to


def damaged(platform: Platform, organization: str) -> list[str]:
    """The templates (`process@version`) whose body is not what their digest says."""
    query = (
        sa.select(processes.c.name, templates.c.version, templates.c.digest, templates.c.body)
        .join(processes, processes.c.id == templates.c.process_id)
        .where(processes.c.organization == organization)
        .order_by(processes.c.name, templates.c.revision)
    )
    found = []
    with platform.database.reading() as connection:
        for row in connection.execute(query):
            try:
                decoded(bytes(row.body), row.digest, row.version)
            except (CasewayError, ValueError):
                found.append(f"{row.name}@{row.version}")
    return found


def collect(platform: Platform, organization: str, *, keep: int = KEEP, actor: str) -> list[str]:
    """Forget old templates that were never published and that no deployment, past or present, refers to;
    their names. The newest `keep` of each process stay, so revisions are never given twice."""
    ranked = sa.select(
        templates.c.id,
        sa.func.row_number()
        .over(partition_by=templates.c.process_id, order_by=templates.c.revision.desc())
        .label("place"),
    ).subquery()
    query = (
        sa.select(templates.c.id, processes.c.name, templates.c.version)
        .join(ranked, ranked.c.id == templates.c.id)
        .join(processes, processes.c.id == templates.c.process_id)
        .join(template_status, template_status.c.template_id == templates.c.id)
        .where(
            processes.c.organization == organization,
            ranked.c.place > max(keep, 1),
            template_status.c.status == TemplateStatus.INACTIVE,
            ~sa.exists().where(deployments.c.template_id == templates.c.id),
        )
        .order_by(processes.c.name, templates.c.revision)
    )
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        rows = connection.execute(query).all()
        names = [f"{row.name}@{row.version}" for row in rows]
        for row, name in zip(rows, names, strict=True):
            connection.execute(sa.delete(templates).where(templates.c.id == row.id))
            note(connection, by, ("collect", "template", name))
    return names
