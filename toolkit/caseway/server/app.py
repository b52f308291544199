"""The composition root of the server: an application from a platform, and whom it knows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from caseway import __version__
from caseway.model.errors import CasewayError
from caseway.operations.table import OPERATIONS
from caseway.platform.bundle import Platform
from caseway.platform.gauges import measure
from caseway.platform.triggers.doors import networks
from caseway.platform.triggers.results import Result
from caseway.platform.triggers.start import Start
from caseway.server import health, openapi
from caseway.server.api import add_routes
from caseway.server.auth import Authenticate, caller_of_request
from caseway.server.edge import Edge
from caseway.server.hooks import push
from caseway.server.hooks.triggers import doors_of, router
from caseway.server.hooks.triggers_events import events_router
from caseway.server.metrics import Metrics
from caseway.server.problems import answer
from caseway.server.serving import Serving
from caseway.server.settings import ServerSettings

LOG = logging.getLogger("caseway.server")
DOCUMENT = "/api/v1/openapi.json"

Hear = Callable[[Callable[[Result], None]], None]


def create_app(
    platform: Platform,
    *,
    authenticate: Authenticate,
    settings: ServerSettings,
    start: Start | None = None,
    hear: Hear | None = None,
) -> Edge:
    """The application. Whoever opened the platform closes it. `start` is how triggers start executions, by
    default each in a transaction of its own; `hear` takes a listener to the results of what ends here."""
    app = FastAPI(title="Caseway", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    serving = Serving(platform, authenticate, settings, Metrics(lambda: measure(platform)))
    app.state.serving = serving
    health.add_routes(app)
    _add_doors(app, serving, start, hear)  # first: routes are tried in turn, and these are asked most
    add_routes(app, OPERATIONS)
    document = openapi.document(OPERATIONS.values())
    app.add_api_route(DOCUMENT, lambda: JSONResponse(document), methods=["GET"], include_in_schema=False)
    _add_error_handlers(app)
    return Edge(app, serving)


def _add_doors(app: FastAPI, serving: Serving, start: Start | None, hear: Hear | None) -> None:
    """Where others knock: pushes, events and triggers."""
    app.include_router(push.router(serving.platform))
    app.include_router(
        events_router(
            serving.platform,
            lambda request: caller_of_request(request, serving.platform, serving.authenticate),
        )
    )
    doors = doors_of(serving.platform, start=start, trusted=networks(serving.settings.trusted_proxies))
    doors.ends.ending = serving.ending
    if hear is not None:
        hear(doors.ends.give)
    app.include_router(router(doors))


def _add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(CasewayError, _refused)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(sa.exc.OperationalError, _no_database)
    app.add_exception_handler(sa.exc.InterfaceError, _no_database)
    app.add_exception_handler(sa.exc.TimeoutError, _no_database)
    app.add_exception_handler(Exception, _bug)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, CasewayError)
    return answer(error)


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 405:
        allowed = ", ".join(sorted(_methods(request)))
        told = CasewayError(
            f"{request.method} is not for {path}",
            code="method-not-allowed",
            place=path,
            hint=f"allowed: {allowed}",
        )
        return answer(told, headers={"Allow": allowed})
    code = "not-found" if error.status_code == 404 else "bad-request"
    return answer(CasewayError(f"{error.detail}: {path}", code=code, place=path, hint=f"see {DOCUMENT}"))


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    """Routes one by one, those of included routers among them."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from flat(inner.routes)


def _methods(request: Request) -> set[str]:
    """The methods that this path takes: those of the first route that it fits, of however many."""
    found: dict[str, set[str]] = {}
    for route in flat(request.app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.url.path):
            found.setdefault(route.path, set()).update(getattr(route, "methods", None) or ())
    return next(iter(found.values()), set())


def _no_database(_request: Request, error: Exception) -> Response:
    LOG.error("the database failed: %s", type(error).__name__)
    return answer(
        CasewayError("the database does not answer", code="database", hint="try again in a moment"),
        headers={"Retry-After": "1"},
    )


def _bug(_request: Request, error: Exception) -> Response:
    """What nobody foresaw. The caller learns that, not how: it may hold what is not theirs to see."""
    LOG.error("a bug: %s", type(error).__name__, exc_info=error)
    return answer(
        CasewayError("this is a bug in Caseway", code="bug", hint="report it with the request's id")
    )
