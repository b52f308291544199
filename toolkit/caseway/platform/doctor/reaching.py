"""Do calls get through? The address that callers are told is asked whether it lives, as they would ask it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from caseway.platform.doctor.finding import ERROR, OK, WARNING, Finding

CHECK = "address"
SECONDS = 5.0
# Names that stand for no machine (RFC 2606, RFC 6761): asking for them would only trouble the name servers.
_NOWHERE = ("test", "example", "invalid", "example.com", "example.net", "example.org")


def reaching(base_url: str) -> Iterator[Finding]:
    """One finding for the base URL of a platform, none when it has none."""
    if not base_url:
        return
    hint = (
        "look at the name, the proxy and the firewall in between; CASEWAY_BASE_URL is what callers are told"
    )
    host = urlsplit(base_url).hostname or ""
    if any(host == name or host.endswith(f".{name}") for name in _NOWHERE):
        yield Finding(CHECK, WARNING, f"{base_url} is a name for examples: nobody can call it", hint)
        return
    import httpx  # noqa: PLC0415 - loads for this question alone

    try:
        answer = httpx.get(f"{base_url.rstrip('/')}/healthz", timeout=SECONDS)
    except httpx.HTTPError as error:
        yield Finding(
            CHECK, ERROR, f"{base_url} cannot be reached from here: {error or type(error).__name__}", hint
        )
        return
    if answer.is_success:
        yield Finding(CHECK, OK, f"{base_url} answers")
    else:
        yield Finding(
            CHECK, ERROR, f"{base_url} answers with {answer.status_code} instead of a server's health", hint
        )
