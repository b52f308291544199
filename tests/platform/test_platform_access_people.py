"""Organizations, people, teams, service accounts, tokens and signing in, on every database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.access import ALL_SCOPES, ANONYMOUS, Caller, Scope, local
from caseway.model.errors import CasewayError
from caseway.platform import keys
from caseway.platform.access import login, people, presented, service_accounts, teams, tokens
from caseway.platform.access.caller import caller_of
from caseway.platform.audit import list_audit
from caseway.platform.compose import Platform
from caseway.platform.tables import metadata
from chaos.store_builders import (
    ORGANIZATION,
    Open,
    StandingClock,
    a_repo,
    a_use_case,
    an_instance,
    deployed,
)

ME = local(ORGANIZATION, "operator")
PASSWORD = "correct horse battery staple"


def a_person(platform: Platform, name: str = "ann", organization: str = ORGANIZATION, **said: Any) -> Caller:
    """Somebody with a token that has every scope."""
    people.add_user(platform, local(organization, "operator"), name, **said)
    return caller_of(platform, a_token(platform, organization, user=name))


def a_token(platform: Platform, organization: str = ORGANIZATION, **said: Any) -> str:
    """The secret of a new token."""
    options: dict[str, Any] = {"scopes": ALL_SCOPES, **said}
    return tokens.create_token(platform, local(organization, "operator"), **options)[1]


def everything(platform: Platform) -> str:
    """All that stands in the database, as text."""
    with platform.database.reading() as connection:
        return "".join(str(connection.execute(sa.select(table)).all()) for table in metadata.sorted_tables)


@given(st.text())
def test_only_what_has_our_form_and_checksum_is_looked_up(text: str) -> None:
    assert presented.prefix_of(text) == ""


@given(
    st.sampled_from(["cwp_", "cws_", "cwi_", "cwl_", "cwx_"]), st.integers(0, 62), st.sampled_from("azAZ09")
)
def test_a_token_is_known_by_its_form_and_a_typing_error_is_not_one(mark: str, at: int, letter: str) -> None:
    prefix, token = presented.make(mark)
    assert presented.prefix_of(token) == prefix
    changed = token[:at] + letter + token[at + 1 :]
    assert presented.is_token(changed) == (changed == token)


def test_a_token_is_shown_once_and_only_its_digest_is_kept(platform: Platform) -> None:
    people.add_user(platform, ME, "ann", password=PASSWORD)
    secret = a_token(platform, user="ann")
    assert caller_of(platform, secret).name == "ann"
    kept = everything(platform)
    assert secret not in kept
    assert PASSWORD not in kept


def test_a_caller_is_what_the_person_is_now(platform: Platform) -> None:
    ann = a_person(platform, role="member")
    people.add_user(platform, ME, "root", role="owner")
    assert (ann.kind, ann.organization_role, ann.scopes) == ("user", "member", ALL_SCOPES)
    secret = a_token(platform, user="ann")
    teams.create_team(platform, ME, "finance", members=["ann"])
    people.set_role(platform, ME, "ann", "admin")
    now = caller_of(platform, secret)
    assert (now.organization_role, now.teams) == ("admin", ("finance",))


@pytest.mark.parametrize("end", ["disable", "remove", "revoke", "expire"])
def test_what_has_ended_opens_nothing(platform: Platform, clock: StandingClock, end: str) -> None:
    people.add_user(platform, ME, "ann")
    view, secret = tokens.create_token(
        platform, ME, user="ann", scopes=["read"], expires_at=clock() + timedelta(days=1)
    )
    assert caller_of(platform, secret) != ANONYMOUS
    match end:
        case "disable":
            people.set_disabled(platform, ME, "ann", is_disabled=True)
        case "remove":
            people.remove_user(platform, ME, "ann")
        case "revoke":
            tokens.revoke_token(platform, ME, view.prefix)
        case "expire":
            clock.advance(days=1)
    assert caller_of(platform, secret) == ANONYMOUS


def test_a_token_with_another_secret_of_the_same_prefix_opens_nothing(platform: Platform) -> None:
    people.add_user(platform, ME, "ann")
    secret = a_token(platform, user="ann")
    body = secret[:13] + "0" * 43
    assert caller_of(platform, body + presented.checksum(body)) == ANONYMOUS


def test_last_use_is_told_to_the_minute_and_moves_no_plan(platform: Platform, clock: StandingClock) -> None:
    ann = a_person(platform)
    secret = a_token(platform, user="ann")
    seen = []
    for seconds in (1, 30, 31):
        clock.advance(seconds=seconds)
        caller_of(platform, secret)
        seen.append(tokens.get_token(platform, ann, secret[:12]).last_used_at)
    assert seen[0] == seen[1] < seen[2]


def test_a_rotated_token_works_until_the_overlap_is_over(platform: Platform, clock: StandingClock) -> None:
    ann = a_person(platform)
    view, old = tokens.create_token(
        platform, ann, scopes=["read"], expires_at=clock() + timedelta(days=30), name="laptop"
    )
    clock.advance(days=10)
    after, new = tokens.rotate_token(platform, ann, view.prefix, overlap=timedelta(hours=1))
    assert (after.replaces, after.name, after.scopes) == (view.prefix, "laptop", ("read",))
    assert after.expires_at > view.expires_at
    assert caller_of(platform, old).name == caller_of(platform, new).name == "ann"
    clock.advance(hours=1)
    assert caller_of(platform, old) == ANONYMOUS
    assert caller_of(platform, new).scopes == ("read",)


def test_nobody_makes_a_token_that_may_more_or_lives_longer(platform: Platform, clock: StandingClock) -> None:
    people.add_user(platform, ME, "ann")
    soon = clock() + timedelta(hours=1)
    weak = caller_of(platform, a_token(platform, user="ann", scopes=["read", "manage"], expires_at=soon))
    with pytest.raises(CasewayError, match="does not have the scope deploy"):
        tokens.create_token(platform, weak, scopes=["deploy"])
    made, _ = tokens.create_token(platform, weak, scopes=["read"])
    assert made.expires_at == tokens.get_token(platform, weak, weak.token_id).expires_at
    bound = replace(weak, project="billing")
    with pytest.raises(CasewayError, match="project billing alone"):
        tokens.create_token(platform, bound, scopes=["read"])


def test_nobody_makes_or_sees_a_token_of_somebody_else(platform: Platform) -> None:
    ann, bo = a_person(platform), a_person(platform, "bo")
    with pytest.raises(CasewayError, match="by its own person"):
        tokens.create_token(platform, ann, scopes=["read"], user="bo")
    theirs = tokens.list_tokens(platform, bo)[0]
    assert theirs.id not in {view.id for view in tokens.list_tokens(platform, ann)}
    for act in (tokens.revoke_token, tokens.rotate_token, tokens.get_token):
        with pytest.raises(CasewayError) as caught:
            act(platform, ann, theirs.id)  # type: ignore[operator]
        assert caught.value.code == "not-found"


def test_a_service_account_shuts_all_its_tokens_out_and_narrows_them(platform: Platform) -> None:
    service_accounts.create_service_account(platform, ME, "ci", scopes=["read", "deploy"], project="billing")
    secret = a_token(platform, service_account="ci", scopes=["deploy"])
    robot = caller_of(platform, secret)
    assert (robot.kind, robot.name, robot.scopes, robot.project) == ("service", "ci", ("deploy",), "billing")
    with pytest.raises(CasewayError, match="does not have the scope manage"):
        a_token(platform, service_account="ci", scopes=["manage"])
    service_accounts.set_service_account_disabled(platform, ME, "ci", is_disabled=True)
    assert caller_of(platform, secret) == ANONYMOUS
    service_accounts.set_service_account_disabled(platform, ME, "ci", is_disabled=False)
    assert caller_of(platform, secret).name == "ci"
    service_accounts.delete_service_account(platform, ME, "ci")
    assert caller_of(platform, secret) == ANONYMOUS


def test_an_instances_key_is_that_instance_and_old_keys_still_open(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    view, secret = keys.create(platform, ORGANIZATION, "invoice-dev", actor="ann")
    caller = caller_of(platform, secret)
    assert (caller.kind, caller.id, caller.scopes) == ("instance", view.instance_id, ("read", "trigger"))
    old = "cw_0a1b2c3d_" + "x" * 43
    with platform.database.writing() as connection:
        table = metadata.tables["api_keys"]
        changed = {"prefix": "cw_0a1b2c3d", "digest": presented.digest(old)}
        connection.execute(sa.update(table).values(changed))
    assert caller_of(platform, old).id == view.instance_id
    assert caller_of(platform, secret) == ANONYMOUS


def test_only_an_owner_makes_an_owner_and_the_last_one_stays(platform: Platform) -> None:
    owner = a_person(platform, "root", role="owner")
    admin = a_person(platform, "ada", role="admin")
    for act in (
        lambda: people.add_user(platform, admin, "new", role="owner"),
        lambda: people.set_role(platform, admin, "ada", "owner"),
        lambda: people.set_role(platform, admin, "root", "member"),
        lambda: people.remove_user(platform, admin, "root"),
        lambda: people.set_password(platform, admin, "root", PASSWORD),
        lambda: people.set_disabled(platform, admin, "root", is_disabled=True),
    ):
        with pytest.raises(CasewayError) as caught:
            act()
        assert caught.value.code == "forbidden"
    for act in (
        lambda: people.set_role(platform, owner, "root", "member"),
        lambda: people.remove_user(platform, owner, "root"),
        lambda: people.set_disabled(platform, owner, "root", is_disabled=True),
    ):
        with pytest.raises(CasewayError) as caught:
            act()
        assert caught.value.code == "last-owner"


def test_two_owners_who_remove_each_other_at_once_leave_one(reopen: Open) -> None:
    platform = reopen()
    first, second = (a_person(platform, name, role="owner") for name in ("ann", "bo"))
    others = reopen()

    def remove(who: tuple[Platform, Caller, str]) -> str:
        try:
            people.remove_user(who[0], who[1], who[2])
        except CasewayError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        ended = sorted(pool.map(remove, [(platform, first, "bo"), (others, second, "ann")]))
    assert ended == ["done", "last-owner"]


def test_an_admin_of_one_organization_cannot_become_a_member_of_another(platform: Platform) -> None:
    a_person(platform, "ann", "globex", role="member")
    admin = a_person(platform, "ada", role="admin")
    people.add_user(platform, admin, "ann")
    for act in (
        lambda: people.set_password(platform, admin, "ann", PASSWORD),
        lambda: people.set_disabled(platform, admin, "ann", is_disabled=True),
        lambda: people.add_user(
            platform, a_person(platform, "eve", "evil", role="owner"), "ada", password=PASSWORD
        ),
    ):
        with pytest.raises(CasewayError) as caught:
            act()
        assert caught.value.code in {"forbidden", "password"}
    people.remove_user(platform, admin, "ann")
    assert [view.name for view in people.list_users(platform, "globex")] == ["ann"]


def test_a_team_and_a_person_never_have_one_name(platform: Platform) -> None:
    people.add_user(platform, ME, "ann")
    with pytest.raises(CasewayError, match="a person is called ann"):
        teams.create_team(platform, ME, "ann")
    teams.create_team(platform, ME, "finance", members=["ann"])
    with pytest.raises(CasewayError, match="a team is called finance"):
        people.add_user(platform, ME, "finance")


def test_teams_take_members_in_and_let_them_go(platform: Platform) -> None:
    for name in ("ann", "bo"):
        people.add_user(platform, ME, name)
    teams.create_team(platform, ME, "finance", members=["ann"])
    assert teams.change_members(platform, ME, "finance", add=["bo"], remove=["ann"]).members == ("bo",)
    with pytest.raises(CasewayError, match="no member"):
        teams.change_members(platform, ME, "finance", add=["nobody"])
    teams.delete_team(platform, ME, "finance")
    assert teams.list_teams(platform, ORGANIZATION) == []


@pytest.mark.parametrize("name", ["", "Ann", "a b", "-a", "a-", "a/b", "ä", "a\n", "x" * 129])
def test_a_name_that_cannot_be_one_is_refused(platform: Platform, name: str) -> None:
    with pytest.raises(CasewayError) as caught:
        people.add_user(platform, ME, name)
    assert caught.value.code == "name"


def test_organizations_are_made_where_the_database_is(platform: Platform) -> None:
    people.create_organization(platform, ME, "globex", title="Globex")
    owner = a_person(platform, "root", role="owner")
    with pytest.raises(CasewayError) as caught:
        people.create_organization(platform, owner, "another")
    assert caught.value.code == "forbidden"
    assert [view.name for view in people.list_organizations(platform, owner)] == [ORGANIZATION]
    assert [view.name for view in people.list_organizations(platform, ME)] == [ORGANIZATION, "globex"]


def test_signing_in_gives_a_session_that_ends(platform: Platform, clock: StandingClock) -> None:
    people.add_user(platform, ME, "ann", password=PASSWORD)
    secret, until = login.sign_in(platform, "ann", PASSWORD, client="10.0.0.1")
    assert caller_of(platform, secret).scopes == tuple(Scope)
    assert until == clock() + login.SESSION
    clock.advance(hours=12)
    assert caller_of(platform, secret) == ANONYMOUS


def test_a_refused_sign_in_says_nothing_of_why(platform: Platform) -> None:
    people.add_user(platform, ME, "ann", password=PASSWORD)
    people.add_user(platform, ME, "bo")
    people.add_user(platform, ME, "cleo", password=PASSWORD)
    people.set_disabled(platform, ME, "cleo", is_disabled=True)
    told = set()
    for name, password in (("ann", "wrong"), ("bo", ""), ("nobody", PASSWORD), ("cleo", PASSWORD)):
        with pytest.raises(CasewayError) as caught:
            login.sign_in(platform, name, password, client="10.0.0.1")
        told.add((caught.value.code, caught.value.message))
    with pytest.raises(CasewayError) as caught:
        login.sign_in(platform, "ann", PASSWORD, organization="elsewhere")
    told.add((caught.value.code, caught.value.message))
    assert told == {("unauthenticated", "name or password is wrong")}


def test_too_many_tries_are_refused_for_a_while_and_nobody_else_is_shut_out(
    platform: Platform, clock: StandingClock
) -> None:
    people.add_user(platform, ME, "ann", password=PASSWORD)

    def code(client: str, password: str = "wrong") -> str:
        try:
            login.sign_in(platform, "ann", password, client=client)
        except CasewayError as error:
            return error.code
        return "in"

    assert [code("10.0.0.1") for _ in range(6)] == ["unauthenticated"] * 5 + ["too-many-requests"]
    assert code("10.0.0.1", PASSWORD) == "too-many-requests"
    assert code("10.0.0.2", PASSWORD) == "in"
    clock.advance(minutes=15)
    assert code("10.0.0.1", PASSWORD) == "in"


def test_a_new_password_ends_sessions_and_needs_the_old_one(platform: Platform) -> None:
    people.add_user(platform, ME, "ann", password=PASSWORD)
    secret, _ = login.sign_in(platform, "ann", PASSWORD)
    ann = caller_of(platform, secret)
    with pytest.raises(CasewayError, match="until now is wrong"):
        people.change_own_password(platform, ann, "something else", "another good password")
    with pytest.raises(CasewayError, match="12 to 1024"):
        people.change_own_password(platform, ann, PASSWORD, "short")
    people.change_own_password(platform, ann, PASSWORD, "another good password")
    assert caller_of(platform, secret) == ANONYMOUS
    assert login.sign_in(platform, "ann", "another good password")


def test_every_change_of_who_may_what_is_audited(platform: Platform) -> None:
    people.add_user(platform, ME, "ann", password=PASSWORD)
    teams.create_team(platform, ME, "finance")
    service_accounts.create_service_account(platform, ME, "ci", scopes=["read"])
    a_token(platform, user="ann")
    people.remove_user(platform, ME, "ann")
    done = {(view.action, view.kind) for view in list_audit(platform, ORGANIZATION)}
    assert done >= {
        ("create", "user"),
        ("create", "team"),
        ("create", "service-account"),
        ("create", "token"),
        ("delete", "user"),
    }


def test_who_belongs_to_an_organization_is_nothing_a_plan_looks_at(platform: Platform) -> None:
    from caseway.platform.snapshot import read_snapshot  # noqa: PLC0415 - this one fact alone needs it

    before = read_snapshot(platform, ORGANIZATION).revision
    people.add_user(platform, ME, "ann", password=PASSWORD)
    a_token(platform, user="ann")
    login.sign_in(platform, "ann", PASSWORD)
    assert read_snapshot(platform, ORGANIZATION).revision == before


def test_what_ended_long_ago_is_forgotten(platform: Platform, clock: StandingClock) -> None:
    people.add_user(platform, ME, "ann")
    tokens.create_token(platform, ME, user="ann", scopes=["read"], expires_at=clock() + timedelta(days=1))
    kept = a_token(platform, user="ann")
    clock.advance(days=32)
    assert tokens.sweep(platform) == 1
    assert caller_of(platform, kept).name == "ann"
