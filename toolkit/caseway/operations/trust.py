"""Trust rules, and the exchange of an assertion of identity for a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from caseway.model.access import Permission
from caseway.operations.fields import About
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.operations.people import Gone, Listing, Project, Scopes
from caseway.operations.tokens import Secret
from caseway.platform.access import trust
from caseway.platform.access.exchange import exchange
from caseway.platform.access.trust import GITHUB, LONGEST, TrustView
from caseway.platform.tables import instant

RuleName = Annotated[str, About("The rule's name.", example="deploys", longest=128)]


@dataclass(frozen=True, slots=True)
class NewTrust:
    """Whose assertions are taken, and what they are good for. In a pattern `*` stands for anything but `/`,
    `**` for anything."""

    name: RuleName
    claims: Annotated[
        Mapping[str, str],
        About("Claims and their patterns.", example={"repository": "acme/app", "ref": "refs/heads/main"}),
    ]
    scopes: Scopes
    project: Project = ""
    issuer: Annotated[str, About("Who signs.", example=GITHUB, longest=500)] = GITHUB
    audience: Annotated[str, About("For whom it is signed.", example="caseway", longest=500)] = "caseway"
    seconds: Annotated[int, About("How long a token is good.", example=900, minimum=60, maximum=LONGEST)] = (
        LONGEST
    )


@dataclass(frozen=True, slots=True)
class OneTrust:
    """Which rule."""

    name: RuleName


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an identity provider has signed; the other fields tell rules apart when several fit."""

    assertion: Annotated[str, About("A JSON Web Token.", example="eyJ…", longest=16_384, is_secret=True)]
    organization: Annotated[str, About("Of which organization.", example="acme", longest=128)] = ""
    project: Project = ""
    scopes: Annotated[tuple[str, ...], About("At least these.", example=["deploy"], maximum=4)] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """A token that is good for a short while."""

    secret: Secret
    trust: str
    organization: str
    project: str
    scopes: tuple[str, ...]
    expires_at: str


def _list(operating: Operating, asked: Listing) -> Page:
    found = trust.list_trusts(operating.platform, operating.organization)
    return page_of(found, lambda view: (view.name,), asked.cursor, asked.limit)


def _add(operating: Operating, asked: NewTrust) -> TrustView:
    return trust.add_trust(
        operating.platform,
        operating.caller,
        asked.name,
        claims={name: str(value) for name, value in asked.claims.items()},
        scopes=asked.scopes,
        project=asked.project,
        issuer=asked.issuer,
        audience=asked.audience,
        seconds=asked.seconds,
    )


def _remove(operating: Operating, asked: OneTrust) -> Gone:
    trust.remove_trust(operating.platform, operating.caller, asked.name)
    return Gone(asked.name)


def _exchange(operating: Operating, asked: Assertion) -> Given:
    given = exchange(
        operating.platform,
        asked.assertion,
        organization=asked.organization,
        project=asked.project,
        scopes=asked.scopes,
    )
    return Given(
        secret=given.secret,
        trust=given.trust,
        organization=given.organization,
        project=given.project,
        scopes=given.scopes,
        expires_at=instant(given.expires_at),
    )


_TRUSTS = PREFIX + "/trusts"
_ADMINISTER = Permission.ADMINISTER

OPERATIONS = (
    Operation(
        "trusts.list",
        "GET",
        _TRUSTS,
        _ADMINISTER,
        "List trust rules",
        Listing,
        TrustView,
        _list,
        answer=Answer.LIST,
    ),
    Operation(
        "trusts.add",
        "POST",
        _TRUSTS,
        _ADMINISTER,
        "Trust assertions of an identity provider",
        NewTrust,
        TrustView,
        _add,
        status=201,
    ),
    Operation(
        "trusts.remove",
        "DELETE",
        _TRUSTS + "/{name}",
        _ADMINISTER,
        "Forget a trust rule; its tokens end",
        OneTrust,
        Gone,
        _remove,
    ),
    Operation(
        "exchanges.create",
        "POST",
        PREFIX + "/token-exchange",
        Permission.SIGN_IN,
        "Exchange an assertion of identity for a short-lived token",
        Assertion,
        Given,
        _exchange,
        status=201,
        is_secret=True,
    ),
)
