"""Who may do what: the one table, and the laws that hold of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.access import (
    ALL_SCOPES,
    ANONYMOUS,
    RANK,
    RULES,
    Caller,
    Kind,
    Permission,
    Role,
    Scope,
    Subject,
    Visibility,
    granted,
    grantees,
    local,
    may,
    owning,
    sees_all,
    standing,
)

NAMES = st.sampled_from(("ann", "bo", "cleo"))
TEAMS = st.lists(st.sampled_from(("finance", "ops")), unique=True, max_size=2).map(tuple)
ORGANIZATIONS = st.sampled_from(("acme", "globex"))
PROJECTS = st.sampled_from(("", "billing", "people"))
SCOPES = st.lists(st.sampled_from(Scope), unique=True).map(tuple)
ASKED = [item for item in Permission if item is not Permission.SIGN_IN]
PERMISSIONS = st.sampled_from(ASKED)
SHARING = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(("owner_only", "admins", "everyone", "users", "nonsense")),
        "users": st.lists(
            st.fixed_dictionaries({"user": NAMES, "role": st.sampled_from((*Role, "nonsense", ""))}),
            max_size=3,
        ),
    },
)
CALLERS = st.builds(
    Caller,
    organization=ORGANIZATIONS,
    kind=st.sampled_from(("user", "service", "instance", "anonymous", "made-up")),
    id=st.sampled_from(("1", "2")),
    name=NAMES,
    organization_role=st.sampled_from(("", "member", "admin", "owner", "made-up")),
    teams=TEAMS,
    scopes=SCOPES,
    project=PROJECTS,
)
SUBJECTS = st.builds(
    Subject,
    organization=ORGANIZATIONS,
    kind=st.sampled_from(Kind),
    id=st.sampled_from(("1", "2")),
    owner=st.sampled_from(("ann", "bo", "finance", "")),
    visibility=st.sampled_from((*Visibility, "", "made-up")),
    users=st.lists(NAMES, unique=True).map(tuple),
    teams=TEAMS,
    sharing=SHARING,
    project=PROJECTS,
)

ANN = Caller("acme", "user", "u1", "ann", "member", ("finance",), ALL_SCOPES)
ADMIN = replace(ANN, name="ada", organization_role="admin", teams=())
INSTANCE = Subject("acme", Kind.INSTANCE, "i1", "ann", project="billing")
PROCESS = Subject("acme", Kind.PROCESS, "p1", "bo", visibility="private", project="billing")


def test_the_table_has_a_rule_for_every_permission() -> None:
    assert set(RULES) == set(Permission)


@given(CALLERS, PERMISSIONS, SUBJECTS)
def test_nothing_of_another_organization_is_allowed_but_what_is_public(
    caller: Caller, permission: Permission, subject: Subject
) -> None:
    decision = may(caller, permission, subject)
    if caller.organization != subject.organization and decision.allowed:
        assert subject.kind is Kind.PROCESS
        assert subject.visibility == Visibility.PUBLIC
        assert RULES[permission].process is Role.VIEWER


@given(CALLERS, PERMISSIONS, SUBJECTS)
def test_a_smaller_token_never_may_more(caller: Caller, permission: Permission, subject: Subject) -> None:
    if may(caller, permission, subject).allowed:
        assert may(replace(caller, scopes=ALL_SCOPES), permission, subject).allowed
        assert may(replace(caller, project=""), permission, subject).allowed
    whole = may(replace(caller, scopes=(), organization_role=""), permission, subject)
    assert not whole.allowed or caller.kind == "anonymous"


@given(CALLERS, PERMISSIONS, SUBJECTS)
def test_a_higher_role_in_the_organization_never_may_less(
    caller: Caller, permission: Permission, subject: Subject
) -> None:
    person = replace(caller, kind="user")
    ladder = [
        may(replace(person, organization_role=role), permission, subject).allowed
        for role in ("member", "admin", "owner")
    ]
    assert ladder == sorted(ladder)


@given(CALLERS, SUBJECTS)
def test_what_may_be_changed_may_be_seen(caller: Caller, subject: Subject) -> None:
    whole = replace(caller, scopes=ALL_SCOPES)
    if any(may(whole, permission, subject).allowed for permission in ASKED) and caller.kind == "user":
        assert may(whole, Permission.BROWSE, subject).allowed


@given(CALLERS, PERMISSIONS, SUBJECTS)
def test_a_refusal_says_why_and_hides_what_is_nothing_to_the_caller(
    caller: Caller, permission: Permission, subject: Subject
) -> None:
    decision = may(caller, permission, subject)
    assert decision.allowed == (decision.reason == "")
    assert not (decision.allowed and decision.is_hidden)
    if standing(caller, subject) is None:
        assert decision.is_hidden


@given(CALLERS, PERMISSIONS, SUBJECTS)
def test_a_token_of_one_project_reaches_no_other(
    caller: Caller, permission: Permission, subject: Subject
) -> None:
    if caller.project and caller.project != subject.project and may(caller, permission, subject).allowed:
        assert subject.kind is Kind.ORGANIZATION
        assert permission in {Permission.BROWSE, Permission.VIEW}


@given(CALLERS, SUBJECTS)
def test_who_sees_all_has_a_standing_on_each(caller: Caller, subject: Subject) -> None:
    if sees_all(caller, subject.kind) and subject.kind in {Kind.PROCESS, Kind.INSTANCE}:
        same = replace(subject, organization=caller.organization)
        is_nobody = caller.kind == "service" and not caller.scopes
        assert is_nobody or standing(caller, same) is not None


@given(CALLERS, SUBJECTS)
def test_a_persons_standing_is_the_best_of_what_is_granted(caller: Caller, subject: Subject) -> None:
    person = replace(caller, kind="user", organization="acme", organization_role="member")
    there = replace(subject, organization="acme")
    roles = [RANK[role] for name, role in (*owning(there), *granted(there)) if name in grantees(person)]
    found = standing(person, there)
    assert (RANK[found] if found else None) == max(roles, default=None)


@pytest.mark.parametrize("permission", ASKED)
def test_the_embedded_caller_may_do_everything_in_its_organization_and_nothing_elsewhere(
    permission: Permission,
) -> None:
    assert may(local("acme", "me"), permission, INSTANCE).allowed
    assert not may(local("globex", "me"), permission, INSTANCE).allowed


def test_anybody_may_show_who_they_are() -> None:
    assert may(ANONYMOUS, Permission.SIGN_IN, Subject("acme")).allowed


def test_nobody_sees_public_processes_and_nothing_else() -> None:
    public = replace(PROCESS, visibility="public")
    allowed = {permission for permission in ASKED if may(ANONYMOUS, permission, public).allowed}
    assert allowed == {Permission.BROWSE}
    assert not may(ANONYMOUS, Permission.BROWSE, replace(PROCESS, visibility="organizational")).allowed


@pytest.mark.parametrize(
    ("visibility", "sees"),
    [("private", False), ("userList", True), ("teamList", True), ("organizational", True), ("public", True)],
)
def test_each_visibility_shows_a_process_to_whom_it_says(visibility: str, sees: bool) -> None:
    shown = replace(PROCESS, visibility=visibility, users=("ann",), teams=("finance",))
    assert may(ANN, Permission.BROWSE, shown).allowed is sees
    stranger = replace(ANN, name="zoe", teams=())
    assert may(stranger, Permission.BROWSE, shown).allowed is (visibility in {"organizational", "public"})
    assert may(ADMIN, Permission.BROWSE, shown).allowed


def test_whoever_sees_a_process_may_install_it_and_not_publish_it() -> None:
    shown = replace(PROCESS, visibility="organizational")
    assert may(ANN, Permission.EDIT, shown).allowed
    assert not may(ANN, Permission.PUBLISH, shown).allowed


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {"browse", "view"}),
        ("operator", {"browse", "view", "trigger", "operate"}),
        ("editor", {*ASKED} - {"own", "account", "administer"}),
        ("owner", {*ASKED}),
    ],
)
def test_each_role_on_an_instance_may_what_its_name_says(role: str, allowed: set[str]) -> None:
    shared = replace(
        INSTANCE, owner="bo", sharing={"mode": "users", "users": [{"user": "ann", "role": role}]}
    )
    assert {permission for permission in ASKED if may(ANN, permission, shared).allowed} == allowed


@pytest.mark.parametrize(
    ("mode", "member", "admin"),
    [
        ("owner_only", None, None),
        ("users", None, None),
        ("admins", None, Role.EDITOR),
        ("everyone", Role.VIEWER, Role.VIEWER),
    ],
)
def test_each_mode_of_sharing_gives_a_standing(mode: str, member: Role | None, admin: Role | None) -> None:
    shared = replace(INSTANCE, owner="bo", sharing={"mode": mode})
    assert (standing(ANN, shared), standing(ADMIN, shared)) == (member, admin)
    assert standing(replace(ADMIN, organization_role="owner"), shared) is Role.OWNER


def test_a_team_may_own() -> None:
    assert standing(ANN, replace(INSTANCE, owner="finance")) is Role.OWNER


def test_an_instances_key_triggers_and_views_that_instance_alone() -> None:
    key = Caller("acme", "instance", "i1", scopes=(Scope.READ, Scope.TRIGGER))
    allowed = {permission for permission in ASKED if may(key, permission, INSTANCE).allowed}
    assert allowed == {"browse", "view", "trigger"}
    assert may(key, Permission.VIEW, replace(INSTANCE, id="i2")).is_hidden


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READ, {"browse", "view"}),
        (Scope.TRIGGER, {"trigger"}),
        (Scope.DEPLOY, {"browse", "view", "edit", "deploy", "publish"}),
        (Scope.MANAGE, {*ASKED}),
    ],
)
def test_a_service_account_may_what_its_scope_says(scope: Scope, allowed: set[str]) -> None:
    robot = Caller("acme", "service", "s1", "ci", scopes=(scope,))
    assert {permission for permission in ASKED if may(robot, permission, INSTANCE).allowed} == allowed


def test_a_service_account_is_never_the_organizations_owner() -> None:
    robot = Caller("acme", "service", "s1", "ci", scopes=ALL_SCOPES)
    assert standing(robot, Subject("acme")) is Role.EDITOR


def test_a_credential_of_ones_own_may_be_kept_by_a_member_and_the_organizations_by_an_admin() -> None:
    mine = Subject("acme", Kind.CREDENTIAL, owner="ann")
    assert may(ANN, Permission.CREDENTIALS, mine).allowed
    assert not may(ANN, Permission.CREDENTIALS, Subject("acme", Kind.CREDENTIAL)).allowed
    assert may(ADMIN, Permission.CREDENTIALS, Subject("acme", Kind.CREDENTIAL)).allowed
    assert not may(ADMIN, Permission.CREDENTIALS, Subject("", Kind.CREDENTIAL)).allowed
    assert may(local("acme", "me"), Permission.CREDENTIALS, Subject("", Kind.CREDENTIAL)).allowed


def test_members_look_at_lists_and_admins_administer() -> None:
    acme = Subject("acme")
    assert may(ANN, Permission.VIEW, acme).allowed
    assert not may(ANN, Permission.ADMINISTER, acme).allowed
    assert may(ADMIN, Permission.ADMINISTER, acme).allowed
    assert "needs an admin" in may(ANN, Permission.DEPLOY, Subject("acme", Kind.PROJECT, "x")).reason
