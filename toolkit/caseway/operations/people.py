"""Organizations, people, teams and service accounts: who there is, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from caseway.model.access import Caller, Permission
from caseway.operations.fields import About, Cursor, Limit
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform.access import people, service_accounts, teams
from caseway.platform.access.people import OrganizationView, UserView
from caseway.platform.access.service_accounts import ServiceAccountView
from caseway.platform.access.teams import TeamView

User = Annotated[str, About("The person's name.", example="ann", longest=128)]
Team = Annotated[str, About("The team's name.", example="finance", longest=128)]
Account = Annotated[str, About("The service account's name.", example="ci", longest=128)]
Title = Annotated[str, About("As people read it.", example="Ann Example", longest=200)]
Email = Annotated[str, About("An address for mail.", example="ann@example.com", longest=320)]
Password = Annotated[
    str, About("At least 12 characters.", example="correct horse battery", longest=1024, is_secret=True)
]
Members = Annotated[tuple[str, ...], About("Names of people.", example=["ann"], maximum=1000, longest=128)]
Scopes = Annotated[
    tuple[Literal["read", "trigger", "deploy", "manage"], ...],
    About("What it may be used for.", example=["read", "trigger"], maximum=4),
]
Project = Annotated[str, About('One project alone ("" all of them).', example="acme", longest=200)]
OrganizationRoleName = Literal["member", "admin", "owner"]


@dataclass(frozen=True, slots=True)
class Listing:
    """Which page."""

    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing has to be said."""


@dataclass(frozen=True, slots=True)
class Done:
    """Whether it is done."""

    done: bool


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """The password until now, and the new one."""

    before: Password
    password: Password


@dataclass(frozen=True, slots=True)
class NewOrganization:
    """How it is called."""

    name: Annotated[str, About("The organization's name.", example="acme", longest=128)]
    title: Title = ""


@dataclass(frozen=True, slots=True)
class NewUser:
    """Who becomes a member, as what; `password` for who signs in here and is new."""

    name: User
    role: OrganizationRoleName = "member"
    title: Title = ""
    email: Email = ""
    password: Password = ""


@dataclass(frozen=True, slots=True)
class OneUser:
    """Which person."""

    name: User


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """What changes of a person: the role, being shut out, a new password; null or "" is left as it is."""

    name: User
    role: Annotated[str, About("member, admin or owner.", example="admin", longest=10)] = ""
    disabled: bool | None = None
    password: Password = ""


@dataclass(frozen=True, slots=True)
class NewTeam:
    """How it is called, and who is in it."""

    name: Team
    title: Title = ""
    members: Members = ()


@dataclass(frozen=True, slots=True)
class OneTeam:
    """Which team."""

    name: Team


@dataclass(frozen=True, slots=True)
class ChangeTeam:
    """Who comes and who goes."""

    name: Team
    add: Members = ()
    remove: Members = ()


@dataclass(frozen=True, slots=True)
class NewServiceAccount:
    """How it is called, and what it may do."""

    name: Account
    scopes: Scopes
    project: Project = ""
    description: Annotated[str, About("What it is for.", example="deploys from CI", longest=500)] = ""


@dataclass(frozen=True, slots=True)
class OneServiceAccount:
    """Which service account."""

    name: Account


@dataclass(frozen=True, slots=True)
class ChangeServiceAccount:
    """Whether it is shut out."""

    name: Account
    disabled: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """What is no more."""

    name: str


def _me(operating: Operating, _asked: object) -> Caller:
    return operating.caller


def _password(operating: Operating, asked: ChangePassword) -> Done:
    people.change_own_password(operating.platform, operating.caller, asked.before, asked.password)
    return Done(True)


def _organizations(operating: Operating, asked: Listing) -> Page:
    found = people.list_organizations(operating.platform, operating.caller)
    return page_of(found, lambda view: (view.name,), asked.cursor, asked.limit)


def _new_organization(operating: Operating, asked: NewOrganization) -> OrganizationView:
    return people.create_organization(operating.platform, operating.caller, asked.name, title=asked.title)


def _users(operating: Operating, asked: Listing) -> Page:
    found = people.list_users(operating.platform, operating.organization)
    return page_of(found, lambda view: (view.name,), asked.cursor, asked.limit)


def _user(operating: Operating, asked: OneUser) -> UserView:
    return people.get_user(operating.platform, operating.organization, asked.name)


def _new_user(operating: Operating, asked: NewUser) -> UserView:
    return people.add_user(
        operating.platform,
        operating.caller,
        asked.name,
        role=asked.role,
        title=asked.title,
        email=asked.email,
        password=asked.password,
    )


def _change_user(operating: Operating, asked: ChangeUser) -> UserView:
    platform, caller = operating.platform, operating.caller
    if asked.role:
        people.set_role(platform, caller, asked.name, asked.role)
    if asked.password:
        people.set_password(platform, caller, asked.name, asked.password)
    if asked.disabled is not None:
        people.set_disabled(platform, caller, asked.name, is_disabled=asked.disabled)
    return people.get_user(platform, operating.organization, asked.name)


def _remove_user(operating: Operating, asked: OneUser) -> Gone:
    people.remove_user(operating.platform, operating.caller, asked.name)
    return Gone(asked.name)


def _teams(operating: Operating, asked: Listing) -> Page:
    found = teams.list_teams(operating.platform, operating.organization)
    return page_of(found, lambda view: (view.name,), asked.cursor, asked.limit)


def _team(operating: Operating, asked: OneTeam) -> TeamView:
    return teams.get_team(operating.platform, operating.organization, asked.name)


