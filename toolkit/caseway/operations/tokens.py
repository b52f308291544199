"""Tokens, and signing in: what one shows to be known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from caseway.model.access import Permission
from caseway.operations.fields import About, Cursor, Limit
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.operations.people import Account, Done, Nothing, Password, Project, Scopes, User
from caseway.platform.access import guard, login, sign_in, tokens
from caseway.platform.access.tokens import TokenView
from caseway.platform.tables import instant

DAY = 86_400
Token = Annotated[str, About("A token's id or prefix.", example="cwp_1a2b3c4d", longest=100)]
Seconds = Annotated[
    int, About("How long it is good; 0 without an end.", example=7_776_000, minimum=0, maximum=10 * 366 * DAY)
]
Secret = Annotated[str, About("The token itself; it is not shown again.", example="cwp_1a2b3c4d_…")]


@dataclass(frozen=True, slots=True)
class ListTokens:
    """One's own, those of a service account, or `all` of the organization (for admins)."""

    service_account: Account = ""
    all: bool = False
    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class NewTokenAsked:
    """What a token is for, how long, and whose it is: one's own, or a service account's (for admins)."""

    scopes: Scopes
    name: Annotated[str, About("What it is for.", example="laptop", longest=200)] = ""
    project: Project = ""
    seconds: Seconds = 90 * DAY
    service_account: Account = ""
    user: Annotated[
        str, About("Whose, for who is on the server's own machine.", example="ann", longest=128)
    ] = ""


@dataclass(frozen=True, slots=True)
class OneToken:
    """Which token."""

    token: Token


@dataclass(frozen=True, slots=True)
class RotateToken:
    """Which token, how long the new one is good (0: as long as the old one was), and how long both work."""

    token: Token
    seconds: Seconds = 0
    overlap: Annotated[int, About("Seconds that both work.", example=DAY, minimum=0, maximum=30 * DAY)] = DAY


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, this once with its secret."""

    token: TokenView
    secret: Secret


@dataclass(frozen=True, slots=True)
class Revoked:
    """Which token has ended."""

    token: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who signs in, with what, to which organization ("" the only one they belong to)."""

    name: User
    password: Password
    organization: Annotated[str, About("Which organization.", example="acme", longest=128)] = ""


@dataclass(frozen=True, slots=True)
class BeginSignIn:
    """Where the browser comes back to."""

    redirect: Annotated[
        str, About("Where the browser comes back.", example="http://127.0.0.1:8123/", longest=500)
    ]


@dataclass(frozen=True, slots=True)
class SignInPlace:
    """Where the person signs in."""

    url: str


@dataclass(frozen=True, slots=True)
class EndSignIn:
    """What the browser brought back."""

    state: Annotated[str, About("The state.", example="k3f…", longest=500, is_secret=True)]
    code: Annotated[str, About("The code.", example="4/0A…", longest=4000, is_secret=True)]
    organization: Annotated[str, About("Which organization.", example="acme", longest=128)] = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A session's token, and when it ends."""

    secret: Secret
    expires_at: str


def _list(operating: Operating, asked: ListTokens) -> Page:
    if asked.all or asked.service_account:
        _administers(operating)
    found = tokens.list_tokens(
        operating.platform,
        operating.caller,
        everyones=asked.all,
        service_account=asked.service_account,
    )
    found.sort(key=_key)
    return page_of(found, _key, asked.cursor, asked.limit)


def _key(view: TokenView) -> tuple[str, str]:
    return view.created_at, view.id


def _create(operating: Operating, asked: NewTokenAsked) -> Issued:
    if asked.service_account:
        _administers(operating)
    view, secret = tokens.create_token(
        operating.platform,
        operating.caller,
        name=asked.name,
        scopes=asked.scopes,
        project=asked.project,
        expires_at=_after(operating, asked.seconds),
        user=asked.user,
        service_account=asked.service_account,
    )
    return Issued(view, secret)


