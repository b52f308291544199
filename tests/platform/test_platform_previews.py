"""Previews, snapshots of uncommitted work, and pulled projects, on every database."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from caseway.model.desired import Desired
from caseway.model.errors import CasewayError
from caseway.platform import previews, processes, pulling
from caseway.platform.compose import Platform
from caseway.platform.dev_templates import collect_snapshots
from caseway.platform.previews import PreviewOrder
from caseway.platform.pulling import Remote, Secrets
from caseway.platform.pulling_deliveries import Pushed, take
from caseway.platform.tables import metadata
from caseway.platform.views import get_instance, get_process
from caseway.reconcile.uncommitted import tried_in
from chaos.store_builders import (
    ORGANIZATION,
    StandingClock,
    a_repo,
    a_resource,
    a_use_case,
    an_instance,
    deployed,
    planned,
)

COUNTED_BESIDE = {"audit", "store", "leases"}


def rows(platform: Platform) -> dict[str, int]:
    with platform.database.reading() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
            if table.name not in COUNTED_BESIDE
        }


def the_repo(**changes: object) -> Desired:
    return a_repo(a_use_case(**changes), an_instance(), connections=(a_resource(url="x"),))  # type: ignore[arg-type]


def test_a_preview_comes_and_goes_without_a_trace(platform: Platform) -> None:
    deployed(platform, the_repo())
    before = rows(platform)
    order = PreviewOrder("pr-42", the_repo(title="changed", connections=["db"]))

    made = previews.up(platform, order, actor="ci")
    again = previews.up(platform, replace(order, head=the_repo(title="more")), actor="ci")

    assert (made.status, again.status) == ("ready", "ready")
    assert [item.version for item in again.use_cases] == ["1.0.1"]
    assert planned(platform, the_repo(), prune=True).is_empty
    previews.down(platform, ORGANIZATION, "acme-automations", "pr-42", actor="ci")
    assert rows(platform) == before


def test_previews_end_when_their_time_is_over(platform: Platform, clock: StandingClock) -> None:
    deployed(platform, the_repo())
    previews.up(platform, PreviewOrder("pr-42", the_repo(title="changed")), actor="ci")
    clock.advance(hours=73)
    assert previews.collect(platform, ORGANIZATION, actor="ci") == ["acme-automations/pr-42"]


def test_what_is_tried_out_becomes_a_version_only_by_a_commit(platform: Platform) -> None:
    deployed(platform, the_repo())
    changed = the_repo(title="changed")
    deployed(platform, tried_in(changed, "dev"), stage="dev")
    tried = get_instance(platform, ORGANIZATION, "invoice-dev").version
    assert tried.startswith("1.0.1+dev.")
    with pytest.raises(CasewayError):
        processes.publish(platform, ORGANIZATION, "invoice", tried, actor="ann")

    deployed(platform, changed)

    assert get_instance(platform, ORGANIZATION, "invoice-dev").version == "1.0.1"
    versions = [item.version for item in get_process(platform, ORGANIZATION, "invoice").templates]
    assert versions == ["1.0.1", "1.0.0"]
    assert collect_snapshots(platform, ORGANIZATION, actor="ann") == 1
    assert planned(platform, changed).is_empty


def test_a_pulled_project_is_looked_at_by_one_at_a_time(platform: Platform, clock: StandingClock) -> None:
    remote = Remote(ORGANIZATION, "acme", "https://git.example.com/acme.git")
    pulling.register(platform, remote, Secrets(token="t", hook="h"), actor="ann")

    claimed = pulling.claim_due(platform)

    assert claimed is not None
    assert (claimed[0], claimed[1].token) == (remote, "t")
    assert pulling.claim_due(platform) is None
    pulling.looked(platform, remote, error="", heads={"refs/heads/main": "1"}, applied={"dev": "1"})
    clock.advance(seconds=61)
    assert pulling.claim_due(platform) is not None


def test_a_push_is_taken_once_and_has_its_project_looked_at(platform: Platform) -> None:
    remote = Remote(ORGANIZATION, "acme", "https://git.example.com/acme.git", seconds=3600)
    pulling.register(platform, remote, Secrets(), actor="ann")
    pulling.claim_due(platform)
    pushed = Pushed("github:1", "github", ORGANIZATION, "acme", "refs/heads/main", "2" * 40)
    assert take(platform, pushed) is True
    assert take(platform, pushed) is False
    assert pulling.claim_due(platform) is not None


def test_who_claimed_a_project_and_died_is_followed_by_another(
    platform: Platform, clock: StandingClock
) -> None:
    remote = Remote(ORGANIZATION, "acme", "https://git.example.com/acme.git")
    pulling.register(platform, remote, Secrets(), actor="ann")
    pulling.claim_due(platform)
    clock.advance(minutes=16)
    assert pulling.claim_due(platform) is not None