def _new_team(operating: Operating, asked: NewTeam) -> TeamView:
    return teams.create_team(
        operating.platform, operating.caller, asked.name, title=asked.title, members=asked.members
    )


def _change_team(operating: Operating, asked: ChangeTeam) -> TeamView:
    return teams.change_members(
        operating.platform, operating.caller, asked.name, add=asked.add, remove=asked.remove
    )


def _delete_team(operating: Operating, asked: OneTeam) -> Gone:
    teams.delete_team(operating.platform, operating.caller, asked.name)
    return Gone(asked.name)


def _accounts(operating: Operating, asked: Listing) -> Page:
    found = service_accounts.list_service_accounts(operating.platform, operating.organization)
    return page_of(found, lambda view: (view.name,), asked.cursor, asked.limit)


def _account(operating: Operating, asked: OneServiceAccount) -> ServiceAccountView:
    return service_accounts.get_service_account(operating.platform, operating.organization, asked.name)


def _new_account(operating: Operating, asked: NewServiceAccount) -> ServiceAccountView:
    return service_accounts.create_service_account(
        operating.platform,
        operating.caller,
        asked.name,
        scopes=asked.scopes,
        project=asked.project,
        description=asked.description,
    )


def _change_account(operating: Operating, asked: ChangeServiceAccount) -> ServiceAccountView:
    return service_accounts.set_service_account_disabled(
        operating.platform, operating.caller, asked.name, is_disabled=asked.disabled
    )


def _delete_account(operating: Operating, asked: OneServiceAccount) -> Gone:
    service_accounts.delete_service_account(operating.platform, operating.caller, asked.name)
    return Gone(asked.name)


_VIEW, _ADMINISTER = Permission.VIEW, Permission.ADMINISTER
_USERS, _TEAMS, _ACCOUNTS = PREFIX + "/users", PREFIX + "/teams", PREFIX + "/service-accounts"
_LIST = Answer.LIST

OPERATIONS = (
    Operation("caller.get", "GET", PREFIX + "/caller", _VIEW, "Show who asks", Nothing, Caller, _me),
    Operation(
        "caller.password",
        "PUT",
        PREFIX + "/caller/password",
        Permission.ACCOUNT,
        "Change one's own password",
        ChangePassword,
        Done,
        _password,
    ),
    Operation(
        "organizations.list",
        "GET",
        PREFIX + "/organizations",
        _VIEW,
        "List the organizations one belongs to",
        Listing,
        OrganizationView,
        _organizations,
        answer=_LIST,
    ),
    Operation(
        "organizations.create",
        "POST",
        PREFIX + "/organizations",
        _ADMINISTER,
        "Make an organization; only on the server's own machine",
        NewOrganization,
        OrganizationView,
        _new_organization,
        status=201,
    ),
    Operation("users.list", "GET", _USERS, _VIEW, "List members", Listing, UserView, _users, answer=_LIST),
    Operation("users.get", "GET", _USERS + "/{name}", _VIEW, "Show a member", OneUser, UserView, _user),
    Operation(
        "users.add",
        "POST",
        _USERS,
        _ADMINISTER,
        "Make somebody a member",
        NewUser,
        UserView,
        _new_user,
        status=201,
    ),
    Operation(
        "users.change",
        "PATCH",
        _USERS + "/{name}",
        _ADMINISTER,
        "Change a member's role or password, or shut them out",
        ChangeUser,
        UserView,
        _change_user,
    ),
    Operation(
        "users.remove",
        "DELETE",
        _USERS + "/{name}",
        _ADMINISTER,
        "End a membership, and its tokens",
        OneUser,
        Gone,
        _remove_user,
    ),
    Operation("teams.list", "GET", _TEAMS, _VIEW, "List teams", Listing, TeamView, _teams, answer=_LIST),
    Operation("teams.get", "GET", _TEAMS + "/{name}", _VIEW, "Show a team", OneTeam, TeamView, _team),
    Operation(
        "teams.create",
        "POST",
        _TEAMS,
        _ADMINISTER,
        "Make a team",
        NewTeam,
        TeamView,
        _new_team,
        status=201,
    ),
    Operation(
        "teams.change",
        "PATCH",
        _TEAMS + "/{name}",
        _ADMINISTER,
        "Let people into a team, or out of it",
        ChangeTeam,
        TeamView,
        _change_team,
    ),
    Operation(
        "teams.delete",
        "DELETE",
        _TEAMS + "/{name}",
        _ADMINISTER,
        "Forget a team",
        OneTeam,
        Gone,
        _delete_team,
    ),
    Operation(
        "service-accounts.list",
        "GET",
        _ACCOUNTS,
        _VIEW,
        "List service accounts",
        Listing,
        ServiceAccountView,
        _accounts,
        answer=_LIST,
    ),
    Operation(
        "service-accounts.get",
        "GET",
        _ACCOUNTS + "/{name}",
        _VIEW,
        "Show a service account",
        OneServiceAccount,
        ServiceAccountView,
        _account,
    ),
    Operation(
        "service-accounts.create",
        "POST",
        _ACCOUNTS,
        _ADMINISTER,
        "Make a service account",
        NewServiceAccount,
        ServiceAccountView,
        _new_account,
        status=201,
    ),
    Operation(
        "service-accounts.change",
        "PATCH",
        _ACCOUNTS + "/{name}",
        _ADMINISTER,
        "Shut a service account out, or let it in again",
        ChangeServiceAccount,
        ServiceAccountView,
        _change_account,
    ),
    Operation(
        "service-accounts.delete",
        "DELETE",
        _ACCOUNTS + "/{name}",
        _ADMINISTER,
        "Forget a service account and its tokens",
        OneServiceAccount,
        Gone,
        _delete_account,
    ),
)
