"""Previews on a platform: up, its next commit, down without a trace, gone when their time is over."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.delivery.preview import (
    PreviewRequest,
    preview_down,
    preview_gc,
    preview_list,
    preview_stale,
    preview_up,
)
from caseway.model.access import local
from caseway.model.desired import Desired, PreviewPolicy
from caseway.model.errors import CasewayError
from caseway.operations.desired_state import as_json, of_json
from caseway.operations.local_client import LocalClient
from caseway.platform import inbox, keys, lease, previews, processes
from caseway.platform.building import BuildRequest, BuiltImage
from caseway.platform.compose import Platform
from caseway.platform.creation import NewExecution, create
from caseway.platform.credentials import set_credential
from caseway.platform.previews import Preview, PreviewOrder
from caseway.platform.tables import metadata, schedules
from caseway.platform.views import get_instance, get_process, list_instances
from caseway.reconcile.preview import touched
from chaos.store_builders import (
    ORGANIZATION,
    StandingClock,
    a_document,
    a_platform,
    a_repo,
    a_resource,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
    planned,
)

PROJECT = "acme-automations"
KEPT = {"audit", "store", "leases"}  # what a preview leaves its lines in, and the counters of the store


def up(platform: Platform, head: Desired, base: Desired | None = None, **changes: Any) -> Preview:
    names = tuple(sorted(touched(base, head))) if base is not None else None
    order = replace(PreviewOrder("pr-42", head, names), **changes)
    return previews.up(platform, order, actor="ci", pause=no_pause)


def no_pause(_seconds: float) -> None:
    raise AssertionError("nobody else is at work here")


def rows(platform: Platform) -> dict[str, int]:
    """How many rows each table has."""
    with platform.database.reading() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
            if table.name not in KEPT
        }


@pytest.fixture
def base(platform: Platform) -> Desired:
    """A project with two use cases that runs."""
    repo = a_repo(
        a_use_case(),
        a_use_case("bill"),
        an_instance(),
        an_instance("bill-dev", use_case="bill"),
        connections=(a_resource(url="https://db.test"),),
    )
    deployed(platform, repo)
    return repo


@pytest.fixture
def head(base: Desired) -> Desired:
    """The same project with one use case changed."""
    return replace(base, use_cases=(a_use_case(title="changed"), base.use_cases[1]))


def test_only_what_the_change_touches_runs_in_the_preview(
    platform: Platform, base: Desired, head: Desired
) -> None:
    made = up(platform, head, base)

    assert made.status == "ready"
    assert [(item.use_case, item.version, item.is_new) for item in made.use_cases] == [
        ("invoice", "1.0.1", True)
    ]
    assert [item.name for item in list_instances(platform, ORGANIZATION, stage="pr-42")] == [
        "invoice-dev--pr-42"
    ]


def test_the_preview_has_an_address_of_its_own(platform: Platform, base: Desired, head: Desired) -> None:
    made = up(platform, head, base)

    [instance] = made.use_cases[0].instances
    real = get_instance(platform, ORGANIZATION, "invoice-dev")
    url = instance.workflows[0].triggers[0]["url"]
    assert url != real.workflows[0].triggers[0]["url"]
    assert str(url).startswith("https://caseway.test/hooks/")


def test_what_runs_for_real_is_left_alone(platform: Platform, base: Desired, head: Desired) -> None:
    before = get_instance(platform, ORGANIZATION, "invoice-dev")
    up(platform, head, base)

    assert get_instance(platform, ORGANIZATION, "invoice-dev") == before
    assert planned(platform, base, prune=True).is_empty


def test_the_version_is_the_one_that_the_merge_makes(
    platform: Platform, base: Desired, head: Desired
) -> None:
    made = up(platform, head, base)
    deployed(platform, head)

    assert get_instance(platform, ORGANIZATION, "invoice-dev").version == made.use_cases[0].version


def test_several_commits_in_a_row_update_in_place(platform: Platform, base: Desired, head: Desired) -> None:
    first = up(platform, head, base)
    later = replace(head, use_cases=(a_use_case(title="changed again"), base.use_cases[1]))
    second = up(platform, later, base)

    assert second.use_cases[0].version == first.use_cases[0].version == "1.0.1"
    assert second.use_cases[0].instances[0].id == first.use_cases[0].instances[0].id
    assert second.use_cases[0].instances[0].template_digest == later.use_cases[0].digest


def test_what_a_later_commit_no_longer_touches_leaves_the_preview(
    platform: Platform, base: Desired, head: Desired
) -> None:
    both = replace(head, use_cases=(a_use_case(title="changed"), a_use_case("bill", title="changed")))
    up(platform, both, base)
    made = up(platform, head, base)

    assert [item.use_case for item in made.use_cases] == ["invoice"]
    names = [item.name for item in list_instances(platform, ORGANIZATION, stage="pr-42")]
    assert names == ["invoice-dev--pr-42"]


def test_taking_it_down_leaves_not_one_row(platform: Platform, base: Desired, head: Desired) -> None:
    before = rows(platform)
    changed = replace(
        head,
        connections=(a_resource(url="https://other.test"),),
        use_cases=(a_use_case(title="changed", connections=["db"]), base.use_cases[1]),
    )
    up(platform, changed, base)
    up(platform, replace(changed, use_cases=(a_use_case(title="more", connections=["db"]),)), base)
    keys.create(platform, ORGANIZATION, "invoice-dev--pr-42", name="ci", actor="ann")
    create(platform, NewExecution(ORGANIZATION, "invoice-dev--pr-42", "main", {}, "manual", "manual", "ann"))
    down = previews.down(platform, ORGANIZATION, PROJECT, "pr-42", actor="ci", pause=no_pause)

    assert down.status == "destroyed"
    assert rows(platform) == before


def test_to_take_down_what_is_not_there_changes_nothing(platform: Platform, base: Desired) -> None:
    before = rows(platform)
    previews.down(platform, ORGANIZATION, PROJECT, "pr-7", actor="ci", pause=no_pause)
    assert rows(platform) == before


def test_a_late_run_of_an_older_commit_changes_nothing(
    platform: Platform, base: Desired, head: Desired
) -> None:
    newer = replace(head, use_cases=(a_use_case(title="newest"), base.use_cases[1]))
    now = up(platform, newer, base, sequence=8)
    assert up(platform, head, base, sequence=7) == now


def test_schedules_are_off_in_a_preview(platform: Platform, base: Desired) -> None:
    nightly = a_workflow(triggers=[{"id": "nightly", "type": "schedule", "every": "1h"}])
    head = replace(base, use_cases=(a_use_case(workflows=[nightly]), base.use_cases[1]))
    up(platform, head, base)
    with platform.database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schedules)) == 0


def test_parameters_are_those_of_the_previews_overlay(platform: Platform, base: Desired) -> None:
    schema = {"type": "object", "properties": {"limit": {"type": "integer", "default": 5}}}
    head = replace(
        base,
        use_cases=(a_use_case(parameters=schema), base.use_cases[1]),
        previews=PreviewPolicy(parameters={"limit": 1, "unknown": 2}),
    )
    made = up(platform, head, base)
    assert made.use_cases[0].instances[0].parameters == {"limit": 1}


@pytest.mark.parametrize(("marked", "phase"), [((), "missing_integration"), (("erp",), "active")])
def test_only_credentials_marked_for_previews_are_used(
    platform: Platform, base: Desired, marked: tuple[str, ...], phase: str
) -> None:
    set_credential(platform, ORGANIZATION, "erp", {"token": "t"}, actor="ann")
    slots = {"erp": {"type": "custom", "scope": "organization", "required": True}}
    head = replace(
        base,
        use_cases=(a_use_case(credentials=slots), base.use_cases[1]),
        previews=PreviewPolicy(credentials=marked),
    )
    made = up(platform, head, base)
    assert made.use_cases[0].instances[0].phase == phase


def test_a_changed_connection_is_the_previews_own(platform: Platform, base: Desired) -> None:
    templated = a_workflow(
        definition=a_document("main", do=[{"say": {"set": {"at": "$[[ connections.db.url ]]"}}}])
    )
    used = a_use_case(connections=["db"], workflows=[templated])
    before = replace(base, use_cases=(used, base.use_cases[1]))
    deployed(platform, before)
    head = replace(before, connections=(a_resource(url="https://new.test"),))

    made = up(platform, head, before)

    assert [item.use_case for item in made.use_cases] == ["invoice"]
    assert planned(platform, before).is_empty
    again = up(platform, head, before)
    assert again.use_cases[0].instances[0].deployed_at == made.use_cases[0].instances[0].deployed_at


def test_a_template_of_a_preview_is_never_published(platform: Platform, base: Desired, head: Desired) -> None:
    up(platform, head, base)
    version = get_process(platform, ORGANIZATION, "invoice--pr-42").templates[0].version
    with pytest.raises(CasewayError, match="never published"):
        processes.publish(platform, ORGANIZATION, "invoice--pr-42", version, actor="ann")


def test_what_is_overdue_goes(platform: Platform, base: Desired, head: Desired, clock: StandingClock) -> None:
    before = rows(platform)
    up(platform, head, base)
    clock.advance(hours=71)
    assert previews.collect(platform, ORGANIZATION, actor="ci", pause=no_pause) == []
    clock.advance(hours=2)
    assert previews.collect(platform, ORGANIZATION, actor="ci", pause=no_pause) == [f"{PROJECT}/pr-42"]
    assert rows(platform) == before


def test_what_has_no_record_goes(platform: Platform, base: Desired, head: Desired) -> None:
    before = rows(platform)
    up(platform, head, base)
    with platform.database.writing() as connection:
        connection.execute(sa.delete(metadata.tables["previews"]))
    assert previews.collect(platform, ORGANIZATION, actor="ci", pause=no_pause) == [f"{PROJECT}/pr-42"]
    assert rows(platform) == before


def test_previews_of_closed_requests_go_when_the_open_ones_are_named(
    platform: Platform, base: Desired, head: Desired
) -> None:
    up(platform, head, base)
    up(platform, head, base, id="pr-43")
    gone = previews.collect(
        platform, ORGANIZATION, project=PROJECT, keep={"pr-43"}, actor="ci", pause=no_pause
    )
    assert gone == [f"{PROJECT}/pr-42"]
    assert [item.id for item in previews.listed(platform, ORGANIZATION)] == ["pr-43"]


def test_two_previews_of_one_change_do_not_meet(platform: Platform, base: Desired, head: Desired) -> None:
    one, two = up(platform, head, base), up(platform, head, base, id="pr-43")
    assert one.use_cases[0].version == two.use_cases[0].version
    previews.down(platform, ORGANIZATION, PROJECT, "pr-42", actor="ci", pause=no_pause)
    assert previews.get(platform, ORGANIZATION, PROJECT, "pr-43").use_cases == two.use_cases


def test_a_commit_that_cannot_be_brought_up_leaves_the_preview_stale(
    platform: Platform, base: Desired, head: Desired
) -> None:
    up(platform, head, base)
    shown = previews.stale(platform, ORGANIZATION, PROJECT, "pr-42", error="use-cases/x.yaml:3:1 is wrong")
    assert shown is not None
    assert (shown.status, shown.error) == ("stale", "use-cases/x.yaml:3:1 is wrong")
    assert up(platform, head, base).status == "ready"


def test_a_project_may_have_no_previews(platform: Platform, head: Desired) -> None:
    with pytest.raises(CasewayError) as caught:
        up(platform, replace(head, previews=PreviewPolicy(enabled=False)))
    assert caught.value.code == "previews-off"


@pytest.mark.parametrize("bad", ["", "PR-1", "pr_1", "-pr", "a--b", "x" * 40, "dev", "../x"])
def test_a_preview_needs_a_name_that_can_be_a_stage(platform: Platform, head: Desired, bad: str) -> None:
    with pytest.raises(CasewayError) as caught:
        up(platform, head, id=bad)
    assert caught.value.code == "preview-id"


class Cut(BaseException):
    """The process dies here."""


def test_cut_anywhere_bringing_up_and_taking_down_converge(
    database_url: str, base: Desired, head: Desired, clock: StandingClock
) -> None:
    """Dies at one boundary after the other, and does it again each time, until nothing is left to die at."""
    with a_platform(database_url) as platform:
        before = rows(platform)

    def dying(boundary: str, number: int) -> Any:
        seen = 0

        def hear(name: str) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                raise Cut(name)

        return hear

    number = 0
    while True:
        number += 11
        try:
            with a_platform(database_url, on_boundary=dying("", number), holder="dies@here:1") as platform:
                up(platform, head, base)
                previews.down(platform, ORGANIZATION, PROJECT, "pr-42", actor="ci")
            break
        except Cut:
            clock.advance(hours=1)
        with a_platform(database_url, clock=lambda: clock() + timedelta(days=400)) as platform:
            assert up(platform, head, base).status == "ready"
            previews.down(platform, ORGANIZATION, PROJECT, "pr-42", actor="ci", pause=no_pause)
            assert rows(platform) == before
    assert number > 50


def test_a_run_that_died_on_another_machine_is_waited_for_and_no_longer(
    database_url: str, base: Desired, head: Desired, clock: StandingClock
) -> None:
    """Nobody can look whether it lives, as of one on this machine: it has gone silent, and that is enough."""
    with a_platform(database_url, clock=clock, holder="gone@elsewhere:1") as platform:
        deployed(platform, base)
        lease.acquire(platform, name=previews.LEASE, seconds=40)
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        clock.advance(seconds=seconds)

    with a_platform(database_url, clock=clock, holder="mine@here:1") as platform:
        order = PreviewOrder("pr-42", head, ("invoice",))
        assert previews.up(platform, order, actor="ci", pause=pause).status == "ready"
    assert sum(waited) > 1


def test_a_preview_is_brought_up_through_a_client(platform: Platform, base: Desired, head: Desired) -> None:
    client = LocalClient(platform, local(ORGANIZATION, "ci"))
    made = preview_up(client, PreviewRequest("pr-42", head, base, link="https://forge.test/42", sequence=3))

    assert (made["status"], made["link"]) == ("ready", "https://forge.test/42")
    [one] = made["useCases"]
    assert (one["useCase"], one["version"], one["isNew"]) == ("invoice", "1.0.1", True)
    assert [item["id"] for item in preview_list(client)] == ["pr-42"]
    stale = preview_stale(client, PROJECT, "pr-42", "broken")
    assert stale is not None
    assert stale["status"] == "stale"
    assert preview_down(client, PROJECT, "pr-42")["status"] == "destroyed"
    assert preview_stale(client, PROJECT, "pr-42", "broken") is None
    assert preview_gc(client) == []


def test_the_base_decides_which_credentials_a_preview_may_use(
    platform: Platform, base: Desired, head: Desired
) -> None:
    set_credential(platform, ORGANIZATION, "erp", {"token": "t"}, actor="ann")
    slots = {"erp": {"type": "custom", "scope": "organization", "required": True}}
    greedy = replace(
        head,
        use_cases=(a_use_case(credentials=slots), base.use_cases[1]),
        previews=PreviewPolicy(credentials=("erp",)),
    )
    client = LocalClient(platform, local(ORGANIZATION, "ci"))
    made = preview_up(client, PreviewRequest("pr-42", greedy, base))
    assert made["useCases"][0]["instances"][0]["phase"] == "missing_integration"


def test_desired_state_survives_the_way_over_the_wire(head: Desired) -> None:
    assert of_json(json.loads(json.dumps(as_json(head)))) == head


def test_desired_state_whose_content_was_changed_on_the_way_is_refused(head: Desired) -> None:
    sent = as_json(head)
    sent["useCases"][0]["body"] = {**sent["useCases"][0]["body"], "title": "forged"}
    with pytest.raises(CasewayError) as caught:
        of_json(sent)
    assert caught.value.code == "digest-mismatch"


def test_events_of_a_preview_stay_within_it_and_those_of_the_organization_outside(
    platform: Platform, base: Desired
) -> None:
    listening = a_workflow(triggers=[{"id": "came", "type": "event", "filter": {"type": "order"}}])
    before = replace(base, use_cases=(a_use_case(workflows=[listening]), base.use_cases[1]))
    deployed(platform, before)
    head = replace(before, use_cases=(a_use_case(workflows=[listening], title="changed"), base.use_cases[1]))
    up(platform, head, before)
    real, mine = "invoice-dev", "invoice-dev--pr-42"
    emitters = {
        name: create(platform, NewExecution(ORGANIZATION, name, "main", actor="ann")) for name in (real, mine)
    }

    def heard(event: str, emitter: str = "") -> set[str]:
        told = {"id": event, "source": "shop", "type": "order"}
        done = inbox.deliver(platform, ORGANIZATION, told, actor="ann", emitter=emitter)
        with platform.database.reading() as connection:
            table = metadata.tables["executions"]
            query = sa.select(table.c.instance).where(table.c.id.in_(done.started))
            return set(connection.scalars(query))

    assert heard("1") == {real}
    assert heard("2", emitters[real]) == {real}
    assert heard("3", emitters[mine]) == {mine}
    assert len(inbox.events_for(platform, emitters[real], 0)) == 2
    assert len(inbox.events_for(platform, emitters[mine], 0)) == 1


def test_a_changed_runtime_is_built_for_the_preview_alone_and_leaves_nothing(
    platform: Platform, base: Desired
) -> None:
    built: list[str] = []

    def builder(request: BuildRequest, _log: object) -> BuiltImage:
        built.append(request.name)
        return BuiltImage(f"image-of-{request.name}", "sha256:1", 1, "inputs")

    platform = replace(platform, builder=builder)
    use_case = a_use_case(runtime="py", container={"network": "none"})
    before = replace(base, use_cases=(use_case, base.use_cases[1]), runtimes=(a_resource("py", image="a"),))
    deployed(platform, before)
    head = replace(before, runtimes=(a_resource("py", image="b"),))
    count = rows(platform)

    made = up(platform, head, before)

    assert made.status == "ready", made.error
    assert built == ["py", "py--pr-42"]
    assert planned(platform, before).is_empty
    previews.down(platform, ORGANIZATION, PROJECT, "pr-42", actor="ci", pause=no_pause)
    assert rows(platform) == count


def test_runs_at_the_same_time_end_as_if_they_had_come_in_order(
    platform: Platform, database_url: str, base: Desired, head: Desired
) -> None:
    """Two pull requests, three commits each, six processes' worth of platforms that begin together."""
    before = rows(platform)
    begin = threading.Barrier(6)

    def run(preview: str, sequence: int) -> str:
        changed = a_use_case(title=f"{preview} {sequence}")
        wanted = replace(head, use_cases=(changed, base.use_cases[1]))
        with a_platform(database_url, holder=f"run-{preview}-{sequence}@elsewhere:1") as mine:
            order = PreviewOrder(preview, wanted, ("invoice",), sequence=sequence)
            begin.wait()
            return previews.up(mine, order, actor="ci").status

    with ThreadPoolExecutor(6) as pool:
        asked = [(preview, sequence) for preview in ("pr-1", "pr-2") for sequence in (1, 2, 3)]
        statuses = list(pool.map(lambda each: run(*each), asked))

    assert set(statuses) == {"ready"}
    for preview in ("pr-1", "pr-2"):
        shown = previews.get(platform, ORGANIZATION, PROJECT, preview)
        newest = a_use_case(title=f"{preview} 3").digest
        assert shown.status == "ready"
        assert [item.template_digest for item in shown.use_cases[0].instances] == [newest]
    for preview in ("pr-1", "pr-2"):
        previews.down(platform, ORGANIZATION, PROJECT, preview, actor="ci", pause=no_pause)
    assert rows(platform) == before