def _rotate(operating: Operating, asked: RotateToken) -> Issued:
    view, secret = tokens.rotate_token(
        operating.platform,
        operating.caller,
        asked.token,
        expires_at=_after(operating, asked.seconds),
        overlap=timedelta(seconds=asked.overlap),
        everyones=_may_all(operating),
    )
    return Issued(view, secret)


def _revoke(operating: Operating, asked: OneToken) -> Revoked:
    tokens.revoke_token(operating.platform, operating.caller, asked.token, everyones=_may_all(operating))
    return Revoked(asked.token)


def _sign_in(operating: Operating, asked: SignIn) -> Session:
    secret, until = login.sign_in(
        operating.platform,
        asked.name,
        asked.password,
        organization=asked.organization,
        client=operating.caller.id,
    )
    return Session(secret, instant(until))


def _begin(operating: Operating, asked: BeginSignIn) -> SignInPlace:
    return SignInPlace(sign_in.begin(operating.platform, asked.redirect))


def _complete(operating: Operating, asked: EndSignIn) -> Session:
    secret, until = sign_in.complete(
        operating.platform, asked.state, asked.code, organization=asked.organization
    )
    return Session(secret, instant(until))


def _sign_out(operating: Operating, _asked: object) -> Done:
    if operating.caller.token_id:
        tokens.revoke_token(operating.platform, operating.caller, operating.caller.token_id, everyones=True)
    return Done(bool(operating.caller.token_id))


def _administers(operating: Operating) -> None:
    guard.require(operating.caller, Permission.ADMINISTER, guard.organization_subject(operating.caller))


def _may_all(operating: Operating) -> bool:
    return guard.is_allowed(
        operating.caller, Permission.ADMINISTER, guard.organization_subject(operating.caller)
    )


def _after(operating: Operating, seconds: int) -> datetime | None:
    return operating.platform.clock() + timedelta(seconds=seconds) if seconds else None


_TOKENS = PREFIX + "/tokens"
_ACCOUNT = Permission.ACCOUNT

OPERATIONS = (
    Operation(
        "tokens.list",
        "GET",
        _TOKENS,
        _ACCOUNT,
        "List tokens, without their secrets",
        ListTokens,
        TokenView,
        _list,
        answer=Answer.LIST,
    ),
    Operation(
        "tokens.create",
        "POST",
        _TOKENS,
        _ACCOUNT,
        "Make a token; its secret is shown this once",
        NewTokenAsked,
        Issued,
        _create,
        status=201,
        is_secret=True,
    ),
    Operation(
        "tokens.rotate",
        "POST",
        _TOKENS + "/{token}/rotate",
        _ACCOUNT,
        "Put a new token in place of one; both work for a while",
        RotateToken,
        Issued,
        _rotate,
        status=201,
        is_secret=True,
    ),
    Operation(
        "tokens.revoke", "DELETE", _TOKENS + "/{token}", _ACCOUNT, "End a token", OneToken, Revoked, _revoke
    ),
    Operation(
        "sessions.create",
        "POST",
        PREFIX + "/sessions",
        Permission.SIGN_IN,
        "Sign in with a name and a password",
        SignIn,
        Session,
        _sign_in,
        status=201,
        is_secret=True,
    ),
    Operation(
        "sessions.begin",
        "POST",
        PREFIX + "/sessions/begin",
        Permission.SIGN_IN,
        "Begin to sign in at the identity provider",
        BeginSignIn,
        SignInPlace,
        _begin,
        is_secret=True,
    ),
    Operation(
        "sessions.complete",
        "POST",
        PREFIX + "/sessions/complete",
        Permission.SIGN_IN,
        "Sign in with what the browser brought back from the identity provider",
        EndSignIn,
        Session,
        _complete,
        status=201,
        is_secret=True,
    ),
    Operation(
        "sessions.end",
        "DELETE",
        PREFIX + "/sessions/current",
        Permission.VIEW,
        "Sign out: the token that asks ends",
        Nothing,
        Done,
        _sign_out,
    ),
)
