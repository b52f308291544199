"""An OAuth 2 authorization server to talk to: authlib's, served over HTTP, with its OpenID configuration."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from joserfc.jwk import OctKey

CLIENT_ID, CLIENT_SECRET = "the-client", "planted-client-secret-of-32-bytes"
METHODS = ["client_secret_basic", "client_secret_post", JWTBearerClientAssertion.CLIENT_AUTH_METHOD]


class Client:
    """The one client there is."""

    client_id = CLIENT_ID

    def get_client_id(self) -> str:
        return CLIENT_ID

    def check_client_secret(self, secret: str) -> bool:
        return secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return True

    def get_allowed_scope(self, scope: str) -> str:
        return scope


@dataclass
class Authority:
    """What it was asked, and the tokens it gave."""

    url: str = ""
    seconds: int = 3600
    asked: list[dict[str, str]] = field(default_factory=list)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    def knows(self, header: str) -> bool:
        """Whether a token of this authority is in the header."""
        return header.removeprefix("Bearer ") in self.tokens


class _Form(OAuth2Request):
    def __init__(self, url: str, form: dict[str, str], headers: dict[str, str]) -> None:
        super().__init__("POST", url, headers=headers)
        self._fields = form
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        return self._fields

    @property
    def args(self) -> dict[str, str]:
        return {}


def add_authority(app: FastAPI, known: Authority) -> None:
    """The endpoints of the authority below `/realm` of the app."""
    server = _server(known)

    @app.get("/realm/.well-known/openid-configuration")
    def configuration() -> dict[str, str]:
        return {"issuer": f"{known.url}/realm", "token_endpoint": f"{known.url}/realm/oauth2/token"}

    @app.post("/realm/oauth2/token")
    async def token(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        known.asked.append(form)
        # The library wants https of everybody; this server has no certificate.
        url = str(request.url).replace("http://", "https://")
        headers = {name.title(): value for name, value in request.headers.items()}
        status, body, fields = server.create_token_response(_Form(url, form, headers))
        return JSONResponse(body, status, dict(fields))


def _server(known: Authority) -> AuthorizationServer:  # noqa: C901 - many parts, each a line or two
    class Server(AuthorizationServer):
        def query_client(self, client_id: str) -> Client | None:
            return Client() if client_id == CLIENT_ID else None

        def save_token(self, token: dict[str, Any], request: Any) -> None:
            known.tokens[token["access_token"]] = token

        def create_oauth2_request(self, request: Any) -> Any:
            return request

        def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
            return status, body, headers

        def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
            """Nobody listens."""

    class Assertions(JWTBearerClientAssertion):  # type: ignore[misc] # authlib has no types
        def get_audiences(self) -> list[str]:
            return [f"{known.url}/realm/oauth2/token"]

        def validate_jti(self, claims: Any, jti: str) -> bool:
            return True

        def resolve_client_public_key(self, client: Any) -> Any:
            return OctKey.import_key(CLIENT_SECRET)

    class Clients(grants.ClientCredentialsGrant):  # type: ignore[misc] # authlib has no types
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    class Passwords(grants.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc] # authlib has no types
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

        def authenticate_user(self, username: str, password: str) -> str | None:
            return username if (username, password) == ("ann", "planted-password") else None

    def token(**asked: Any) -> dict[str, Any]:
        made = {"token_type": "Bearer", "access_token": secrets.token_hex(16)}
        return {**made, "expires_in": known.seconds, "scope": asked.get("scope") or ""}

    server = Server()
    server.register_token_generator("default", token)
    server.register_client_auth_method(
        JWTBearerClientAssertion.CLIENT_AUTH_METHOD, Assertions(validate_jti=False)
    )
    server.register_grant(Clients)
    server.register_grant(Passwords)
    return server
