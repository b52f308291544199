"""Where secrets may be had from, and where people may sign in: what the operator's environment says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from caseway.model.errors import CasewayError
from caseway.platform.identity import Provider
from caseway.platform.secret_sources import PREFIX, SecretSources, commands_in

_SETTINGS = frozenset({f"{PREFIX}FOLDER", f"{PREFIX}COMMANDS"})


def sources_in(environment: Mapping[str, str]) -> SecretSources:
    """The sources that the variables allow. Raises `CasewayError` (`setting`)."""
    folder = environment.get(f"{PREFIX}FOLDER", "")
    return SecretSources(
        variables={
            name: value
            for name, value in environment.items()
            if name.startswith(PREFIX) and name not in _SETTINGS
        },
        folder=Path(folder) if folder else None,
        commands=commands_in(environment.get(f"{PREFIX}COMMANDS", "")),
        identities=identities_in(environment.get("CASEWAY_AGE_IDENTITY", "")),
    )


def provider_in(environment: Mapping[str, str]) -> Provider | None:
    """The identity provider that people may sign in at, when one is named."""
    names = ("CASEWAY_OIDC_ISSUER", "CASEWAY_OIDC_CLIENT_ID", "CASEWAY_OIDC_CLIENT_SECRET")
    issuer, client, secret = (environment.get(name, "") for name in names)
    if not issuer:
        return None
    if not client or not secret:
        raise CasewayError(
            "CASEWAY_OIDC_ISSUER is set without its client",
            code="setting",
            hint=f"set {names[1]} and {names[2]} too",
        )
    return Provider(issuer.rstrip("/"), client, secret)


def identities_in(text: str) -> str:
    """The identities of age that are meant: the text itself, or the content of the file that it names."""
    if not text or text.startswith("AGE-SECRET-KEY-"):
        return text
    try:
        return Path(text).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CasewayError(
            "the file that CASEWAY_AGE_IDENTITY names cannot be read",
            code="setting",
            place=text,
            hint="give an identity (AGE-SECRET-KEY-1…) or a file that holds one",
        ) from error
