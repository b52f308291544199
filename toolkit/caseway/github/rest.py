"""A forge's JSON API over HTTP: retries, rate limits, pages, errors that say what to do.

Rule: a request that may have been carried out is never blindly sent again, so nothing is made twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from caseway import __version__
from caseway.model.errors import CasewayError

_TRIES = 5
_LONGEST_WAIT = 120.0  # seconds; a run that waits longer costs more than a missing comment
_SECONDARY = 60.0  # what GitHub asks for when a secondary limit names no time
_MOST_PAGES = 100
_SAFE_TO_REPEAT = frozenset({"GET", "PUT", "PATCH", "DELETE"})
_BROKEN = frozenset({500, 502, 503, 504})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes: what sleeps, what tells the seconds since 1970, what spreads retries (0 to 1)."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    spread: Callable[[], float] = random.random


class ForgeError(CasewayError):
    """What a forge answered, or that it did not; `status` is 0 when there was no answer."""

    def __init__(self, message: str, *, code: str, status: int = 0, place: str = "", hint: str = "") -> None:
        super().__init__(message, code=code, place=place, hint=hint)
        self.status = status


class UncertainError(ForgeError):
    """A request went out and no answer came: it may have been carried out or not."""


class Rest:
    """One forge's API below `base`, spoken to with the same headers. Close it, or use it in `with`."""

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        *,
        pace: Pace | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base = base.rstrip("/")
        self._pace = pace or Pace()
        # Redirects are not followed: a token must not reach another host.
        self._http = httpx.Client(
            headers={"User-Agent": f"caseway/{__version__}", **headers}, timeout=30, transport=transport
        )

    def __enter__(self) -> Rest:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON at `path`."""
        return self._json(self._answer("GET", path, None, query))

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON that answers the request; None when the answer has none.

        Raises `UncertainError` when a POST may have been carried out: look before you send it again."""
        return self._json(self._answer(method, path, body, {}))

    def pages(self, path: str, key: str = "", **query: str | int) -> Iterator[Any]:
        """The items of a list, page after page; `key` when the list stands under that name."""
        url, asked = path, query
        for _ in range(_MOST_PAGES):
            answer = self._answer("GET", url, None, asked)
            found = self._json(answer)
            items = found.get(key) if key and isinstance(found, Mapping) else found
            yield from items if isinstance(items, list) else ()
            following = answer.links.get("next", {}).get("url", "")
            if not following or urlsplit(following)[:2] != urlsplit(self._base)[:2]:
                return
            url, asked = following, {}

    def again(self, operation: Callable[[], T]) -> T:
        """The result of a look-then-make operation, begun anew when its outcome stayed uncertain."""
        for attempt in range(1, _TRIES):
            try:
                return operation()
            except UncertainError:
                self._rest(attempt, 0.0)
        return operation()

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str | int]
    ) -> httpx.Response:
        url = path if path.startswith(("http://", "https://")) else self._base + path
        spent = 0.0
        for attempt in range(1, _TRIES + 1):
            failure: ForgeError
            try:
                answer = self._http.request(method, url, json=body, params=query or None)
            except httpx.TransportError as error:
                wait, failure = 0.0, _no_answer(method, path, error)
                if isinstance(failure, UncertainError):
                    raise failure from error
            else:
                if answer.is_success:
                    return answer
                told = self._wait_for(method, answer)
                failure = _refused(method, path, answer, is_limit=told is not None and told > 0)
                if told is None:
                    raise failure
                wait = told
            if attempt == _TRIES or spent + wait > _LONGEST_WAIT:
                raise failure
            spent += self._rest(attempt, wait)
        raise AssertionError("the loop returns or raises")

    def _rest(self, attempt: int, wait: float) -> float:
        """Sleep what was asked for, else twice as long each time; the seconds slept."""
        seconds = wait or 2.0 ** (attempt - 1) * (0.5 + self._pace.spread())
        self._pace.sleep(seconds)
        return seconds

    def _wait_for(self, method: str, answer: httpx.Response) -> float | None:
        """The seconds to wait before the same request; 0 for "a while", None when it would not help."""
        if answer.status_code in {403, 429}:
            return self._limited(answer)
        if answer.status_code not in _BROKEN:
            return None
        if method not in _SAFE_TO_REPEAT:
            raise UncertainError(
                f"the forge answered {answer.status_code}", code="forge-broken", status=answer.status_code
            )
        return 0.0

    def _limited(self, answer: httpx.Response) -> float | None:
        """When the request was held back, which means that it was not carried out: for how long."""
        after = _seconds(answer.headers.get("retry-after"))
        if after is not None:
            return max(after, 0.1)
        if answer.headers.get("x-ratelimit-remaining") == "0":
            reset = _seconds(answer.headers.get("x-ratelimit-reset"))
            return max((reset or 0.0) - self._pace.now(), 1.0)
        if "secondary rate limit" in answer.text[:2000].lower():
            return _SECONDARY
        return 0.0 if answer.status_code == 429 else None

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise ForgeError(
                "the forge's answer is not JSON",
                code="forge-answer",
                status=answer.status_code,
                place=str(answer.request.url.copy_with(query=None)),
                hint="is the API's address right?",
            ) from error


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:  # an HTTP date: no forge sends one here
        return None


def _no_answer(method: str, path: str, error: httpx.TransportError) -> ForgeError:
    """The failure to tell; `UncertainError` when the request may have been carried out."""
    arrived = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
    kind = UncertainError if arrived and method not in _SAFE_TO_REPEAT else ForgeError
    return kind(
        f"the forge does not answer: {type(error).__name__}",
        code="forge-unreachable",
        place=f"{method} {path}",
        hint="run the job again",
    )


_HINTS = {
    401: "the token is not valid (any more)",
    403: "the token lacks a permission: see 'permissions' in docs/github-action.md",
    404: "it is not there, or the token may not see it: see 'permissions' in docs/github-action.md",
}


def _refused(method: str, path: str, answer: httpx.Response, *, is_limit: bool) -> ForgeError:
    status = answer.status_code
    if is_limit:
        return ForgeError(
            "the forge's rate limit is reached",
            code="forge-limited",
            status=status,
            place=f"{method} {path}",
            hint="run the job again later",
        )
    codes = {401: "forge-denied", 403: "forge-denied", 404: "forge-missing"}
    return ForgeError(
        f"the forge answered {status}: {_message(answer)}",
        code=codes.get(status, "forge-refused"),
        status=status,
        place=f"{method} {path}",
        hint=_HINTS.get(status, ""),
    )


def _message(answer: httpx.Response) -> str:
    """What the forge said, cut: it may quote us at any length."""
    try:
        value = answer.json()
    except ValueError:
        value = None
    said = value.get("message") or value.get("error") if isinstance(value, Mapping) else None
    return str(said or answer.reason_phrase or "no reason given")[:300]
