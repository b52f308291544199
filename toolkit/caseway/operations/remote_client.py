"""A platform behind a server, asked over HTTP in the same words as one in this process.

Rule: every write carries an idempotency key, so that asking again after a lost answer does nothing twice."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from caseway import __version__
from caseway.model.errors import CasewayError
from caseway.operations.client import Listener, PlanOptions
from caseway.operations.decode import FieldError, InvalidRequest
from caseway.operations.events import Heard, heard_in
from caseway.operations.fields import camel
from caseway.operations.operation import Operation
from caseway.operations.placing import placed
from caseway.operations.table import the_operation

if TYPE_CHECKING:
    from caseway.model.desired import Desired
    from caseway.model.plan import Plan
    from caseway.platform.apply import ApplyReport

TRIES = 4
TOO_MANY = 429
FOLLOWING = 16  # tries of one who looks on: about a minute, in which a server starts again
AGAIN = frozenset({502, 503, 504})
PATIENCE = 5  # seconds that are waited when the server says so
SECONDS = httpx.Timeout(30.0, read=300.0)


class RemoteClient:
    """The platform at `url`, on behalf of whoever `token` belongs to."""

    def __init__(self, url: str, token: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        if not url.startswith(("http://", "https://")):
            raise CasewayError(
                f"{url!r} is no server's address",
                code="server-url",
                hint="set CASEWAY_SERVER to an address such as https://caseway.example.com",
            )
        headers = {"User-Agent": f"caseway/{__version__}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=SECONDS)
        self._pause = pause
        self._url = url

    def call(self, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """See `Client`."""
        asked = the_operation(operation)
        answer = self.send(
            asked, {camel(name): value for name, value in arguments.items() if value is not None}
        )
        told = _object_in(answer)
        if told is None:  # a web page, perhaps: what answers is no Caseway
            raise problem_in(answer)
        return told

    def stream(self, operation: str, /, **arguments: Any) -> Iterator[dict[str, Any]]:
        """See `Client`. A connection that breaks is made again and goes on after the last event heard."""
        asked = the_operation(operation)
        given = {camel(name): value for name, value in arguments.items() if value is not None}
        after, tries = "", 0
        while True:
            try:
                for heard in self._heard(asked, given, after):
                    tries = 0
                    if heard.kind == "end":
                        return
                    if heard.kind == "error":
                        raise error_of(heard.data)
                    after = heard.id
                    yield {"event": heard.kind, **heard.data}
            except httpx.TransportError as error:
                if tries >= FOLLOWING:
                    raise self._unreachable(error) from error
            tries += 1
            self._pause(_wait(tries))

    def plan(self, desired: Desired, options: PlanOptions) -> Plan:
        """See `Client`."""
        from caseway.operations.remote_apply import plan_there  # noqa: PLC0415 - only who plans pays for it

        return plan_there(self, desired, options)

    def apply(self, plan: Plan, on_progress: Listener) -> ApplyReport:
        """See `Client`."""
        from caseway.operations.remote_apply import apply_there  # noqa: PLC0415 - only who applies pays for it

        return apply_there(self, plan, on_progress)

    def send(self, operation: Operation, given: Mapping[str, Any]) -> httpx.Response:
        """The answer to an operation, tried again while the server cannot be reached or is not ready."""
        path, parts, headers = _request(operation, given)
        if operation.is_write:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        return self._answer(operation.method, path, headers, parts)

    def _answer(
        self, method: str, path: str, headers: Mapping[str, str], parts: Mapping[str, Any]
    ) -> httpx.Response:
        tries = 0
        while True:
            tries += 1
            try:
                answer = self._http.request(method, path, headers=dict(headers), **parts)
            except httpx.TransportError as error:
                if tries >= TRIES:
                    raise self._unreachable(error) from error
            else:
                if answer.is_success:
                    return answer
                if not _is_worth_another(answer) or tries >= TRIES:
                    raise problem_in(answer)
                if answer.status_code == TOO_MANY:
                    self._pause(_asked_to_wait(answer))
                    continue
            self._pause(_wait(tries))

    def _heard(self, operation: Operation, given: Mapping[str, Any], after: str) -> Iterator[Heard]:
        path, parts, headers = _request(operation, given)
        headers["Accept"] = "text/event-stream"
        if after:
            headers["Last-Event-ID"] = after
        with self._http.stream(operation.method, path, headers=headers, **parts) as answer:
            if not answer.is_success:
                answer.read()
                raise problem_in(answer)
            yield from heard_in(answer.iter_lines())

    def _unreachable(self, error: httpx.TransportError) -> CasewayError:
        return CasewayError(
            f"the server at {self._url} cannot be reached: {str(error)[:200] or type(error).__name__}",
            code="unreachable",
            place=self._url,
            hint="check CASEWAY_SERVER, and that the server runs",
        )

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def __enter__(self) -> RemoteClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def problem_in(answer: httpx.Response) -> CasewayError:
    """The error that a response tells of; foreign answers (a proxy's) are quoted briefly."""
    told = _object_in(answer)
    if told is None or "code" not in told:
        return CasewayError(
            f"the server answered {answer.status_code}: {answer.text[:200]}",
            code="unexpected-answer",
            place=str(answer.url.copy_with(query=None)),
            hint="is CASEWAY_SERVER a Caseway server?",
        )
    return error_of(told)


def _object_in(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        told = answer.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def error_of(told: Mapping[str, Any]) -> CasewayError:
    """The error in a problem document, as it was raised on the server."""
    if told["code"] == "invalid-request" and told.get("errors"):
        return InvalidRequest(FieldError(item["field"], item["message"]) for item in told["errors"])
    return CasewayError(
        str(told.get("detail") or ""),
        code=str(told["code"]),
        place=str(told.get("place") or ""),
        hint=str(told.get("hint") or ""),
    )


def _request(operation: Operation, given: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Path, httpx arguments, headers."""
    where = placed(operation)
    path, rest = operation.path, dict(given)
    for item in where["path"]:
        if not rest.get(item.json):
            raise InvalidRequest([FieldError(item.json, "is required")])
        path = path.replace("{" + item.json + "}", quote(str(rest.pop(item.json)), safe=""))
    headers = {item.about.header: str(rest.pop(item.json)) for item in where["header"] if rest.get(item.json)}
    if where["body"]:
        return path, {"json": rest}, headers
    return path, {"params": {name: _text(value) for name, value in rest.items()}}, headers


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _asked_to_wait(answer: httpx.Response) -> float:
    """The seconds of Retry-After; 0 when it does not say, or longer than we wait."""
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdigit() and int(said) <= PATIENCE else 0.0


def _is_worth_another(answer: httpx.Response) -> bool:
    if answer.status_code == TOO_MANY:
        return _asked_to_wait(answer) > 0
    if answer.status_code not in AGAIN:
        return False
    return "schema-" not in answer.text[:500]  # that does not pass by waiting


def _wait(tries: int) -> float:
    return float(min(0.2 * 2 ** (tries - 1), 5.0))
