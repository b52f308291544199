"""Authentication policies of HTTP calls: compiled here, resolved to credentials when a call is made."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.credentials import Credentials
from caseway_runner.errors import fault
from caseway_runner.oauth import fetch_token
from caseway_runner.scope import Scope
from caseway_runner.template import Template, constant

SCHEMES = ("basic", "bearer", "digest", "oauth2", "oidc")
_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "basic": ("username", "password"),
    "bearer": ("token",),
    "digest": ("username", "password"),
}
_OAUTH_WORDS = (
    "authority grant client request issuers scopes audiences username password subject actor endpoints"
)
_OAUTH = frozenset(_OAUTH_WORDS.split())


@dataclass(frozen=True, slots=True)
class Authentication:
    """A compiled policy: its properties as a template, or the `secret` that holds them."""

    scheme: str
    properties: Template
    secret: str = ""


def compile_authentication(value: Any, scope: Scope) -> Authentication | None:
    """Compile a policy, or `{use: name}` of one in use.authentications."""
    if isinstance(value, Mapping) and set(value) == {"use"} and isinstance(value["use"], str):
        found = scope.at("use").reused("authentications", value["use"])
        if found is None:
            return None
        value, scope = found
    fields = scope.mapping(value, set(SCHEMES))
    if fields is None:
        return None
    if len(fields) != 1:
        scope.report("schema", "an authentication policy is exactly one of " + ", ".join(SCHEMES))
        return None
    scheme = next(iter(fields))
    if scheme not in SCHEMES:
        return None
    return _policy(scheme, fields[scheme], scope.at(scheme))


def _policy(scheme: str, value: Any, scope: Scope) -> Authentication | None:
    if isinstance(value, Mapping) and "use" in value:
        fields = scope.mapping(value, {"use"})
        name = scope.text(value, "use")
        if name not in scope.draft.secrets:
            scope.at("use").report(
                "secret", f"the secret '{name[:60]}' is not declared", "list it under use.secrets"
            )
        return Authentication(scheme, constant(None), name) if fields else None
    if scheme in _PROPERTIES:
        names = _PROPERTIES[scheme]
        if scope.mapping(value, set(names), names) is None:
            return None
        scope.texts(value, names)
    elif scope.mapping(value, _OAUTH, ("authority", "grant")) is None:
        return None
    else:
        _check_oauth(value, scope)
    return Authentication(scheme, scope.template(value))


def _check_oauth(value: Mapping[str, Any], scope: Scope) -> None:
    """Report properties that have not the type they need."""
    scope.texts(value, ("authority", "grant", "username", "password"))
    for name in ("client", "endpoints"):
        if name in value and not scope.is_expression(value[name]):
            spot = scope.at(name)
            spot.mapping(value[name], None)
            spot.texts(value[name])


async def resolve(policy: Authentication, activation: Activation) -> Credentials:
    """The credentials of `policy` now; they become `$authorization`. Raises a Fault when it has none."""
    if policy.secret:
        properties = activation.run.secret(policy.secret)
    else:
        properties = await activation.fill(policy.properties)
    if not isinstance(properties, Mapping):
        raise fault("authentication", f"the {policy.scheme} credentials are not an object")
    if policy.scheme in ("oauth2", "oidc"):
        scheme, token = await fetch_token(policy.scheme, properties, activation)
        return Credentials(scheme, token)
    values = [_text(properties, name, policy.scheme) for name in _PROPERTIES[policy.scheme]]
    if policy.scheme == "bearer":
        return Credentials("Bearer", values[0])
    if policy.scheme == "digest":
        return Credentials("Digest", username=values[0], password=values[1])
    return Credentials("Basic", base64.b64encode(":".join(values).encode()).decode())


def _text(properties: Mapping[str, Any], name: str, scheme: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise fault("authentication", f"{scheme} authentication has no {name}")
    return value
