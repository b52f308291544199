"""Signing in at an identity provider: who it says one is, and only if an admin has let them in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from caseway.model.access import local
from caseway.model.errors import CasewayError
from caseway.platform.access import people, sign_in
from caseway.platform.access.caller import caller_of
from caseway.platform.compose import Platform
from caseway.platform.identity import Provider as Trusted
from chaos.store_builders import ORGANIZATION, Open, StandingClock
from platform_identity import Provider, a_provider

ME = local(ORGANIZATION, "operator")
BACK = "http://127.0.0.1:7777/"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with a_provider() as started:
        yield started


@pytest.fixture
def platform(reopen: Open, provider: Provider) -> Platform:
    return reopen(provider=Trusted(provider.url, "caseway-client", "planted-client-secret"))


def said(provider: Provider, clock: StandingClock, **changes: Any) -> dict[str, Any]:
    at = int(clock().timestamp())
    claims = {
        "iss": provider.url,
        "aud": "caseway-client",
        "sub": "person-1",
        "email": "Ann@Example.com",
        "email_verified": True,
        "iat": at,
        "exp": at + 300,
    }
    return {**claims, **changes}


def code_of(platform: Platform, provider: Provider, clock: StandingClock, **changes: Any) -> str:
    """How a sign-in ends: "in", or the code of the error."""
    try:
        brought = provider.authorize(sign_in.begin(platform, BACK), **said(provider, clock, **changes))
        secret, _ = sign_in.complete(platform, brought["state"], brought["code"])
    except CasewayError as error:
        return error.code
    return "in" if caller_of(platform, secret).name == "ann" else "somebody else"


def test_who_was_let_in_by_address_signs_in_and_is_known_from_then_on(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    people.add_user(platform, ME, "ann", email="ann@example.com")
    assert code_of(platform, provider, clock) == "in"
    assert code_of(platform, provider, clock, email="new@example.com") == "in"
    assert code_of(platform, provider, clock, sub="person-2") == "forbidden"
    people.add_user(platform, ME, "root", role="owner")
    people.set_disabled(platform, ME, "ann", is_disabled=True)
    assert code_of(platform, provider, clock) == "forbidden"


@pytest.mark.parametrize(
    "changes",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "eve@example.com"},
        {"email": ""},
        {"email": None},
    ],
)
def test_an_address_that_is_not_confirmed_or_not_known_opens_nothing(
    platform: Platform, provider: Provider, clock: StandingClock, changes: dict[str, Any]
) -> None:
    people.add_user(platform, ME, "ann", email="ann@example.com")
    people.add_user(platform, ME, "nobody")
    assert code_of(platform, provider, clock, **changes) == "forbidden"


def test_an_address_of_two_people_opens_neither(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    people.add_user(platform, ME, "ann", email="ann@example.com")
    people.add_user(platform, local("globex", "x"), "eve", email="ann@example.com")
    assert code_of(platform, provider, clock) == "forbidden"


@pytest.mark.parametrize(
    "changes", [{"nonce": "another"}, {"aud": "another"}, {"exp": 1}, {"iss": "https://elsewhere.test"}]
)
def test_what_the_provider_says_is_checked(
    platform: Platform, provider: Provider, clock: StandingClock, changes: dict[str, Any]
) -> None:
    people.add_user(platform, ME, "ann", email="ann@example.com")
    assert code_of(platform, provider, clock, **changes) == "unauthenticated"


def test_a_sign_in_ends_once_here_and_soon(
    platform: Platform, provider: Provider, clock: StandingClock
) -> None:
    people.add_user(platform, ME, "ann", email="ann@example.com")
    brought = provider.authorize(sign_in.begin(platform, BACK), **said(provider, clock))
    sign_in.complete(platform, brought["state"], brought["code"])
    late = provider.authorize(sign_in.begin(platform, BACK), **said(provider, clock))
    other = provider.authorize(sign_in.begin(platform, BACK), **said(provider, clock))
    with pytest.raises(CasewayError) as caught:  # a code of one sign-in does not end another
        sign_in.complete(platform, other["state"], late["code"])
    assert caught.value.code == "unauthenticated"
    clock.advance(minutes=11)
    for state in (brought["state"], late["state"], "made-up"):
        with pytest.raises(CasewayError) as caught:
            sign_in.complete(platform, state, "x")
        assert caught.value.code == "state"


@pytest.mark.parametrize(
    "redirect",
    ["https://evil.test/", "http://127.0.0.1.evil.test/", "javascript:x", "https://caseway.test.evil/"],
)
def test_the_browser_comes_back_here_only(platform: Platform, provider: Provider, redirect: str) -> None:
    with pytest.raises(CasewayError) as caught:
        sign_in.begin(platform, redirect)
    assert caught.value.code == "redirect"


def test_without_a_provider_there_is_none_to_sign_in_at(reopen: Open) -> None:
    with pytest.raises(CasewayError) as caught:
        sign_in.begin(reopen(), BACK)
    assert caught.value.code == "no-provider"
