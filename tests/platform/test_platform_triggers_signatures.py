"""Signatures of requests: the vectors their inventors published, and everything that must not pass."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from caseway.model.errors import CasewayError
from caseway.platform.triggers.signatures import Signed, secrets_of, verify

# github.com/standard-webhooks/standard-webhooks, spec: "Signature scheme" and its libraries' tests
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD = Signed(
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    b'{"test": 2432232314}',
)
# docs.github.com, "Validating webhook deliveries": "Testing the webhook payload validation"
GITHUB_SECRET = "It's a Secret to Everybody"
GITHUB = Signed(
    {
        "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    },
    b"Hello, World!",
)
# api.slack.com, "Verifying requests from Slack"
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK = Signed(
    {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
)
# docs.stripe.com, "Verify webhook signatures manually": HMAC-SHA256 of `timestamp.payload`, in hex
STRIPE_SECRET = "whsec_test_secret"
STRIPE_BODY = b'{"id": "evt_1NG8Du2eZvKYlo2CUI79vXWy", "object": "event"}'


def stripe(body: bytes = STRIPE_BODY, at: int = 1614556800, secret: str = STRIPE_SECRET) -> Signed:
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return Signed({"stripe-signature": f"t={at},v1={made},v0=6ffbb59b2300aae63f272406069a9788"}, body)


VECTORS: dict[str, tuple[str, Signed, float, str]] = {
    "standardWebhooks": (STANDARD_SECRET, STANDARD, 1614265330.0, "msg_p5jXN8AQM9LWM0D4loKWxJek"),
    "github": (GITHUB_SECRET, GITHUB, 0.0, "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
    "slack": (
        SLACK_SECRET,
        SLACK,
        1531420618.0,
        f"1531420618.{SLACK.headers['x-slack-signature']}",
    ),
    "stripe": (STRIPE_SECRET, stripe(), 1614556800.0, "evt_1NG8Du2eZvKYlo2CUI79vXWy"),
}
TIMED = sorted(set(VECTORS) - {"github"})
KINDS = sorted(VECTORS)


def refused(kind: str, secrets: Any, request: Signed, now: float, **how: Any) -> str:
    with pytest.raises(CasewayError) as caught:
        verify({"type": kind, **how}, secrets, request, now=now)
    assert caught.value.code == "signature"
    return caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_the_published_vector_is_good(kind: str) -> None:
    secret, request, now, found = VECTORS[kind]
    assert verify({"type": kind}, [secret], request, now=now) == found


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_body_is_refused(kind: str) -> None:
    secret, request, now, _ = VECTORS[kind]
    assert "does not fit" in refused(kind, [secret], Signed(request.headers, request.body + b" "), now)


@pytest.mark.parametrize("kind", KINDS)
def test_another_secret_is_refused(kind: str) -> None:
    secret, request, now, _ = VECTORS[kind]
    assert "does not fit" in refused(kind, [secret[:-4] + "AAAA"], request, now)


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_at_all_lets_nobody_in(kind: str) -> None:
    _, request, now, _ = VECTORS[kind]
    refused(kind, [], request, now)


@pytest.mark.parametrize("kind", KINDS)
def test_any_of_several_secrets_will_do_while_one_is_replaced(kind: str) -> None:
    secret, request, now, found = VECTORS[kind]
    assert verify({"type": kind}, ["whsec_AAAA", secret], request, now=now) == found
    assert verify({"type": kind}, [secret, "whsec_AAAA"], request, now=now) == found


@pytest.mark.parametrize("kind", KINDS)
def test_each_missing_header_is_refused(kind: str) -> None:
    secret, request, now, _ = VECTORS[kind]
    for name in request.headers.keys() - {"x-github-delivery"}:
        kept = {key: value for key, value in request.headers.items() if key != name}
        assert name in refused(kind, [secret], Signed(kept, request.body), now)


@pytest.mark.parametrize("kind", TIMED)
@pytest.mark.parametrize("away", [-301.0, 301.0])
def test_a_signature_of_another_time_is_refused(kind: str, away: float) -> None:
    secret, request, now, _ = VECTORS[kind]
    assert "300 seconds" in refused(kind, [secret], request, now + away)


@pytest.mark.parametrize("kind", TIMED)
def test_the_tolerance_can_be_wider(kind: str) -> None:
    secret, request, now, found = VECTORS[kind]
    assert verify({"type": kind, "tolerance": 3600.0}, [secret], request, now=now + 3599) == found


@pytest.mark.parametrize("kind", TIMED)
@given(at=st.text(max_size=20))
def test_a_time_that_is_no_number_is_refused(kind: str, at: str) -> None:
    secret, request, now, _ = VECTORS[kind]
    original = next(value for value in ("1614265330", "1531420618", "1614556800") if value == f"{now:.0f}")
    if at.strip() == original:
        return
    headers = {name: value.replace(original, at) for name, value in request.headers.items()}
    refused(kind, [secret], Signed(headers, request.body), now)


def test_the_library_of_standard_webhooks_signs_what_is_good_here() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = Webhook(STANDARD_SECRET).sign("msg_1", at, '{"a": 1}')
    headers = {"webhook-id": "msg_1", "webhook-timestamp": f"{at.timestamp():.0f}", "webhook-signature": made}
    request = Signed(headers, b'{"a": 1}')
    assert verify({"type": "standardWebhooks"}, [STANDARD_SECRET], request, now=at.timestamp()) == "msg_1"


def test_standard_webhooks_may_be_signed_with_a_key_pair() -> None:
    pair = Ed25519PrivateKey.generate()
    public = pair.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = base64.b64encode(pair.sign(b"msg_1.1767225600.{}")).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1767225600"}
    request = Signed({**headers, "webhook-signature": f"v1a,{signature}"}, b"{}")
    keys = ["whpk_" + base64.b64encode(public).decode()]
    assert verify({"type": "standardWebhooks"}, keys, request, now=1767225600.0) == "msg_1"


def test_a_public_key_does_not_sign() -> None:
    public = base64.b64encode(b"p" * 32).decode()
    made = hmac.new(b"p" * 32, b"msg_1.1767225600.{}", hashlib.sha256).digest()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1767225600"}
    request = Signed({**headers, "webhook-signature": "v1," + base64.b64encode(made).decode()}, b"{}")
    refused("standardWebhooks", ["whpk_" + public], request, 1767225600.0)


def test_a_secret_that_cannot_be_read_is_not_the_empty_one() -> None:
    made = hmac.new(b"", b"msg_1.1767225600.{}", hashlib.sha256).digest()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1767225600"}
    request = Signed({**headers, "webhook-signature": "v1," + base64.b64encode(made).decode()}, b"{}")
    refused("standardWebhooks", ["not base64!"], request, 1767225600.0)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_any_hmac_can_be_described(algorithm: str, encoding: str) -> None:
    made = hmac.new(b"s", b"v7:id-1:100:body", algorithm).digest()
    text = made.hex() if encoding == "hex" else base64.b64encode(made).decode()
    how = {
        "algorithm": algorithm,
        "encoding": encoding,
        "header": "X-Mine",
        "prefix": "p=",
        "idHeader": "X-Id",
    }
    how |= {"timestampHeader": "X-Time", "signed": "v7:{id}:{timestamp}:{body}"}
    request = Signed({"x-mine": f"p={text}", "x-id": "id-1", "x-time": "100"}, b"body")
    assert verify({"type": "hmac", **how}, ["s"], request, now=100.0) == "id-1"


def test_an_hmac_without_more_words_is_over_the_body() -> None:
    request = Signed({"x-signature": hmac.new(b"s", b"body", "sha256").hexdigest()}, b"body")
    assert verify({"type": "hmac"}, ["s"], request, now=0.0) == ""


def test_a_prefix_that_is_not_there_is_refused() -> None:
    request = Signed({"x-signature": hmac.new(b"s", b"body", "sha256").hexdigest()}, b"body")
    refused("hmac", ["s"], request, 0.0, prefix="sha256=")


def test_a_header_cannot_bring_a_placeholder_with_it() -> None:
    signed = hmac.new(b"s", b"secret part|body", "sha256").hexdigest()
    request = Signed({"x-signature": signed, "x-id": "{body}"}, b"secret part|body")
    refused("hmac", ["s"], request, 0.0, idHeader="X-Id", signed="{id}{body}")


@given(st.binary(max_size=40), st.text(max_size=40), st.sampled_from(KINDS))
def test_no_request_of_a_stranger_is_let_in_or_breaks_anything(body: bytes, text: str, kind: str) -> None:
    _, request, now, _ = VECTORS[kind]
    refused(kind, ["c3RyYW5nZXI="], Signed(dict.fromkeys(request.headers, text), body), now)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a", ("a",)),
        ({"secret": "a"}, ("a",)),
        ({"token": "a", "secret": "b"}, ("b", "a")),
        ({"secrets": ["new", "old"]}, ("new", "old")),
        (["new", "old"], ("new", "old")),
        ({"secret": ""}, ()),
        ({"other": "a"}, ()),
        (None, ()),
        (7, ()),
    ],
)
def test_a_credential_holds_one_secret_or_several(value: Any, found: tuple[str, ...]) -> None:
    assert secrets_of(value) == found
