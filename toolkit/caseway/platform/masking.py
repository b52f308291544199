"""Hides secret values wherever text leaves the process. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "***"
SHORTEST = 4  # masking shorter texts would blot out half of every line and tell how short the secret is


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced, longest first, also as JSON spells it inside a string."""
    spelled = {form for secret in secrets if len(secret) >= SHORTEST for form in _spellings(secret)}
    for secret in sorted(spelled, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def strings_of(value: Any) -> set[str]:
    """Every string within a JSON value: what to mask when the value is secret."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        return {text for item in value.values() for text in strings_of(item)}
    if isinstance(value, (list, tuple)):
        return {text for item in value for text in strings_of(item)}
    return {str(value)} if isinstance(value, (int, float)) and not isinstance(value, bool) else set()


def _spellings(secret: str) -> set[str]:
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
