"""Assertions of identity for tokens: only a good one, once, and only as a trust rule says."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from caseway.model.access import ANONYMOUS, local
from caseway.model.errors import CasewayError
from caseway.platform.access import trust
from caseway.platform.access.assertions import sweep_spent
from caseway.platform.access.caller import caller_of
from caseway.platform.access.exchange import exchange
from caseway.platform.audit import list_audit
from caseway.platform.compose import Platform
from chaos.store_builders import ORGANIZATION, StandingClock
from platform_identity import Provider, a_provider, ec_key, github_claims, public_pem, rsa_key

ME = local(ORGANIZATION, "operator")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with a_provider() as started:
        yield started


def trusting(
    platform: Platform, provider: Provider, name: str = "deploys", **changes: Any
) -> trust.TrustView:
    """A rule for pushes to main of acme/automations."""
    options: dict[str, Any] = {
        "issuer": provider.url,
        "claims": {"repository": "acme/automations", "ref": "refs/heads/main"},
        "scopes": ["deploy"],
        "project": "acme-automations",
        **changes,
    }
    return trust.add_trust(platform, ME, name, **options)


def refusal(platform: Platform, assertion: str, **options: Any) -> str:
    """Why an exchange is refused."""
    with pytest.raises(CasewayError) as caught:
        exchange(platform, assertion, **options)
    return f"{caught.value.code}: {caught.value.message}"


def unsigned(head: dict[str, Any], claims: dict[str, Any], key: bytes = b"") -> str:
    """A token put together by hand, signed with HMAC when there is a key."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims)]
    body = b".".join(parts)
    signature = base64.urlsafe_b64encode(hmac.digest(key, body, "sha256")).rstrip(b"=") if key else b""
    return (body + b"." + signature).decode()


def test_a_good_assertion_gives_a_token_that_may_what_its_rule_says(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    trusting(platform, provider)
    given = exchange(platform, provider.signed(github_claims(provider, clock())))
    caller = caller_of(platform, given.secret)
    assert (caller.kind, caller.name) == ("service", "acme/automations@refs/heads/main")
    assert (caller.organization, caller.scopes, caller.project) == (
        ORGANIZATION,
        ("deploy",),
        "acme-automations",
    )
    assert list_audit(platform, ORGANIZATION)[0].actor == "acme/automations@refs/heads/main"
    clock.advance(hours=1)
    assert caller_of(platform, given.secret) == ANONYMOUS


def test_a_rule_that_is_gone_takes_its_tokens_with_it(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    trusting(platform, provider)
    given = exchange(platform, provider.signed(github_claims(provider, clock())))
    trust.remove_trust(platform, ME, "deploys")
    assert caller_of(platform, given.secret) == ANONYMOUS


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": "evil/automations", "sub": "repo:evil/automations:ref:refs/heads/main"},
        {"repository": "acme/automations-evil"},
        {"repository": None},
        {"repository": ["acme/automations"]},
        {"ref": "refs/heads/feature"},
        {"ref": "refs/pull/7/merge", "event_name": "pull_request"},
        {"ref": "refs/heads/main\nx"},
    ],
)
def test_who_no_rule_names_gets_nothing(
    platform: Platform, provider: Provider, clock: StandingClock, changes: dict[str, Any]
) -> None:
    trusting(platform, provider)
    assertion = provider.signed(github_claims(provider, clock(), **changes))
    assert refusal(platform, assertion).startswith("forbidden: the assertion is good, but no trust rule fits")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "somebody-else"}, "another audience"),
        ({"aud": None}, "MissingRequiredClaimError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"exp": "soon"}, ""),
        ({"exp": 10**30}, ""),
        ({"jti": 7}, ""),
    ],
)
def test_an_assertion_that_lacks_something_is_refused(
    platform: Platform, provider: Provider, clock: StandingClock, changes: dict[str, Any], why: str
) -> None:
    trusting(platform, provider)
    told = refusal(platform, provider.signed(github_claims(provider, clock(), **changes)))
    assert told.startswith("unauthenticated: the assertion is refused")
    assert why in told


@pytest.mark.parametrize(
    ("shift", "why"),
    [
        (timedelta(minutes=7), "expired"),
        (timedelta(minutes=-10), "not good yet"),
        (timedelta(days=2), "expired"),
    ],
)
def test_an_assertion_out_of_its_time_is_refused(
    platform: Platform, provider: Provider, clock: StandingClock, shift: timedelta, why: str
) -> None:
    trusting(platform, provider)
    assertion = provider.signed(github_claims(provider, clock()))
    clock.advance(seconds=shift.total_seconds())
    assert why in refusal(platform, assertion)


