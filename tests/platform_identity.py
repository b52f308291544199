"""An identity provider to talk to: real keys, real HTTP, on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key; making one takes a while, so each is made once."""
    del name
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A key on a curve."""
    del name
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    """The public half, as text: what an algorithm confusion would sign with."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@dataclass
class Provider:
    """What it answers, and how often it was asked."""

    url: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    says: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, Any] = field(default_factory=dict)

    def documents(self) -> dict[str, Any]:
        """What is served, by path."""
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                **self.says,
            },
            "/keys": {"keys": [_jwk(name, key) for name, key in self.keys.items()]},
        }

    def authorize(self, url: str, **claims: Any) -> dict[str, str]:
        """A person signs in in the browser: what it brings back. `claims` are what is said of them."""
        query = dict(parse_qsl(urlsplit(url).query))
        code = f"code-{len(self.codes)}"
        self.codes[code] = {**query, "claims": {"nonce": query["nonce"], **claims}}
        return {"state": query["state"], "code": code}

    def tokens(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What the token endpoint answers: a code is good once, and with its verifier alone."""
        known = self.codes.pop(form.get("code", ""), None)
        made = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
        if known is None or known["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "x", "id_token": self.signed(known["claims"])}

    def signed(self, claims: dict[str, Any], *, key: str = "one", **head: Any) -> str:
        """An assertion with these claims."""
        private = self.keys[key]
        algorithm = "RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(claims, private, algorithm=algorithm, headers={"kid": key, **head})


def github_claims(provider: Provider, now: datetime, **changes: Any) -> dict[str, Any]:
    """The claims of a GitHub Actions run on the main branch of acme/automations; None takes one away."""
    at = int(now.timestamp())
    claims = {
        "iss": provider.url,
        "aud": "caseway",
        "sub": "repo:acme/automations:ref:refs/heads/main",
        "repository": "acme/automations",
        "repository_owner": "acme",
        "ref": "refs/heads/main",
        "event_name": "push",
        "environment": "production",
        "iat": at,
        "nbf": at,
        "exp": at + 300,
        "jti": "one",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


@contextmanager
def a_provider() -> Iterator[Provider]:
    """A provider with one RSA key called `one`."""
    provider = Provider(keys={"one": rsa_key("one")})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            found = provider.documents().get(self.path)
            body = json.dumps(found).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
            provider.asked.append(self.path)
            status, told = provider.tokens(form)
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


def _jwk(name: str, key: Any) -> dict[str, Any]:
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    algorithm = jwt.algorithms.RSAAlgorithm if is_rsa else jwt.algorithms.ECAlgorithm
    made = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {**made, "kid": name, "use": "sig", "alg": "RS256" if is_rsa else "ES256"}
