"""Who asks, what asking needs, and the one table that decides. Pure.

The rule: `may` is the only place that says yes. The same grants that it looks at are what the store keeps for
its lists, so that a list never shows what a look at the single thing refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What somebody may do with one instance or process, from least to most."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    OWNER = "owner"


class OrganizationRole(StrEnum):
    """What somebody is in an organization."""

    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


class Scope(StrEnum):
    """What a token may be used for; a person's token never does more than the person may."""

    READ = "read"
    TRIGGER = "trigger"
    DEPLOY = "deploy"
    MANAGE = "manage"


class Permission(StrEnum):
    """What one operation needs of its caller."""

    BROWSE = "browse"  # see processes, their versions and starters
    VIEW = "view"  # look at instances, executions, schedules
    TRIGGER = "trigger"  # start executions
    OPERATE = "operate"  # pause, resume, cancel, retry
    EDIT = "edit"  # change parameters, deploy, roll back, install
    OWN = "own"  # share, delete, issue keys
    DEPLOY = "deploy"  # plan and apply a project
    PUBLISH = "publish"  # publish, deprecate, promote, delete processes
    CREDENTIALS = "credentials"  # store and forget secrets
    SIGN_IN = "sign-in"  # anybody's: to show who one is
    ACCOUNT = "account"  # one's own tokens and password
    ADMINISTER = "administer"  # everything that is the organization's


class Kind(StrEnum):
    """What an operation is about; `organization` stands for all lists, which show only what may be seen."""

    ORGANIZATION = "organization"
    PROJECT = "project"
    PROCESS = "process"
    INSTANCE = "instance"
    CREDENTIAL = "credential"


