"""Whether a credential works: one small question to the service it is for. Answers are never repeated."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import sqlalchemy as sa

from caseway.model.credential_types import CLIENT_CREDENTIALS, TYPES
from caseway.model.errors import CasewayError
from caseway.platform import oauth
from caseway.platform.bundle import Platform
from caseway.platform.credential_values import value_of
from caseway.platform.credentials import remember_check, the_credential
from caseway.platform.lookup import Row
from caseway.platform.masking import masker, strings_of
from caseway.platform.tables import instant

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class CheckView:
    """What came of it. `is_good` is null when there is no way to find out."""

    credential: str
    is_good: bool | None
    message: str
    at: str


def check_credential(
    platform: Platform, organization: str, name: str, *, scope: str = "organization", owner: str = ""
) -> CheckView:
    """Try a credential out, and keep what came of it. `testUrl` of its metadata is asked with keys, names
    and tokens. Raises `not-found`."""
    row = the_credential(platform, organization, name, scope, owner)
    try:
        is_good, message = _tried(platform, row)
    except CasewayError as error:
        is_good, message = False, error.message
    if is_good is not None:
        remember_check(platform, row.id, message, is_good=is_good)
    return CheckView(name, is_good, message, instant(platform.clock()))


def _tried(platform: Platform, row: Row) -> tuple[bool | None, str]:
    if row.type in oauth.MANAGED:
        oauth.fresh_value(platform, row, force=row.type == CLIENT_CREDENTIALS)
        return True, "the authorization server gives a token"
    value = value_of(platform, row)
    check = _CHECKS.get(row.type) or (None if row.type in TYPES else _http)  # a project's own
    if check is None or not isinstance(value, Mapping):
        return None, f"there is no way to try a {row.type} credential out"
    hide = masker(strings_of(value))
    try:
        return check(value, row.details)
    except (OSError, ValueError, httpx.HTTPError, smtplib.SMTPException, sa.exc.SQLAlchemyError) as error:
        return False, hide(f"{type(error).__name__}: {str(error)[:200]}")


def _http(value: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[bool | None, str]:
    url = str(details.get("testUrl") or "")
    if not url:
        return None, "say where it can be tried out: metadata testUrl"
    oauth.checked_url(url, "this credential")
    headers, auth = _shown(value, details)
    with httpx.Client(timeout=SECONDS, follow_redirects=False) as client:
        answer = client.get(url, headers=headers, auth=auth)
    is_good = answer.status_code < httpx.codes.BAD_REQUEST
    return is_good, f"the service answers with status {answer.status_code}"


def _shown(value: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[dict[str, str], httpx.Auth]:
    """How it is shown to the service."""
    if "password" in value:
        return {}, httpx.BasicAuth(str(value.get("username", "")), str(value["password"]))
    if "key" in value:
        return {str(details.get("header") or "X-API-Key"): str(value["key"])}, httpx.Auth()
    return {"Authorization": f"Bearer {value.get('token', '')}"}, httpx.Auth()


def _database(value: Mapping[str, Any], _details: Mapping[str, Any]) -> tuple[bool | None, str]:
    url = sa.make_url(str(value.get("url", "")))
    drivers = {
        "postgresql": ("postgresql+psycopg", "connect_timeout"),
        "mysql": ("mysql+pymysql", "connect_timeout"),
    }
    kind = url.get_backend_name()
    if kind not in drivers:
        return None, f"a database of kind {kind} cannot be tried out"
    name, wait = drivers[kind]
    engine = sa.create_engine(url.set(drivername=name), connect_args={wait: int(SECONDS)})
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    finally:
        engine.dispose()
    return True, "the database answers"


def _mail(value: Mapping[str, Any], _details: Mapping[str, Any]) -> tuple[bool | None, str]:
    host, tls = str(value.get("host", "")), str(value.get("tls") or "starttls")
    is_implicit = tls == "implicit"
    port = int(value.get("port") or (465 if is_implicit else 587))
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if is_implicit:
        server = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=SECONDS)
    with server:
        if tls == "starttls":
            server.starttls(context=context)
        if value.get("username"):
            server.login(str(value["username"]), str(value.get("password", "")))
        server.noop()
    return True, "the mail server takes it"


def _aws(value: Mapping[str, Any], _details: Mapping[str, Any]) -> tuple[bool | None, str]:
    try:
        import boto3  # noqa: PLC0415 - only who uses Amazon's services has it
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above
    except ImportError:
        return None, "to try it out, install caseway[functions]"
    client = boto3.client(
        "sts",
        aws_access_key_id=str(value.get("accessKeyId", "")),
        aws_secret_access_key=str(value.get("secretAccessKey", "")),
        aws_session_token=str(value.get("sessionToken") or "") or None,
        region_name=str(value.get("region") or "us-east-1"),
    )
    try:
        client.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return False, f"Amazon refuses it: {type(error).__name__}"
    return True, "Amazon knows whose it is"


Check = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[bool | None, str]]
_CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(("apiKey", "basic", "bearer", "custom"), _http),
    "databaseUrl": _database,
    "smtp": _mail,
    "aws": _aws,
}
