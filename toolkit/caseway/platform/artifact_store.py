"""Where large values are kept besides the database: a bucket of anything that speaks S3.

Rule: a value is in the database first, with the transaction that needs it; a worker moves it out later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from caseway.model.errors import CasewayError

SETTING = "CASEWAY_ARTIFACT_STORE"
SECONDS = 30
_KNOWN = frozenset({"endpoint", "region"})


class ArtifactStore(Protocol):
    """Keeps content by key. Each raises `CasewayError` (`artifact-store`) when it cannot."""

    def put(self, key: str, content: bytes) -> None: ...

    def get(self, key: str) -> bytes: ...

    def delete(self, key: str) -> None: ...


def store_at(url: str) -> ArtifactStore | None:
    """The store that a setting names, None for "". Raises `CasewayError` (`setting`)."""
    if not url:
        return None
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme != "s3" or not parts.hostname or not options.keys() <= _KNOWN:
        raise CasewayError(
            f"{SETTING} is no address of a bucket",
            code="setting",
            hint="s3://BUCKET/PREFIX, with ?endpoint=URL&region=NAME where it is not AWS",
        )
    return Bucket(parts.netloc, parts.path.strip("/"), options)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Objects below `prefix`. Who we are is what the S3 library finds by itself (`AWS_ACCESS_KEY_ID`, a
    profile, a role)."""

    bucket: str
    prefix: str
    options: Mapping[str, str]

    def put(self, key: str, content: bytes) -> None:
        """Keep `content` under `key`."""
        self._call("put_object", key, Body=content)

    def get(self, key: str) -> bytes:
        """What was kept under `key`."""
        found: bytes = self._call("get_object", key)["Body"].read()
        return found

    def delete(self, key: str) -> None:
        """Forget `key`; there need not be anything."""
        self._call("delete_object", key)

    def _call(self, operation: str, key: str, **more: Any) -> Any:
        try:
            import boto3  # noqa: PLC0415 - an optional library, and a slow one
            from botocore.client import Config  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        except ImportError as error:
            raise CasewayError(
                "a bucket for artifacts needs boto3",
                code="artifact-store",
                hint="pip install 'caseway[functions]'",
            ) from error
        name = f"{self.prefix}/{key}" if self.prefix else key
        try:
            client = boto3.session.Session().client(
                "s3",
                endpoint_url=self.options.get("endpoint") or None,
                region_name=self.options.get("region") or None,
                config=Config(
                    connect_timeout=SECONDS,
                    read_timeout=SECONDS,
                    s3={"addressing_style": "path" if self.options.get("endpoint") else "auto"},
                ),
            )
            return getattr(client, operation)(Bucket=self.bucket, Key=name, **more)
        except (BotoCoreError, ClientError, ValueError) as error:
            raise CasewayError(
                f"the bucket {self.bucket} for artifacts cannot be used: {str(error)[:300]}",
                code="artifact-store",
                hint=f"check {SETTING} and the credentials of this machine",
            ) from error
