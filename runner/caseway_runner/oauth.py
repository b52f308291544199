"""OAuth 2 and OpenID Connect: gets an access token for a policy and keeps it while it is valid."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from caseway_runner.activation import Activation
from caseway_runner.errors import fault
from caseway_runner.http_client import Request, Response

# Renew this long before the token ends, so that it does not end on the way.
_MARGIN_SECONDS = 10.0
_FORM = "application/x-www-form-urlencoded"


async def fetch_token(kind: str, properties: Mapping[str, Any], activation: Activation) -> tuple[str, str]:
    """The (scheme, access token) for these properties. Raises an authentication fault."""
    http = activation.run.session.http
    now = activation.run.session.ports.clock.now().timestamp()
    key = json.dumps([kind, dict(properties)], sort_keys=True, default=str)
    if key in http.tokens and http.tokens[key][2] > now:
        return http.tokens[key][:2]
    endpoint = await _token_endpoint(kind, properties, activation)
    response = await http.send(_token_request(endpoint, properties))
    answer = _json(response, "the token endpoint")
    token = answer.get("access_token")
    if not isinstance(token, str):
        raise fault("authentication", "the token endpoint's answer has no access_token")
    scheme = (
        "Bearer" if str(answer.get("token_type", "bearer")).lower() == "bearer" else str(answer["token_type"])
    )
    lifetime = answer.get("expires_in")
    seconds = float(lifetime) if isinstance(lifetime, int | float) else 0.0
    http.tokens[key] = (scheme, token, now + seconds - _MARGIN_SECONDS)
    return scheme, token


async def _token_endpoint(kind: str, properties: Mapping[str, Any], activation: Activation) -> str:
    authority = str(properties.get("authority", "")).rstrip("/")
    if kind == "oidc":
        url = authority
        if not url.endswith("/.well-known/openid-configuration"):
            url += "/.well-known/openid-configuration"
        answer = _json(
            await activation.run.session.http.send(Request("GET", url, {})), "the OpenID configuration"
        )
        return str(answer.get("token_endpoint", ""))
    endpoints = properties.get("endpoints")
    path = endpoints.get("token", "/oauth2/token") if isinstance(endpoints, Mapping) else "/oauth2/token"
    return str(path) if "://" in str(path) else f"{authority}/{str(path).lstrip('/')}"


def _token_request(endpoint: str, properties: Mapping[str, Any]) -> Request:
    client = properties.get("client")
    client = client if isinstance(client, Mapping) else {}
    fields = {
        "grant_type": properties.get("grant"),
        "scope": " ".join(str(scope) for scope in properties.get("scopes") or ()) or None,
        "audience": " ".join(str(item) for item in properties.get("audiences") or ()) or None,
        "username": properties.get("username"),
        "password": properties.get("password"),
        **_tokens(properties, "subject"),
        **_tokens(properties, "actor"),
    }
    headers = {"accept": "application/json"}
    method = client.get("authentication", "client_secret_post")
    if method == "client_secret_basic":
        pair = f"{client.get('id', '')}:{client.get('secret', '')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        fields["client_id"] = client.get("id")
        fields["client_secret"] = client.get("secret") if method == "client_secret_post" else None
        if method in ("client_secret_jwt", "private_key_jwt"):
            fields["client_assertion"] = client.get("assertion")
            fields["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    sent = {name: str(value) for name, value in fields.items() if value is not None}
    request = properties.get("request")
    encoding = request.get("encoding", _FORM) if isinstance(request, Mapping) else _FORM
    headers["content-type"] = encoding
    body = urlencode(sent) if encoding == _FORM else json.dumps(sent)
    return Request("POST", endpoint, headers, (), body.encode())


def _tokens(properties: Mapping[str, Any], role: str) -> dict[str, Any]:
    value = properties.get(role)
    if not isinstance(value, Mapping):
        return {}
    return {f"{role}_token": value.get("token"), f"{role}_token_type": value.get("type")}


def _json(response: Response, what: str) -> Mapping[str, Any]:
    if response.status >= 300:
        excerpt = response.body[:300].decode("utf-8", "replace")
        raise fault("authentication", f"{what} answered {response.status}: {excerpt}")
    try:
        answer = json.loads(response.body)
    except ValueError as error:
        raise fault("authentication", f"{what} did not answer with JSON") from error
    if not isinstance(answer, Mapping):
        raise fault("authentication", f"{what} did not answer with a JSON object")
    return answer
