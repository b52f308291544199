"""`/healthz`, `/readyz` and `/metrics`: for whoever starts, balances and watches servers. No token needed."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool

from caseway import __version__
from caseway.model.errors import CasewayError
from caseway.platform.readiness import require_current
from caseway.server.serving import Serving, serving_of


def add_routes(app: FastAPI) -> None:
    """Give the application its three answers about itself."""
    for path, answer in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_api_route(path, answer, methods=["GET"], include_in_schema=False, response_model=None)


async def healthz() -> dict[str, str]:
    """That this process lives and answers."""
    return {"status": "ok", "version": __version__}


async def readyz(request: Request) -> JSONResponse:
    """Whether requests shall be sent here: the database answers, its schema fits, nobody said stop."""
    checks = await run_in_threadpool(_checks, serving_of(request))
    is_ready = all(check["ok"] for check in checks)
    return JSONResponse({"ready": is_ready, "checks": checks}, 200 if is_ready else 503)


async def metrics(request: Request) -> Response:
    """What this process counted, and how much there is in the store."""
    text = await run_in_threadpool(serving_of(request).metrics.text)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _checks(serving: Serving) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"name": "accepting", "ok": not serving.is_draining}]
    if serving.is_draining:
        found[0]["message"] = "this server was told to stop"
    try:
        require_current(serving.platform.database)
    except CasewayError as error:
        return [*found, {"name": "database", "ok": False, "message": error.message, "hint": error.hint}]
    return [*found, {"name": "database", "ok": True}]
