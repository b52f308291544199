"""What lists show is what `may` allows of each single thing, and a place is taken once, on every database."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from caseway.model.access import ALL_SCOPES, ANONYMOUS, Caller, Permission, may
from caseway.model.errors import CasewayError
from caseway.platform import installing, instances
from caseway.platform.access.grants import (
    instance_subject,
    process_subject,
    visible_executions,
    visible_instances,
    visible_processes,
)
from caseway.platform.compose import Platform
from caseway.platform.creation import NewExecution, create
from caseway.platform.tables import executions, processes
from caseway.platform.tables import instances as instance_table
from caseway.platform.views import get_instance, list_instances, list_processes
from chaos.store_builders import ORGANIZATION, Open, a_repo, a_use_case, an_instance, deployed

LISTINGS = {
    "private": {"visibility": "private"},
    "some": {"visibility": "userList", "users": ["ann", "bo"]},
    "teams": {"visibility": "teamList", "teams": ["finance"]},
    "all": {"visibility": "organizational"},
    "public": {"visibility": "public"},
}
SHARED = {
    "own": {},
    "only": {"mode": "owner_only", "users": [{"user": "bo", "role": "viewer"}]},
    "admins": {"mode": "admins"},
    "everyone": {"mode": "everyone"},
    "users": {"mode": "users", "users": [{"user": "ann", "role": "operator"}, {"user": "bo"}]},
}
USER = Caller(ORGANIZATION, "user", "1", "ann", "member", (), ALL_SCOPES)
CALLERS = [
    *(
        replace(USER, name=name, organization_role=role, teams=teams, project=project)
        for name, role, teams, project in itertools.product(
            ("ann", "bo", "zoe", "pat"),
            ("member", "admin", "owner"),
            ((), ("finance",)),
            ("", "acme-automations", "another"),
        )
    ),
    *(replace(USER, organization="globex", organization_role=role) for role in ("member", "owner")),
    Caller(ORGANIZATION, "service", "s", "ci", scopes=("read",)),
    Caller(ORGANIZATION, "service", "s", "ci", scopes=("read",), project="another"),
    ANONYMOUS,
]


def a_shared_world(platform: Platform) -> None:
    """A process of each visibility, and an instance of each sharing, some of a team."""
    use_cases = [
        replace(a_use_case(f"p-{name}", processType="personal"), listing=listing)
        for name, listing in LISTINGS.items()
    ]
    there = [
        replace(an_instance(f"i-{name}"), use_case="p-all", owner=f"owner-{name}", sharing=sharing)
        for name, sharing in SHARED.items()
    ]
    there.append(replace(an_instance("i-team"), use_case="p-all", owner="finance"))
    there.append(replace(an_instance("i-pat"), use_case="p-all", owner="pat"))
    deployed(platform, a_repo(*use_cases, *there, owner="pat"))


def test_lists_show_exactly_what_may_be_looked_at(platform: Platform) -> None:
    a_shared_world(platform)
    with platform.database.reading() as connection:
        there = connection.execute(sa.select(instance_table)).all()
        kept = connection.execute(sa.select(processes).where(processes.c.tombstone == "")).all()
        for caller in CALLERS:
            shown = set(connection.scalars(sa.select(instance_table.c.name).where(visible_instances(caller))))
            view = Permission.VIEW
            assert shown == {row.name for row in there if may(caller, view, instance_subject(row)).allowed}
            seen = set(
                connection.scalars(
                    sa.select(processes.c.name).where(visible_processes(caller), processes.c.tombstone == "")
                )
            )
            browse = Permission.BROWSE
            assert seen == {row.name for row in kept if may(caller, browse, process_subject(row)).allowed}


def test_sharing_and_visibility_change_what_is_shown_at_once(platform: Platform) -> None:
    a_shared_world(platform)
    zoe = replace(USER, name="zoe")

    def shown() -> list[str]:
        return [view.name for view in list_instances(platform, ORGANIZATION, caller=zoe)]

    assert shown() == ["i-everyone"]
    instances.share(
        platform,
        ORGANIZATION,
        "i-own",
        {"mode": "users", "users": [{"user": "zoe", "role": "viewer"}]},
        actor="tests",
    )
    instances.share(platform, ORGANIZATION, "i-everyone", {"mode": "owner_only"}, actor="tests")
    assert shown() == ["i-own"]

    private = [
        replace(a_use_case(f"p-{name}", processType="personal"), listing={"visibility": "private"})
        for name in LISTINGS
    ]
    names = [view.name for view in list_processes(platform, ORGANIZATION, caller=zoe)]
    assert names == ["p-all", "p-public"]
    deployed(platform, a_repo(*private, owner="pat"))
    assert list_processes(platform, ORGANIZATION, caller=zoe) == []


def test_executions_are_shown_with_their_instance(platform: Platform) -> None:
    a_shared_world(platform)
    for name in ("i-own", "i-everyone"):
        create(platform, NewExecution(ORGANIZATION, name))
    with platform.database.reading() as connection:
        query = sa.select(executions.c.instance)
        shown = connection.scalars(query.where(visible_executions(replace(USER, name="zoe")))).all()
        key = Caller(ORGANIZATION, "instance", get_instance(platform, ORGANIZATION, "i-own").id)
        own = connection.scalars(query.where(visible_executions(key))).all()
    assert (shown, own) == (["i-everyone"], ["i-own"])


@pytest.mark.parametrize(
    ("kind", "owners"), [("personal", ("ann", "ann")), ("organizational", ("ann", "bo"))]
)
def test_of_two_installations_at_once_for_one_place_one_is_made(
    reopen: Open, kind: str, owners: tuple[str, str]
) -> None:
    platform, another = reopen(), reopen()
    deployed(platform, a_repo(a_use_case(processType=kind)))
    for name in [view.name for view in list_instances(platform, ORGANIZATION)]:
        instances.delete(platform, ORGANIZATION, name, actor="tests")

    def install(at: Platform, name: str, owner: str) -> str:
        try:
            place = {"stage": "dev", "owner": owner}
            installing.add(at, ORGANIZATION, name, "invoice", place, installing.DEFAULTS, "tests")
        except (CasewayError, sa.exc.IntegrityError) as error:
            return getattr(error, "code", "") or type(error).__name__
        return "made"

    for attempt in range(5):
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(install, platform, f"one-{attempt}", owners[0])
            second = pool.submit(install, another, f"two-{attempt}", owners[1])
            ended = {first.result(), second.result()}
        assert ended == {"made", "one-instance"}
        for view in list_instances(platform, ORGANIZATION):
            instances.delete(platform, ORGANIZATION, view.name, actor="tests")


def test_a_personal_process_has_one_instance_for_each_person(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(processType="personal"), an_instance()))
    place = {"stage": "dev", "owner": "bo"}
    assert (
        installing.add(platform, ORGANIZATION, "theirs", "invoice", place, installing.DEFAULTS, "tests").owner
        == "bo"
    )


def test_the_database_itself_refuses_a_second_instance_in_a_place(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(processType="organizational"), an_instance()))
    with platform.database.reading() as connection:
        row = connection.execute(sa.select(instance_table)).one()._asdict()
    again = {**row, "id": "another", "name": "another", "owner": "bo"}
    with pytest.raises(sa.exc.IntegrityError), platform.database.transaction() as connection:
        connection.execute(sa.insert(instance_table).values(**again))
