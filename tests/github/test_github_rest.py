"""How a forge is spoken to when it is slow, broken, limited or gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from caseway.github.rest import ForgeError, Rest, UncertainError
from github.github_world import Hurry

Answering = Callable[[httpx.Request], httpx.Response]
OK = {"ok": True}


def a_rest(hurry: Hurry, *answers: Any) -> tuple[Rest, list[httpx.Request]]:
    """A client of a forge that gives these answers one after the other, the last one for ever."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        told = answers[min(len(asked), len(answers) - 1)]
        asked.append(request)
        if isinstance(told, Exception):
            raise told
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)

    transport = httpx.MockTransport(answer)
    return Rest(
        "https://forge.test/api", {"Authorization": "Bearer s3cret"}, pace=hurry.pace, transport=transport
    ), asked


def refused(status: int, message: str = "no", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, json={"message": message}, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


@pytest.mark.parametrize(
    "hiccup",
    [
        refused(500),
        refused(502),
        refused(503),
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
    ],
    ids=repr,
)
def test_a_hiccup_is_waited_out(hurry: Hurry, hiccup: Any) -> None:
    rest, asked = a_rest(hurry, hiccup, hiccup, OK)
    assert rest.get("/x") == OK
    assert len(asked) == 3
    assert hurry.slept == [1.0, 2.0]


def test_a_forge_that_stays_broken_is_given_up(hurry: Hurry) -> None:
    rest, asked = a_rest(hurry, refused(503))
    with pytest.raises(ForgeError) as caught:
        rest.get("/x")
    assert caught.value.status == 503
    assert len(asked) == 5


def test_a_post_that_may_have_arrived_is_not_sent_again(hurry: Hurry) -> None:
    for hiccup in (refused(502), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")):
        rest, asked = a_rest(hurry, hiccup, OK)
        with pytest.raises(UncertainError):
            rest.send("POST", "/x", {})
        assert len(asked) == 1


def test_a_post_that_never_left_is_sent_again(hurry: Hurry) -> None:
    rest, asked = a_rest(hurry, httpx.ConnectError("x"), OK)
    assert rest.send("POST", "/x", {}) == OK
    assert len(asked) == 2


def test_an_operation_whose_outcome_is_uncertain_begins_anew(hurry: Hurry) -> None:
    rest, asked = a_rest(hurry, httpx.ReadError("x"), OK)
    assert rest.again(lambda: rest.send("POST", "/x", {})) == OK
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (refused(403, "slow down", retry_after="17"), 17.0),
        (refused(429, "slow down", retry_after="3"), 3.0),
        (
            refused(
                403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1700000040"
            ),
            40.0,
        ),
        (refused(403, "You have exceeded a secondary rate limit. Wait."), 60.0),
        (refused(429), 1.0),
    ],
)
def test_a_limit_is_waited_for_as_long_as_it_says(
    hurry: Hurry, answer: httpx.Response, seconds: float
) -> None:
    rest, _ = a_rest(hurry, answer, OK)
    assert rest.send("POST", "/x", {}) == OK
    assert hurry.slept == [seconds]


def test_a_limit_that_lasts_too_long_is_an_error_that_says_so(hurry: Hurry) -> None:
    rest, asked = a_rest(hurry, refused(403, "x", retry_after="3600"))
    with pytest.raises(ForgeError) as caught:
        rest.get("/x")
    assert caught.value.code == "forge-limited"
    assert (len(asked), hurry.slept) == (1, [])


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "forge-denied"), (403, "forge-denied"), (404, "forge-missing"), (422, "forge-refused")],
)
def test_a_refusal_is_final(hurry: Hurry, status: int, code: str) -> None:
    rest, asked = a_rest(hurry, refused(status, "Validation Failed" * 100))
    with pytest.raises(ForgeError) as caught:
        rest.get("/x")
    assert (caught.value.code, len(asked)) == (code, 1)
    assert len(caught.value.message) < 400
    assert "s3cret" not in str(caught.value)


def test_an_answer_that_is_no_json_is_an_error(hurry: Hurry) -> None:
    rest, _ = a_rest(hurry, httpx.Response(200, text="<html>"))
    with pytest.raises(ForgeError) as caught:
        rest.get("/x", token="in-the-query")
    assert caught.value.code == "forge-answer"
    assert "in-the-query" not in caught.value.place


def test_a_redirect_is_not_followed_with_the_token(hurry: Hurry) -> None:
    rest, asked = a_rest(hurry, httpx.Response(302, headers={"Location": "https://evil.test/"}))
    with pytest.raises(ForgeError):
        rest.get("/x")
    assert [request.url.host for request in asked] == ["forge.test"]


def page(items: list[int], following: str = "") -> httpx.Response:
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    return httpx.Response(200, json=items, headers=headers)


def test_pages_are_read_to_the_last(hurry: Hurry) -> None:
    rest, asked = a_rest(hurry, page([1, 2], "https://forge.test/api/x?page=2"), page([3]))
    assert list(rest.pages("/x", per_page=2)) == [1, 2, 3]
    assert [str(request.url.query, "ascii") for request in asked] == ["per_page=2", "page=2"]


def test_pages_that_lead_to_another_host_end(hurry: Hurry) -> None:
    rest, asked = a_rest(hurry, page([1], "https://evil.test/x?page=2"), page([2]))
    assert list(rest.pages("/x")) == [1]
    assert len(asked) == 1


def test_pages_that_never_end_are_ended(hurry: Hurry) -> None:
    rest, asked = a_rest(hurry, page([1], "https://forge.test/api/x"))
    assert len(list(rest.pages("/x"))) == len(asked) == 100
