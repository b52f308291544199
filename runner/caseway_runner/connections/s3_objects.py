"""`call: s3`: objects of a bucket, on anything that speaks S3. A `put` of the same key is the same object, so
doing it twice does no harm."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from caseway_runner.connections.function import Call, in_thread, needs
from caseway_runner.errors import LimitExceeded, fault

SECONDS = 30
LISTED = 1000
_FORMS = ("text", "json", "base64")


async def run(call: Call) -> Any:
    """The function's output."""
    operation = call.arguments["operation"]
    if operation not in _OPERATIONS:
        raise fault("configuration", f"`operation` is {operation!r}, not one of: {', '.join(_OPERATIONS)}")
    return await in_thread(lambda: _done(call, _OPERATIONS[operation]))


def _done(call: Call, operation: Callable[[Any, Call], Any]) -> Any:
    try:
        import boto3  # noqa: PLC0415 - an optional library, and a slow one
        from botocore.client import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError as error:
        raise needs("boto3", error) from error
    to = call.to
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=f"{to.parts.scheme.replace('s3', 'https')}://{to.parts.netloc}",
        aws_access_key_id=str(to.credential.get("accessKeyId") or to.user or "anonymous"),
        aws_secret_access_key=str(to.credential.get("secretAccessKey") or to.password or "anonymous"),
        aws_session_token=to.credential.get("sessionToken"),
        region_name=str(to.options.get("region") or to.credential.get("region") or "us-east-1"),
        config=Config(
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            s3={"addressing_style": to.options.get("style", "path")},
        ),
    )
    try:
        return operation(client, call)
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        raise fault("communication", f"connection {to.name}: {error}", status=status) from error
    except BotoCoreError as error:
        raise fault("communication", f"connection {to.name}: {error}") from error
    finally:
        client.close()


def _bucket(call: Call) -> str:
    name = call.arguments.get("bucket") or call.to.parts.path.strip("/") or call.to.options.get("bucket")
    if not isinstance(name, str) or not name:
        raise fault("configuration", "which `bucket`? Neither the task nor the connection names one")
    return name


def _key(call: Call) -> str:
    key = call.arguments.get("key")
    if not isinstance(key, str) or not key:
        raise fault("configuration", "`key` names the object")
    return key


def _get(client: Any, call: Call) -> Any:
    found = client.get_object(Bucket=_bucket(call), Key=_key(call))
    if found["ContentLength"] > call.output_bytes:
        raise LimitExceeded(f"the object is larger than {call.output_bytes} bytes")
    content: bytes = found["Body"].read()
    form = call.arguments.get("as", "text")
    if form not in _FORMS:
        raise fault("configuration", f"`as` is {form!r}, not one of: {', '.join(_FORMS)}")
    facts = {"etag": found["ETag"].strip('"'), "contentType": found.get("ContentType", "")}
    if form == "base64":
        return {**facts, "body": base64.b64encode(content).decode("ascii")}
    try:
        text = content.decode("utf-8")
        return {**facts, "body": json.loads(text) if form == "json" else text}
    except ValueError as error:
        raise fault("runtime", f"the object is not {form}: {error}") from error


def _put(client: Any, call: Call) -> Any:
    body = call.arguments.get("body", "")
    if call.arguments.get("as") == "base64":
        content = base64.b64decode(str(body))
    else:
        content = (body if isinstance(body, str) else json.dumps(body)).encode("utf-8")
    kind = call.arguments.get("contentType") or (
        "text/plain" if isinstance(body, str) else "application/json"
    )
    made = client.put_object(Bucket=_bucket(call), Key=_key(call), Body=content, ContentType=str(kind))
    return {"key": _key(call), "etag": made["ETag"].strip('"'), "size": len(content)}


def _list(client: Any, call: Call) -> Any:
    asked: dict[str, Any] = {"Bucket": _bucket(call), "Prefix": str(call.arguments.get("prefix") or "")}
    if call.arguments.get("after"):
        asked["StartAfter"] = str(call.arguments["after"])
    page = client.list_objects_v2(**asked, MaxKeys=min(LISTED, int(call.arguments.get("limit") or LISTED)))
    objects = [
        {"key": item["Key"], "size": item["Size"], "etag": item["ETag"].strip('"')}
        for item in page.get("Contents", ())
    ]
    return {"objects": objects, "after": objects[-1]["key"] if page.get("IsTruncated") and objects else ""}


def _delete(client: Any, call: Call) -> Any:
    client.delete_object(Bucket=_bucket(call), Key=_key(call))
    return {"key": _key(call)}


def _head(client: Any, call: Call) -> Any:
    found = client.head_object(Bucket=_bucket(call), Key=_key(call))
    return {
        "key": _key(call),
        "size": found["ContentLength"],
        "etag": found["ETag"].strip('"'),
        "contentType": found.get("ContentType", ""),
    }


_OPERATIONS: Mapping[str, Callable[[Any, Call], Any]] = {
    "get": _get,
    "put": _put,
    "list": _list,
    "delete": _delete,
    "head": _head,
}
