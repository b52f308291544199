"""Hides secret values wherever text leaves the process. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from caseway.platform.spellings import SHORTEST, spelled

__all__ = ["MASK", "SHORTEST", "any_of", "every_text", "mask", "masker", "secret_texts", "strings_of"]

MASK = "***"


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced, longest first, also as JSON, URLs and base64 spell it."""
    return masker(secrets)(text)


def masker(secrets: Iterable[str]) -> Callable[[str], str]:
    """As `mask`, prepared once for many texts."""
    forms = {form for secret in secrets for form in spelled(secret)}
    if not forms:
        return lambda text: text
    pattern = any_of(forms)
    return lambda text: pattern.sub(MASK, text)


def any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Finds any of `texts`, the longest where several begin."""
    return re.compile("|".join(map(re.escape, sorted(set(texts), key=lambda text: (-len(text), text)))))


def strings_of(value: Any) -> set[str]:
    """Every text within a JSON value: what to mask when the value is secret."""
    return {text for _, text in secret_texts(value)}


def secret_texts(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Every string and number within a secret, as text, with its JSON Pointer. Truth and null are nobody's
    secret."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secret_texts(item, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, (list, tuple)):
        for at, item in enumerate(value):
            yield from secret_texts(item, f"{pointer}/{at}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield pointer, str(value)


def every_text(value: Any, change: Callable[[str], Any], number: Callable[[Any], Any] | None = None) -> Any:
    """`value` with every string, keys too, put through `change`, and every number through `number`.

    Plain loops: one frame for each level, so that what JSON could read does not overflow here."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        changed = {}
        for key, item in value.items():
            changed[str(change(key)) if isinstance(key, str) else key] = every_text(item, change, number)
        return changed
    if isinstance(value, (list, tuple)):
        items = []
        for item in value:
            items.append(every_text(item, change, number))
        return items
    if number is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return value
