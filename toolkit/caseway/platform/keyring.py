"""Keys that encrypt credentials at rest. The first encrypts, every one decrypts: so keys can be rotated."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from caseway.model.errors import CasewayError

# A passphrase has no per-store salt to live beside it: the salt only keeps Caseway's keys apart from others'.
SALT = b"caseway credential key v1"


@dataclass(frozen=True, slots=True)
class Keyring:
    """Encrypts and decrypts, signs and verifies; never shows a key. `signing` are keys made from the ring's,
    in its order."""

    fernet: MultiFernet
    signing: tuple[bytes, ...]

    def encrypt(self, value: bytes) -> str:
        """Ciphertext under the first key."""
        return self.fernet.encrypt(value).decode("ascii")

    def decrypt(self, ciphertext: str) -> bytes:
        """The value; raises `CasewayError` (`secret-key`) when no key of the ring fits."""
        try:
            return self.fernet.decrypt(ciphertext.encode("ascii"))
        except InvalidToken as error:
            raise CasewayError(
                "a stored credential cannot be decrypted with the present key",
                code="secret-key",
                hint="put the key it was stored with into CASEWAY_SECRET_KEY, after the new one and a comma",
            ) from error

    def rotate(self, ciphertext: str) -> str:
        """The same value under the first key."""
        return self.encrypt(self.decrypt(ciphertext))

    def sign(self, text: str) -> str:
        """A signature of `text` with the first key, fit for URLs."""
        return _signature(self.signing[0], text)

    def is_signed(self, text: str, signature: str) -> bool:
        """Whether one of the keys made `signature` of `text`; how long the answer takes says nothing."""
        given = signature.encode("utf-8", "replace")
        fits = [hmac.compare_digest(_signature(key, text).encode(), given) for key in self.signing]
        return True in fits  # all of them were looked at


def _signature(key: bytes, text: str) -> str:
    made = hmac.digest(key, text.encode("utf-8"), "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode("ascii")


def keyring(text: str) -> Keyring:
    """A ring of the comma-separated keys in `text`: Fernet keys as they are, passphrases stretched."""
    keys = [part.strip() for part in text.split(",") if part.strip()]
    materials = [_material(key) for key in keys]
    signing = tuple([hashlib.sha256(b"caseway signing key v1" + material).digest() for material in materials])
    return Keyring(MultiFernet([Fernet(material) for material in materials]), signing)


def opener(secret_key: str, key_file: Path | None) -> Callable[[], Keyring]:
    """Opens the ring on first use: from the text, else from `key_file`, made (mode 0600) when missing."""

    @cache
    def open_ring() -> Keyring:
        if secret_key.strip(", "):
            return keyring(secret_key)
        if key_file is None:
            raise CasewayError(
                "credentials need a key to be encrypted with",
                code="secret-key",
                hint="set CASEWAY_SECRET_KEY",
            )
        return keyring(_kept(key_file))

    return open_ring


def _kept(path: Path) -> str:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(handle, "wb") as file:
        file.write(Fernet.generate_key())
        file.flush()
        os.fsync(file.fileno())
    return _read(path)


def _read(path: Path) -> str:
    text = path.read_text(encoding="ascii").strip()
    if not text:
        raise CasewayError(
            f"the key file {path} is empty", code="secret-key", hint="restore it, or set CASEWAY_SECRET_KEY"
        )
    return text


def _material(key: str) -> bytes:
    """What the keys are made of: a Fernet key as it is, a passphrase stretched."""
    try:
        Fernet(key.encode("ascii"))
    except ValueError:  # not a Fernet key, so a passphrase (UnicodeEncodeError is a ValueError too)
        stretched = Scrypt(salt=SALT, length=32, n=2**15, r=8, p=1).derive(key.encode("utf-8"))
        return base64.urlsafe_b64encode(stretched)
    return key.encode("ascii")