def test_one_that_was_made_long_ago_is_refused_however_long_it_says_it_is_good(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    trusting(platform, provider)
    claims = github_claims(provider, clock(), exp=int(clock().timestamp()) + 10**7)
    clock.advance(days=2)
    assert "too long ago" in refusal(platform, provider.signed(claims))


def test_an_assertion_is_taken_once(platform: Platform, provider: Provider, clock: StandingClock) -> None:
    trusting(platform, provider)
    assertion = provider.signed(github_claims(provider, clock()))
    exchange(platform, assertion)
    assert "used before" in refusal(platform, assertion)
    again = provider.signed(github_claims(provider, clock(), run_id="2"))
    assert "used before" in refusal(platform, again)
    nameless = provider.signed(github_claims(provider, clock(), jti=None))
    exchange(platform, nameless)
    assert "used before" in refusal(platform, nameless)
    clock.advance(minutes=10)
    sweep_spent(platform)
    assert "expired" in refusal(platform, assertion)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS1", ""])
def test_an_algorithm_that_is_not_ours_is_refused(
    platform: Platform, provider: Provider, clock: StandingClock, algorithm: str
) -> None:
    trusting(platform, provider)
    head = {"alg": algorithm, "kid": "one", "typ": "JWT"}
    forged = unsigned(head, github_claims(provider, clock()), public_pem(rsa_key("one")))
    assert "unauthenticated" in refusal(platform, forged)
    assert "unauthenticated" in refusal(platform, unsigned(head, github_claims(provider, clock())))


def test_a_key_of_another_kind_or_that_is_embedded_is_not_believed(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    trusting(platform, provider)
    provider.keys["curve"] = ec_key("curve")
    claims = github_claims(provider, clock())
    real = Provider(provider.url, {"one": rsa_key("another")})
    assert "InvalidSignatureError" in refusal(platform, real.signed(claims))
    head = {"alg": "RS256", "kid": "curve", "jku": "https://evil.test/keys"}
    assert "does not suit its key" in refusal(platform, unsigned(head, claims, b"x"))
    assert "https://evil.test/keys" not in provider.asked


def test_a_key_that_is_new_is_fetched_and_a_made_up_one_does_not_make_us_ask_again(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    trusting(platform, provider)
    exchange(platform, provider.signed(github_claims(provider, clock())))
    exchange(platform, provider.signed(github_claims(provider, clock(), jti="two")))
    assert provider.asked.count("/keys") == 1

    stranger = Provider(provider.url, {"made-up": rsa_key("another")})
    for _ in range(3):
        told = refusal(platform, stranger.signed(github_claims(provider, clock()), key="made-up"))
        assert "nobody knows" in told
    assert provider.asked.count("/keys") == 1

    clock.advance(seconds=31)
    provider.keys = {"two": ec_key("two")}
    exchange(platform, provider.signed(github_claims(provider, clock(), jti="three"), key="two"))
    assert provider.asked.count("/keys") == 2
    old = Provider(provider.url, {"one": rsa_key("one")})
    assert "nobody knows" in refusal(platform, old.signed(github_claims(provider, clock(), jti="four")))


def test_an_issuer_that_no_rule_names_is_not_even_asked(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    assertion = provider.signed(github_claims(provider, clock()))
    assert "no trust rule names the issuer" in refusal(platform, assertion)
    assert provider.asked == []


def test_an_issuer_that_says_it_is_another_is_not_believed(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    trusting(platform, provider)
    provider.says["issuer"] = "https://token.actions.githubusercontent.com"
    assert "somebody else" in refusal(platform, provider.signed(github_claims(provider, clock())))


def test_keys_are_not_fetched_from_where_they_could_be_read_on_the_way(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    trusting(platform, provider)
    for place in ("http://10.0.0.1/keys", "file:///etc/passwd", ""):
        provider.says["jwks_uri"] = place
        clock.advance(seconds=31)
        assert "is not asked for keys" in refusal(
            platform, provider.signed(github_claims(provider, clock(), jti=place))
        )


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "ü.ü.ü", "." * 100, "x" * 20_000])
def test_what_is_no_assertion_is_refused(platform: Platform, provider: Provider, text: str) -> None:
    trusting(platform, provider)
    assert "unauthenticated" in refusal(platform, text)


def test_a_rule_reads_stars_within_and_across_the_parts_of_a_name(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    wanted = {"repository": "acme/*", "ref": "refs/heads/**", "environment": "prod*"}
    assert trust.is_fitting(github_claims(provider, clock()), wanted)
    assert trust.is_fitting(github_claims(provider, clock(), ref="refs/heads/release/1"), wanted)
    assert not trust.is_fitting(github_claims(provider, clock(), repository="acme/a/b"), wanted)
    assert not trust.is_fitting(github_claims(provider, clock(), repository="acmes/a"), wanted)
    assert not trust.is_fitting(github_claims(provider, clock(), environment=None), wanted)
    assert not trust.is_fitting(github_claims(provider, clock()), {})


def test_several_rules_are_told_apart_by_what_is_asked_for(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    trusting(platform, provider, "b-deploys")
    trusting(platform, provider, "a-plans", claims={"repository": "acme/automations"}, scopes=["read"])

    def given(jti: str, **options: Any) -> str:
        return exchange(platform, provider.signed(github_claims(provider, clock(), jti=jti)), **options).trust

    assert given("1") == "a-plans"
    assert given("2", scopes=["deploy"]) == "b-deploys"
    assertion = provider.signed(github_claims(provider, clock(), jti="3"))
    assert refusal(platform, assertion, project="another").startswith("forbidden")
    assert refusal(platform, assertion, organization="globex").startswith("unauthenticated")


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": {}},
        {"claims": {"repository": "*"}},
        {"claims": {"repository": "**/*"}},
        {"claims": {"ref": "refs/heads/main"}},
        {"claims": {"event_name": "push"}},
        {"issuer": "http://issuer.test"},
        {"issuer": "https://user@issuer.test"},
        {"issuer": "nonsense"},
        {"audience": ""},
        {"seconds": 0},
        {"seconds": 10**6},
    ],
)
def test_a_rule_that_trusts_too_much_is_refused(
    platform: Platform, provider: Provider, changes: dict[str, Any]
) -> None:
    with pytest.raises(CasewayError) as caught:
        trusting(platform, provider, **changes)
    assert caught.value.code == "trust"
