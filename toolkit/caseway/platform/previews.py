"""Preview stages: brought up for a change, brought to its next commit in place, taken away without a trace.

The one rule: everything of a preview belongs to the project `<project>/<id>`, so that what is to go is known
without having been written down, whatever was cut short."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from caseway.model.desired import Desired, Source
from caseway.model.errors import CasewayError
from caseway.model.states import PreviewStatus
from caseway.platform import lease
from caseway.platform import preview_records as records
from caseway.platform.apply import ApplyReport, Listener, apply
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.patience import Pause, patiently
from caseway.platform.preview_purge import forget_events, orphans, purge_rest
from caseway.platform.preview_records import Key, Preview
from caseway.platform.snapshot import read_snapshot
from caseway.reconcile.plan import plan
from caseway.reconcile.preview import changed_here, check_id, project_of, prospect

__all__ = ["Preview", "PreviewOrder", "collect", "down", "get", "listed", "stale", "up"]

LEASE = "previews"  # one at a time: they end in one apply lease anyway
_SILENCE = (
    40.0  # seconds after which one that says nothing has died, on whatever machine; others wait for longer
)


@dataclass(frozen=True, slots=True)
class PreviewOrder:
    """Which preview to bring up: `head` is the whole project at the change, `use_cases` what the change
    touches (None: what differs from the platform). A run of a lower `sequence` than the last one is late and
    changes nothing."""

    id: str
    head: Desired
    use_cases: tuple[str, ...] | None = None
    ref: str = ""
    link: str = ""
    sequence: int = 0


def up(
    platform: Platform,
    order: PreviewOrder,
    *,
    actor: str,
    on_progress: Listener | None = None,
    pause: Pause = time.sleep,
) -> Preview:
    """Bring the preview to `order`, whatever state it is in. When something of it fails it stays as stale,
    with what works of it.

    Raises `CasewayError`: `preview-id`, `previews-off`, `plan-blocked`, `lease-held`."""
    head = order.head
    check_id(order.id, (stage.name for stage in head.stages))
    if not head.previews.enabled:
        hint = "set spec.preview.enabled in caseway.yaml"
        raise CasewayError(
            f"project {head.project} has no previews", code="previews-off", place=head.project, hint=hint
        )
    key: Key = (head.organization, head.project, order.id)
    by = By(head.organization, actor, platform.clock(), head.source.commit)
    with _turn(platform, pause):
        row = _row(platform, key)
        if row is not None and order.sequence < row.sequence:
            return records.view(platform, row)
        if row is not None and row.status in {PreviewStatus.EXPIRED, PreviewStatus.BUILDING}:
            _unstick(platform, key, row.status, by, pause)
        asked = {"ref": order.ref, "link": order.link, "sequence": order.sequence}
        records.begin(platform, head, order.id, asked)
        platform.on_boundary("preview:begun")
        try:
            error, expected = _build(platform, order, by, on_progress, pause)
        except CasewayError as problem:
            records.step(platform, key, PreviewStatus.STALE, error=problem.message)
            raise
        done = {"commit": head.source.commit, "use_cases": expected, "error": error}
        records.step(platform, key, PreviewStatus.STALE if error else PreviewStatus.READY, **done)
    return get(platform, *key)


def _unstick(platform: Platform, key: Key, status: str, by: By, pause: Pause) -> None:
    """What a crash or its age left is brought to where a build may begin."""
    if status == PreviewStatus.EXPIRED:
        _destroy(platform, key, by, pause)
    else:
        records.step(platform, key, PreviewStatus.STALE)


def _build(
    platform: Platform,
    order: PreviewOrder,
    by: By,
    tell: Listener | None,
    pause: Pause,
) -> tuple[str, list[dict[str, Any]]]:
    """Plan, apply, and purge what the change no longer touches; what failed, and what is expected."""

    def once() -> tuple[ApplyReport, list[dict[str, Any]], Desired]:
        snapshot = read_snapshot(platform, order.head.organization)
        names = order.use_cases
        chosen = changed_here(order.head, snapshot) if names is None else names
        found = prospect(order.head, chosen, snapshot, order.id)
        made = plan(found.desired, snapshot)
        blocked = (*found.blocked, *made.blocked)
        if blocked:
            raise CasewayError(
                "the preview cannot be made:\n" + "\n".join(f"  - {reason}" for reason in blocked),
                code="plan-blocked",
                place=order.id,
            )
        report = apply(platform, made, actor=by.actor, on_progress=tell)
        return report, records.stored(found.expected), found.desired

    report, expected, desired = patiently(once, pause)
    platform.on_boundary("preview:applied")
    purge_rest(platform, desired, by, pause)
    errors = [f"{item.id}: {item.message}" for item in report.results if item.status == "failed"]
    return "\n".join(errors), expected


def stale(platform: Platform, organization: str, project: str, preview: str, *, error: str) -> Preview | None:
    """Say that a newer commit could not be brought up; None when there is no such preview."""
    key = (organization, project, preview)
    row = _row(platform, key)
    if row is None:
        return None
    if row.status in {PreviewStatus.READY, PreviewStatus.BUILDING, PreviewStatus.STALE}:
        records.step(platform, key, PreviewStatus.STALE, error=error)
    return get(platform, *key)


def down(
    platform: Platform,
    organization: str,
    project: str,
    preview: str,
    *,
    actor: str,
    pause: Pause = time.sleep,
) -> Preview:
    """Take a preview away: afterwards nothing of it is stored but its lines in the audit. There need be none:
    to be asked twice changes nothing."""
    check_id(preview, ())
    key = (organization, project, preview)
    with _turn(platform, pause):
        _destroy(platform, key, By(organization, actor, platform.clock()), pause)
    return Preview(organization, project, preview, PreviewStatus.DESTROYED)


def collect(
    platform: Platform,
    organization: str,
    *,
    project: str = "",
    keep: Collection[str] | None = None,
    actor: str,
    pause: Pause = time.sleep,
) -> list[str]:
    """Destroy the previews whose time is over, those of `project` that are not among `keep` (when it is
    given), and whatever is of a preview that has no record; `<project>/<id>` of each."""
    by = By(organization, actor, platform.clock())
    with _turn(platform, pause):
        with platform.database.reading() as connection:
            late = records.overdue(connection, organization, by.at)
            known = records.all_of(connection, organization)
            strays = orphans(connection, organization, {project_of(row.project, row.id) for row in known})
        closed = [
            row for row in known if keep is not None and row.project == project and row.id not in set(keep)
        ]
        keys = {records.key_of(row): row.status for row in (*late, *closed)}
        for row in late:
            _expire(platform, records.key_of(row), row.status)
        found = [*keys, *strays]
        for key in found:
            _destroy(platform, key, by, pause)
    return [project_of(key[1], key[2]) for key in found]


def listed(platform: Platform, organization: str, project: str = "") -> list[Preview]:
    """Every preview of the organization, or of one project."""
    with platform.database.reading() as connection:
        rows = records.all_of(connection, organization, project)
    return [records.view(platform, row) for row in rows]


def get(platform: Platform, organization: str, project: str, preview: str) -> Preview:
    """One preview; raises `CasewayError` (`not-found`)."""
    key = (organization, project, preview)
    row = _row(platform, key)
    if row is None:
        raise records.missing(key)
    return records.view(platform, row)


def _row(platform: Platform, key: Key) -> Any:
    with platform.database.reading() as connection:
        return records.find(connection, key)


def _expire(platform: Platform, key: Key, status: str) -> None:
    if status == PreviewStatus.BUILDING:
        records.step(platform, key, PreviewStatus.STALE)
    if status != PreviewStatus.REQUESTED:
        records.step(platform, key, PreviewStatus.EXPIRED)


def _destroy(platform: Platform, key: Key, by: By, pause: Pause) -> None:
    """Everything of the preview, and last its record: cut anywhere, doing it again finds the rest."""
    organization, project, preview = key
    scope = project_of(project, preview)
    nothing = Desired(scope, organization, "", Source(), (), preview=preview)
    purge_rest(platform, nothing, by, pause)
    platform.on_boundary("preview:purged")
    with platform.database.transaction() as connection:
        forget_events(connection, organization, scope)
        if records.find(connection, key) is not None:
            records.forget(connection, key)
            note(connection, by, ("destroy", "preview", scope))


@contextmanager
def _turn(platform: Platform, pause: Pause) -> Iterator[None]:
    """The lease on previews, once whoever has it is done."""
    with ExitStack() as stack:
        patiently(lambda: stack.enter_context(lease.hold(platform, name=LEASE, seconds=_SILENCE)), pause)
        yield
