"""Secret values inside JSON, replaced by references that say which secret stood there, and put back. Pure.

The one rule: `restore` undoes `hide` exactly, for any JSON and any secrets.

A reference is `⟦spelling:slot/pointer⟧`; a literal `⟦` is written `⟦⟧`; a number that gives a secret away
becomes the text `⟦#⟧` and its digits. What is restored is the value that the secret has then: when it was
rotated meanwhile, the new one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, unquote

from caseway.model.canonical import Json
from caseway.platform.masking import MASK, any_of, every_text, secret_texts
from caseway.platform.spellings import SPELLINGS, spelled

OPEN, CLOSE = "⟦", "⟧"
NUMBER = f"{OPEN}#{CLOSE}"
_REFERENCE = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")

Source = Callable[[str], Json]


class MissingSecret(LookupError):
    """A reference names a secret that is not there any more; `slot` is its name."""

    def __init__(self, slot: str) -> None:
        super().__init__(slot)
        self.slot = slot


class References:
    """Hides what is known of some secrets: slots and values. Where two look alike, the first counts."""

    def __init__(self, secrets: Iterable[tuple[str, Json]]) -> None:
        self._by_text: dict[str, str] = {OPEN: OPEN + CLOSE}
        for slot, value in secrets:
            for pointer, secret in secret_texts(value):
                name = _quoted(slot, "") + _quoted(pointer, "/~")
                for text, spelling in spelled(secret).items():
                    self._by_text.setdefault(text, f"{OPEN}{spelling}:{name}{CLOSE}")
        self._pattern = any_of(self._by_text)

    def hide(self, value: Json) -> Json:
        """`value` without any secret; strings, numbers and keys are looked through."""
        hidden: Json = every_text(value, self._text, self._number if len(self._by_text) > 1 else None)
        return hidden

    def _text(self, text: str) -> str:
        return self._pattern.sub(lambda found: self._by_text[found[0]], text)

    def _number(self, number: Any) -> Any:
        text = json.dumps(number)
        return NUMBER + self._text(text) if self._pattern.search(text) else number


def restore(value: Json, source: Source) -> Json:
    """What `hide` was given, with each secret as `source` gives it now. Raises `MissingSecret`."""
    known: dict[str, Json] = {}

    def secret(slot: str) -> Json:
        if slot not in known:
            try:
                known[slot] = source(slot)
            except KeyError as error:
                raise MissingSecret(slot) from error
        return known[slot]

    restored: Json = every_text(value, lambda text: _restored(text, secret))
    return restored


def masked(value: Json) -> Json:
    """`value` as it may be shown: a mask for each reference."""
    shown: Json = every_text(
        value, lambda text: _REFERENCE.sub(lambda found: MASK if found[1] else OPEN, text)
    )
    return shown


def _restored(text: str, secret: Source) -> Any:
    if OPEN not in text:
        return text
    if not text.startswith(NUMBER):
        return _REFERENCE.sub(lambda found: _spelled(found[1], secret), text)
    digits = _REFERENCE.sub(lambda found: _spelled(found[1], secret), text[len(NUMBER) :])
    try:
        return json.loads(digits)
    except ValueError:  # the secret was rotated, and is no number now
        return digits


def _spelled(reference: str, secret: Source) -> str:
    if not reference:
        return OPEN
    spelling, _, name = reference.partition(":")
    if spelling not in SPELLINGS:
        return OPEN + reference + CLOSE
    quoted, slash, below = name.partition("/")
    slot, pointer = (unquote(part, errors="surrogatepass") for part in (quoted, slash + below))
    for at, value in secret_texts(secret(slot)):
        if at == pointer:
            return SPELLINGS[spelling](value)
    raise MissingSecret(slot)


def _quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="surrogatepass")
