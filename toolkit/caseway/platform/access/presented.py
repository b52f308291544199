"""The form of our tokens, so that secret scanners know them and a typing error is no look into the database.

`cwp_1a2b3c4d_<43 letters and digits><6 of checksum>`: a mark that says what kind it is, a public name, the
secret, and the CRC-32 of all before it. Only the SHA-256 of the whole is ever stored."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib

PERSONAL, SESSION, SERVICE, EXCHANGED, INSTANCE = "cwp_", "cwl_", "cws_", "cwx_", "cwi_"
PATTERN = re.compile(r"(cw[plsxi]_[0-9a-f]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})\Z")
OLD = re.compile(r"(cw_[0-9a-f]{8})_[0-9A-Za-z_-]{43}\Z")  # keys of instances, as they were made at first
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def make(mark: str) -> tuple[str, str]:
    """A new prefix, which may be shown, and the whole token, which may not."""
    prefix = mark + secrets.token_hex(4)
    body = f"{prefix}_{''.join(secrets.choice(LETTERS) for _ in range(43))}"
    return prefix, body + checksum(body)


def prefix_of(token: str) -> str:
    """The prefix of what may be a token of ours; "" for anything else."""
    found = PATTERN.match(token)
    if found is not None:
        is_whole = hmac.compare_digest(checksum(token[:-6]), found[3])
        return found[1] if is_whole else ""
    old = OLD.match(token)
    return old[1] if old is not None else ""


def is_token(text: str) -> bool:
    """Whether a text is a token of ours, by its form and checksum alone."""
    return bool(prefix_of(text))


def checksum(body: str) -> str:
    """Six letters and digits that a secret scanner can check."""
    number, text = zlib.crc32(body.encode("utf-8", "surrogatepass")), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        text = LETTERS[digit] + text
    return text


def digest(token: str) -> str:
    """What is stored. A plain digest is enough: 256 random bits cannot be guessed, nothing need be slow."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_same(token: str, stored: str | None) -> bool:
    """Whether a token is the stored one; as long for an unknown one, so that time says nothing."""
    same = hmac.compare_digest(digest(token), stored or digest(""))
    return same and stored is not None
