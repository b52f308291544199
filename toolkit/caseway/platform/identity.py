"""Who the operator trusts to say who people are."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect provider, and this platform as its client."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
