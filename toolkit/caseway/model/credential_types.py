"""What each type of credential consists of: the built-in ones, and how a project's own are read. Data and one
check; no value is kept here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway.model.errors import CasewayError


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One field of a credential. A `kind` of text, number, boolean or list; `choices` when only those fit."""

    name: str
    description: str
    required: bool = True
    kind: str = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CredentialType:
    """A type: its fields, in the order they are asked for. An `is_open` one takes any others too."""

    name: str
    description: str
    fields: tuple[CredentialField, ...] = ()
    is_open: bool = False


_F = CredentialField
_OAUTH = (
    _F("tokenUrl", "Where tokens are had."),
    _F("clientId", "The client's id."),
    _F("clientSecret", "The client's secret."),
    _F("scope", "The scopes asked for, separated by spaces.", required=False),
    _F("audience", "For whom the token is.", required=False),
    _F(
        "clientAuthentication",
        "How the client shows its secret.",
        required=False,
        choices=("basic", "post"),
    ),
)
CLIENT_CREDENTIALS, AUTHORIZATION_CODE = "oauth2ClientCredentials", "oauth2AuthorizationCode"

TYPES: Mapping[str, CredentialType] = {
    each.name: each
    for each in (
        CredentialType("apiKey", "A key of an API.", (_F("key", "The key."),), is_open=True),
        CredentialType(
            "basic",
            "A name and a password.",
            (_F("username", "The name."), _F("password", "The password.")),
            is_open=True,
        ),
        CredentialType("bearer", "A bearer token.", (_F("token", "The token."),), is_open=True),
        CredentialType("oauth2", "An OAuth 2 policy as the workflow language writes it.", is_open=True),
        CredentialType(
            CLIENT_CREDENTIALS, "A client that has tokens by itself; they are renewed when they end.", _OAUTH
        ),
        CredentialType(
            AUTHORIZATION_CODE,
            "A person's consent; tokens are renewed until it is withdrawn.",
            (
                *_OAUTH,
                _F("authorizationUrl", "Where the person consents."),
                _F("accessToken", "The token; had by `caseway credential authorize`.", required=False),
                _F("refreshToken", "What it is renewed with.", required=False),
            ),
        ),
        CredentialType(
            "databaseUrl", "A database.", (_F("url", "Its URL, password and all."),), is_open=True
        ),
        CredentialType(
            "smtp",
            "A mail server.",
            (
                _F("host", "The server."),
                _F("port", "Its port.", required=False, kind="number"),
                _F("username", "The account.", required=False),
                _F("password", "Its password.", required=False),
                _F("tls", "How it is encrypted.", required=False, choices=("starttls", "implicit", "none")),
            ),
            is_open=True,
        ),
        CredentialType(
            "aws",
            "An account of Amazon Web Services.",
            (
                _F("accessKeyId", "The key's id."),
                _F("secretAccessKey", "The key."),
                _F("sessionToken", "Of temporary keys.", required=False),
                _F("region", "The region.", required=False),
            ),
            is_open=True,
        ),
        CredentialType("custom", "Any JSON object.", is_open=True),
    )
}


def declared(name: str, told: Mapping[str, Any]) -> CredentialType:
    """A type as a project declares it, which its schema has checked; what is missing has its default."""
    fields = tuple(
        CredentialField(
            str(field),
            str(about.get("description") or ""),
            bool(about.get("required", True)),
            str(about.get("kind") or "text"),
            tuple(map(str, about.get("choices") or ())),
        )
        for field, about in told["fields"].items()
    )
    return CredentialType(name, str(told.get("description") or ""), fields, bool(told.get("open")))


def check_fields(kind: str, value: Mapping[str, Any], types: Mapping[str, CredentialType] = TYPES) -> None:
    """Raises `CasewayError` (`credential-type`, `credential-fields`), naming fields and never values."""
    known = types.get(kind)
    if known is None:
        raise CasewayError(
            f"there is no credential type {kind!r}",
            code="credential-type",
            hint=f"one of: {', '.join(sorted(types))}; a project's own are known once it was applied",
        )
    names = {item.name for item in known.fields}
    faults = [f"{item.name} is missing" for item in known.fields if item.required and item.name not in value]
    faults += [fault for item in known.fields if item.name in value and (fault := _fault(item, value))]
    if not known.is_open:
        faults += [f"{name} is no field of it" for name in value if name not in names]
    if faults:
        raise CasewayError(
            f"this is no {kind} credential: {'; '.join(sorted(faults))}",
            code="credential-fields",
            hint=f"its fields: {', '.join(_shown(item) for item in known.fields)}",
        )


def main_field(kind: str, types: Mapping[str, CredentialType] = TYPES) -> str:
    """The field that a plain text fills: the only one that must be there; "value" where that is none."""
    known = types.get(kind)
    required = [item.name for item in known.fields if item.required] if known is not None else []
    return required[0] if len(required) == 1 else "value"


def _fault(item: CredentialField, value: Mapping[str, Any]) -> str:
    given = value[item.name]
    fits = {
        "text": isinstance(given, str) and bool(given or not item.required),
        "number": isinstance(given, int) and not isinstance(given, bool),
        "boolean": isinstance(given, bool),
        "list": isinstance(given, list),
    }[item.kind]
    if not fits:
        return f"{item.name} is no {item.kind}" if given != "" else f"{item.name} is empty"
    if item.choices and given not in item.choices:
        return f"{item.name} is none of {', '.join(item.choices)}"
    return ""


def _shown(item: CredentialField) -> str:
    return item.name if item.required else f"{item.name} (optional)"