class Visibility(StrEnum):
    """Who sees a process in the catalogue."""

    PRIVATE = "private"
    USER_LIST = "userList"
    TEAM_LIST = "teamList"
    ORGANIZATIONAL = "organizational"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `kind` is user, service, instance, local or anonymous; `project` restricts a token to one."""

    organization: str
    kind: str = "anonymous"
    id: str = ""
    name: str = ""
    organization_role: str = ""
    teams: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    project: str = ""
    token_id: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about.

    `owner` names a user or a team. `visibility`, `users` and `teams` are a process's; `sharing` is an
    instance's, as its document has it."""

    organization: str
    kind: Kind = Kind.ORGANIZATION
    id: str = ""
    owner: str = ""
    visibility: str = ""
    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    sharing: Mapping[str, Any] | None = None
    project: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether, and if not why. `is_hidden`: the caller may not even know that the subject is there."""

    allowed: bool
    reason: str = ""
    is_hidden: bool = False


ALL_SCOPES = tuple(Scope)
ANONYMOUS = Caller(organization="")
ANYONE = "anyone"

_S, _R = Scope, Role


@dataclass(frozen=True, slots=True)
class Rule:
    """What a permission needs: one of `scopes`, and at least this standing on a subject of each kind."""

    scopes: frozenset[Scope]
    organization: Role
    process: Role
    instance: Role


def _rule(scopes: tuple[Scope, ...], organization: Role, process: Role, instance: Role) -> Rule:
    return Rule(frozenset(scopes), organization, process, instance)


# The table. In an organization members stand as viewers, admins as editors, owners as owners. Installing is
# `edit` on a process that one sees.
RULES: Mapping[Permission, Rule] = {
    Permission.BROWSE: _rule((_S.READ, _S.DEPLOY, _S.MANAGE), _R.VIEWER, _R.VIEWER, _R.VIEWER),
    Permission.VIEW: _rule((_S.READ, _S.DEPLOY, _S.MANAGE), _R.VIEWER, _R.VIEWER, _R.VIEWER),
    Permission.TRIGGER: _rule((_S.TRIGGER, _S.MANAGE), _R.OPERATOR, _R.EDITOR, _R.OPERATOR),
    Permission.OPERATE: _rule((_S.MANAGE,), _R.EDITOR, _R.EDITOR, _R.OPERATOR),
    Permission.EDIT: _rule((_S.DEPLOY, _S.MANAGE), _R.EDITOR, _R.VIEWER, _R.EDITOR),
    Permission.OWN: _rule((_S.MANAGE,), _R.EDITOR, _R.OWNER, _R.OWNER),
    Permission.DEPLOY: _rule((_S.DEPLOY, _S.MANAGE), _R.EDITOR, _R.EDITOR, _R.EDITOR),
    Permission.PUBLISH: _rule((_S.DEPLOY, _S.MANAGE), _R.EDITOR, _R.EDITOR, _R.EDITOR),
    Permission.CREDENTIALS: _rule((_S.MANAGE,), _R.EDITOR, _R.EDITOR, _R.EDITOR),
    Permission.SIGN_IN: _rule(ALL_SCOPES, _R.VIEWER, _R.VIEWER, _R.VIEWER),
    Permission.ACCOUNT: _rule((_S.MANAGE,), _R.VIEWER, _R.OWNER, _R.OWNER),
    Permission.ADMINISTER: _rule((_S.MANAGE,), _R.EDITOR, _R.OWNER, _R.OWNER),
}

RANK: Mapping[Role, int] = {role: rank for rank, role in enumerate(Role)}
STANDING: Mapping[str, Role] = {
    OrganizationRole.MEMBER: Role.VIEWER,
    OrganizationRole.ADMIN: Role.EDITOR,
    OrganizationRole.OWNER: Role.OWNER,
}
# A service account has no person behind it: its scopes are what it may do, in all of its organization.
OF_SERVICE: Mapping[Scope, Role] = {
    Scope.READ: Role.VIEWER,
    Scope.TRIGGER: Role.OPERATOR,
    Scope.DEPLOY: Role.EDITOR,
    Scope.MANAGE: Role.OWNER,
}
_LISTS = frozenset({Permission.BROWSE, Permission.VIEW})


def local(organization: str, name: str) -> Caller:
    """The embedded caller: whoever may open the database may do everything in its organization."""
    return Caller(organization=organization, kind="local", id=name, name=name, organization_role="owner")


def may(caller: Caller, permission: Permission, subject: Subject) -> Decision:
    """Whether the caller has the permission on the subject."""
    if permission is Permission.SIGN_IN:
        return Decision(True)
    role = standing(caller, subject)
    if role is None:
        return Decision(False, "there is no such thing, or it is not shared with you", is_hidden=True)
    if caller.kind == "local":
        return Decision(True)
    return _restricted(caller, permission, subject) or _ranked(caller, permission, subject, role)


def _ranked(caller: Caller, permission: Permission, subject: Subject, role: Role) -> Decision:
    """Whether scopes and the role on the subject are enough."""
    rule = RULES[permission]
    if not rule.scopes & set(caller.scopes) and not _is_anyone(caller, permission):
        needed = " or ".join(sorted(rule.scopes))
        return Decision(False, f"the token lacks the scope {needed}")
    needed_role = _needed(rule, subject.kind)
    if RANK[role] < RANK[needed_role]:
        return Decision(
            False, f"{permission} on {_a(subject.kind)} needs {_called(needed_role, subject.kind)}"
        )
    return Decision(True)


def standing(caller: Caller, subject: Subject) -> Role | None:
    """The caller's role on the subject, None when it is nothing to them. A person's scopes do not count."""
    if caller.kind == "local":
        return Role.OWNER if subject.organization in {caller.organization, ""} else None
    if not _belongs(caller, subject):
        return Role.VIEWER if is_public(subject) else None
    if caller.kind == "instance":
        return Role.OPERATOR if subject.kind is Kind.INSTANCE and subject.id == caller.id else None
    if caller.kind == "service":
        return _of_service(caller, subject)
    mine = grantees(caller)
    return max(
        (role for grantee, role in (*owning(subject), *granted(subject)) if grantee in mine),
        key=RANK.__getitem__,
        default=None,
    )


def grantees(caller: Caller) -> frozenset[str]:
    """The names under which something may be granted to a person."""
    role = STANDING.get(caller.organization_role)
    ranks = [name for name, rank in STANDING.items() if role is not None and RANK[rank] <= RANK[role]]
    return frozenset(
        (
            ANYONE,
            f"user:{caller.name}",
            *(f"team:{team}" for team in caller.teams),
            *(f"role:{name}" for name in ranks),
        )
    )


def owning(subject: Subject) -> tuple[tuple[str, Role], ...]:
    """Who has a standing by what the subject is, and by whose it is."""
    theirs = ((f"user:{subject.owner}", Role.OWNER), (f"team:{subject.owner}", Role.OWNER))
    match subject.kind:
        case Kind.ORGANIZATION | Kind.PROJECT:
            return tuple((f"role:{name}", role) for name, role in STANDING.items())
        case Kind.PROCESS | Kind.CREDENTIAL:
            return (*(theirs if subject.owner else ()), ("role:admin", Role.OWNER))
        case Kind.INSTANCE:
            return (*theirs, ("role:owner", Role.OWNER))


def granted(subject: Subject) -> tuple[tuple[str, Role], ...]:
    """Who has a standing because it was shared or made visible: what the store keeps beside the row."""
    if subject.kind is Kind.PROCESS:
        return tuple((grantee, Role.VIEWER) for grantee in sorted(_seeing(subject)))
    if subject.kind is Kind.INSTANCE:
        return _shared(subject.sharing or {})
    return ()


def is_public(subject: Subject) -> bool:
    """Whether everybody on the platform may see it, of whatever organization."""
    return subject.kind is Kind.PROCESS and subject.visibility == Visibility.PUBLIC


def sees_all(caller: Caller, kind: Kind) -> bool:
    """Whether the caller has a standing on everything of a kind in the organization, so that lists need not
    look at grants. The restriction to a project counts besides."""
    if caller.kind in {"local", "service"}:
        return True
    if caller.kind != "user":
        return False
    rank = RANK.get(STANDING.get(caller.organization_role, Role.VIEWER), 0)
    return rank >= RANK[Role.EDITOR if kind is Kind.PROCESS else Role.OWNER]


def _belongs(caller: Caller, subject: Subject) -> bool:
    """Whether both are of one organization; a person must be its member."""
    if caller.kind not in {"user", "service", "instance"}:
        return False
    is_known = caller.kind != "user" or caller.organization_role in STANDING
    return is_known and caller.organization == subject.organization


def _seeing(subject: Subject) -> set[str]:
    match subject.visibility:
        case Visibility.USER_LIST:
            return {f"user:{name}" for name in subject.users}
        case Visibility.TEAM_LIST:
            return {f"team:{name}" for name in subject.teams}
        case Visibility.ORGANIZATIONAL:
            return {"role:member"}
        case Visibility.PUBLIC:
            return {ANYONE}
        case _:
            return set()


def _shared(sharing: Mapping[str, Any]) -> tuple[tuple[str, Role], ...]:
    found: dict[str, Role] = {}
    users = sharing.get("users")
    for share in users if isinstance(users, (list, tuple)) else ():
        if isinstance(share, Mapping) and str(share.get("role") or Role.VIEWER) in set(Role):
            grantee, role = f"user:{share.get('user')}", Role(str(share.get("role") or Role.VIEWER))
            found[grantee] = max(found.get(grantee, role), role, key=RANK.__getitem__)
    if sharing.get("mode") == "admins":
        found["role:admin"] = Role.EDITOR
    if sharing.get("mode") == "everyone":
        found["role:member"] = Role.VIEWER
    return tuple(sorted(found.items()))


def _of_service(caller: Caller, subject: Subject) -> Role | None:
    roles = [OF_SERVICE[Scope(scope)] for scope in caller.scopes if scope in set(Scope)]
    best = max(roles, key=RANK.__getitem__, default=None)
    is_whole = subject.kind is Kind.ORGANIZATION
    return Role.EDITOR if is_whole and best is Role.OWNER else best  # never the organization's owner


def _restricted(caller: Caller, permission: Permission, subject: Subject) -> Decision | None:
    """A token of one project reaches nothing of another; lists show that project's."""
    if not caller.project or subject.project == caller.project:
        return None
    if subject.kind is Kind.ORGANIZATION and permission in _LISTS:
        return None
    is_hidden = subject.kind in {Kind.PROCESS, Kind.INSTANCE}
    return Decision(False, f"the token is for project {caller.project} alone", is_hidden=is_hidden)


def _is_anyone(caller: Caller, permission: Permission) -> bool:
    return caller.kind == "anonymous" and permission is Permission.BROWSE


def _needed(rule: Rule, kind: Kind) -> Role:
    match kind:
        case Kind.PROCESS:
            return rule.process
        case Kind.INSTANCE:
            return rule.instance
        case Kind.ORGANIZATION | Kind.PROJECT | Kind.CREDENTIAL:
            return rule.organization


def _a(kind: Kind) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _called(role: Role, kind: Kind) -> str:
    if kind in {Kind.PROCESS, Kind.INSTANCE}:
        return f"the role {role} on it"
    return {Role.VIEWER: "a member", Role.OWNER: "an owner"}.get(role, "an admin")
