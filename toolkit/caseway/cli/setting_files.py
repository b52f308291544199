"""Settings that are secrets may come from files: `CASEWAY_TOKEN_FILE` says where `CASEWAY_TOKEN` is.

Rule: a setting has one source; to say it twice is refused. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from caseway.model.errors import CasewayError

FILES = (
    "CASEWAY_DATABASE_URL_FILE",
    "CASEWAY_OIDC_CLIENT_SECRET_FILE",
    "CASEWAY_QUEUE_URL_FILE",
    "CASEWAY_SECRET_KEY_FILE",
    "CASEWAY_TOKEN_FILE",
)
_LARGEST = 65_536


def from_files(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings whose files the environment names. Raises `CasewayError` (`setting`)."""
    found: dict[str, str] = {}
    for name in FILES:
        if not environment.get(name):
            continue
        setting = name.removesuffix("_FILE")
        if environment.get(setting):
            raise _wrong(f"{setting} and {name} are both set", "set one of them")
        found[setting] = _content(name, Path(environment[name]))
    return found


def _content(name: str, file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(_LARGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _wrong(
            f"{name}: {file} cannot be read: {why}", "is it there, and may this user read it?"
        ) from None
    if not text:
        raise _wrong(f"{name}: {file} is empty", "write the value into it")
    return text


def _wrong(message: str, hint: str) -> CasewayError:
    return CasewayError(message, code="setting", hint=hint)
