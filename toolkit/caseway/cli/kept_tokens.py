"""The token for a server: from the environment, from a sign-in that is kept, or, within GitHub Actions, for
the run's own identity.

Rule: what is kept is readable by its owner alone, and only ever shown to the server that gave it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from caseway.model.errors import CasewayError

AUDIENCE = "caseway"


def token_for(server: str) -> str:
    """CASEWAY_TOKEN, else the kept sign-in for this server, else one for the run of GitHub Actions that this
    is; "" when there is none."""
    given = os.environ.get("CASEWAY_TOKEN", "")
    if given:
        return given
    kept = _read().get(server.rstrip("/"))
    if isinstance(kept, Mapping) and kept.get("token"):
        return str(kept["token"])
    return exchanged(server) if "ACTIONS_ID_TOKEN_REQUEST_URL" in os.environ else ""


def keep(server: str, token: str, expires_at: str) -> Path:
    """Keep a sign-in; where."""
    known = dict(_read())
    known[server.rstrip("/")] = {"token": token, "expiresAt": expires_at}
    return _write(known)


def forget(server: str) -> None:
    """Forget a sign-in."""
    known = dict(_read())
    if known.pop(server.rstrip("/"), None) is not None:
        _write(known)


def exchanged(server: str) -> str:
    """A token of the server's for the identity that GitHub asserts of this run. Raises `CasewayError`."""
    import httpx

    from caseway.operations.remote_client import RemoteClient

    audience = os.environ.get("CASEWAY_OIDC_AUDIENCE", "") or AUDIENCE
    url = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"]
    head = {"Authorization": f"Bearer {os.environ.get('ACTIONS_ID_TOKEN_REQUEST_TOKEN', '')}"}
    try:
        # The address has a query of its own, which `params` would take the place of.
        asked = httpx.URL(url).copy_merge_params({"audience": audience})
        answer = httpx.get(asked, headers=head, timeout=30)
        answer.raise_for_status()
        assertion = answer.json()["value"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise CasewayError(
            "GitHub gives this run no identity",
            code="no-identity",
            hint="give the job `permissions: id-token: write`",
        ) from error
    with RemoteClient(server, "") as client:
        given = client.call("exchanges.create", assertion=assertion)
    token = str(given["secret"])
    click.echo(f"::add-mask::{token}", err=True)  # a workflow command of GitHub's: its logs never show it
    return token


def _file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME", "") or str(Path.home() / ".config")
    return Path(folder) / "caseway" / "sign-ins.json"


def _read() -> Mapping[str, Any]:
    try:
        value = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _write(known: Mapping[str, Any]) -> Path:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_suffix(f".{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(known, out, indent=2)
    fresh.replace(file)
    return file
