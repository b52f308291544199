"""An OAuth 2 authorization server to talk to: authlib's, over HTTP, on this machine."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge

CLIENT_ID, CLIENT_SECRET = "the-client", "planted-client-secret"
METHODS = ["client_secret_basic", "client_secret_post"]


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

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_redirect_uri(self, uri: str) -> bool:
        return uri.startswith("http://127.0.0.1:")

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return scope


@dataclass
class Code:
    """What a person consented to."""

    code: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return "mail"


@dataclass
class Refresh:
    """A refresh token, good once."""

    text: str

    def check_client(self, client: Any) -> bool:
        return True

    def get_scope(self) -> str:
        return "mail"


@dataclass
class Authorization:
    """What it knows and how often it was asked for a token."""

    url: str = ""
    seconds: int = 3600
    asked: list[str] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)
    refreshes: set[str] = field(default_factory=set)
    codes: dict[str, Code] = field(default_factory=dict)
    slow: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)

    def consent(self, url: str) -> dict[str, str]:
        """A person consents in the browser: what it brings back."""
        query = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.url}/authorize?")
        code = secrets.token_hex(8)
        self.codes[code] = Code(
            code, query["redirect_uri"], query["code_challenge"], query["code_challenge_method"]
        )
        return {"code": code, "state": query["state"]}


@contextmanager
def an_authorization_server() -> Iterator[Authorization]:
    """A server that gives tokens for all three grants; refresh tokens are good once."""
    known = Authorization()
    known.slow.set()
    server = _server(known)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
            known.asked.append(form.get("grant_type", ""))
            known.arrived.set()
            known.slow.wait(600)
            status, body, headers = server.create_token_response((form, dict(self.headers)))
            text = json.dumps({**body, **({"echo": urlencode(form)} if status != 200 else {})}).encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        known.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield known
        finally:
            known.slow.set()
            http.shutdown()
            thread.join()


class _Request(OAuth2Request):
    def __init__(self, form: dict[str, str], headers: dict[str, str]) -> None:
        super().__init__("POST", "https://authorization.test/token", headers=headers)
        self._fields = form
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        return self._fields

    @property
    def args(self) -> dict[str, str]:
        return {}


def _server(known: Authorization) -> AuthorizationServer:  # noqa: C901 - many parts, each a line or two
    class Server(AuthorizationServer):
        def query_client(self, client_id: str) -> Client | None:
            return Client() if client_id == CLIENT_ID else None

        def save_token(self, token: dict[str, Any], request: Any) -> None:
            known.given.append(token)
            known.refreshes.add(token.get("refresh_token", ""))

        def create_oauth2_request(self, request: Any) -> _Request:
            return request if isinstance(request, _Request) else _Request(*request)

        def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
            return status, body, headers

        def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
            """Nobody listens."""

    class Consents(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

        def query_authorization_code(self, code: str, client: Any) -> Code | None:
            return known.codes.get(code)

        def delete_authorization_code(self, code: Code) -> None:
            known.codes.pop(code.code)

        def authenticate_user(self, code: Any) -> str:
            return "ann"

    class Refreshes(grants.RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, text: str) -> Refresh | None:
            return Refresh(text) if text in known.refreshes else None

        def authenticate_user(self, token: Any) -> str:
            return "ann"

        def revoke_old_credential(self, token: Refresh) -> None:
            known.refreshes.discard(token.text)

    class Clients(grants.ClientCredentialsGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def token(**asked: Any) -> dict[str, Any]:
        made = {"token_type": "Bearer", "access_token": f"planted-access-{secrets.token_hex(12)}"}
        made |= {"expires_in": known.seconds}
        if asked["include_refresh_token"]:
            made["refresh_token"] = f"planted-refresh-{secrets.token_hex(12)}"
        return made

    server = Server()
    server.register_token_generator("default", token)
    server.register_grant(Consents, [CodeChallenge(required=True)])
    server.register_grant(Refreshes)
    server.register_grant(Clients)
    return server
