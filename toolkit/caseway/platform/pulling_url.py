"""Which addresses git may be given. Pure.

The one rule: an address is what it looks like; no other transport, no option in disguise, no password."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from caseway.model.errors import CasewayError
from caseway.repo.quote import printable

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SCP = re.compile(r"(?P<user>[A-Za-z0-9_][\w.-]*)@(?P<host>[A-Za-z0-9][\w.-]*):(?P<path>[^:-][^:]*)")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|::1|[0-9a-fA-F:]+")


def check_url(url: str) -> str:
    """`url`, when git may be given it; raises `CasewayError` (`git-url`)."""
    if (
        not url
        or len(url) > 2000
        or url.startswith("-")
        or "::" in url.split("/", maxsplit=1)[0]
        or not url.isprintable()
    ):
        raise _bad(url, "it is no address of a repository")
    if "://" not in url:
        if _SCP.fullmatch(url):
            return url
        raise _bad(url, "it is neither https://, ssh://, file:// nor user@host:path")
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http", "ssh", "file"}:
        raise _bad(url, f"{parts.scheme} is no way to fetch from here")
    if parts.password is not None or (parts.username and parts.scheme in {"http", "https"}):
        raise _bad(url, "it holds a name or password; give the token by itself")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise _bad(url, "http is not safe over a network; use https")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise _bad(url, "a file address is file:///absolute/path")
    elif not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise _bad(url, "its host cannot be a host")
    return url


def _bad(url: str, why: str) -> CasewayError:
    shown = printable(url)[:100].rpartition("@")[2] if "://" in url else printable(url)[:100]
    hint = "such as https://git.example.com/acme/automations.git"
    return CasewayError(f"{shown!r} cannot be pulled from: {why}", code="git-url", hint=hint)
