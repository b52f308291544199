"""What authenticates a request: data between the policies that resolve it and the client that sends it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to send. `parameter` is the credential part of an Authorization header; digest has none."""

    scheme: str
    parameter: str = ""
    username: str = ""
    password: str = ""
