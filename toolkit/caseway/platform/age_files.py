"""Secrets in git, encrypted with age: anybody who may read the repository may add one, only the server opens.

Such a file (`secrets/NAME.age.yaml`) names a credential in clear text; each of its values is an age message
for the server's recipient. Rule: a value is opened where it is used, and nowhere else."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from caseway.model.errors import CasewayError

MARK = "age:"  # what an encrypted value begins with


def new_identity() -> tuple[str, str]:
    """An identity, which is secret, and its recipient, which is not."""
    identity = _pyrage().x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipients_of(identities: str) -> list[str]:
    """The recipients of the identities in a text, one a line."""
    return [str(identity.to_public()) for identity in _identities(identities)]


def sealed(value: Mapping[str, Any], recipients: Sequence[str]) -> dict[str, Any]:
    """A credential's value, each text of it encrypted; numbers and truth values become text that says so."""
    keys = _recipients(recipients)
    return {name: _seal(item, keys) for name, item in value.items()}


def opened(value: Mapping[str, Any], identities: str) -> dict[str, Any]:
    """What `sealed` was given. Raises `CasewayError` (`age`)."""
    known = _identities(identities)
    return {name: _open(item, known, name) for name, item in value.items()}


def is_sealed(value: Any) -> bool:
    """Whether every value within is encrypted."""
    if isinstance(value, Mapping):
        return bool(value) and all(is_sealed(item) for item in value.values())
    return isinstance(value, str) and value.startswith(MARK)


def _seal(value: Any, keys: list[Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _seal(item, keys) for name, item in value.items()}
    if not isinstance(value, str):
        raise CasewayError("only texts are encrypted", code="age", hint="write numbers in quotes")
    return MARK + base64.b64encode(_pyrage().encrypt(value.encode("utf-8"), keys)).decode("ascii")


def _open(value: Any, known: list[Any], name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _open(item, known, f"{name}.{key}") for key, item in value.items()}
    if not isinstance(value, str) or not value.startswith(MARK):
        raise CasewayError(
            f"{name} is not encrypted", code="age", place=name, hint="run: caseway secret encrypt FILE"
        )
    try:
        return _pyrage().decrypt(base64.b64decode(value[len(MARK) :], validate=True), known).decode("utf-8")
    except (_pyrage().DecryptError, binascii.Error, ValueError) as error:
        raise CasewayError(
            f"{name} cannot be opened with the server's identities",
            code="age",
            place=name,
            hint="encrypt it for the recipient that `caseway secret recipient` prints",
        ) from error


def _recipients(recipients: Sequence[str]) -> list[Any]:
    if not recipients:
        raise CasewayError("for whom? There is no recipient", code="age", hint="give --recipient age1…")
    try:
        return [_pyrage().x25519.Recipient.from_str(text.strip()) for text in recipients]
    except _pyrage().RecipientError as error:
        raise CasewayError(
            "this is no recipient of age", code="age", hint="a recipient begins with age1"
        ) from error


def _identities(text: str) -> list[Any]:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise CasewayError(
            "there is no identity to open secrets with",
            code="age",
            hint="set CASEWAY_AGE_IDENTITY to an identity or a file of them; make one: caseway secret keygen",
        )
    try:
        return [_pyrage().x25519.Identity.from_str(line) for line in lines]
    except _pyrage().IdentityError as error:
        raise CasewayError(
            "the identity cannot be read", code="age", hint="an identity begins with AGE-SECRET-KEY-1"
        ) from error


def _pyrage() -> Any:
    try:
        import pyrage  # type: ignore[import-untyped] # noqa: PLC0415 - untyped; few have it
    except ImportError as error:
        raise CasewayError(
            "secrets in git need pyrage", code="missing-extra", hint="install caseway[age]"
        ) from error
    return pyrage
