"""Files that hold a credential for git: `secrets/NAME.age.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from caseway.model.errors import CasewayError

KEYS = ("name", "type", "scope", "owner", "value")


def read_secret(file: Path) -> dict[str, Any]:
    """`{name, type, scope, owner, value}` as the file has it. Raises `CasewayError` (`secret-file`), never
    with a value."""
    from caseway.cli.reading import values_of

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(file, "cannot be read") from error
    found = values_of(text, str(file), "FILE")
    document = found[0] if len(found) == 1 else None
    if not isinstance(document, dict) or set(document) - set(KEYS):
        raise _wrong(file, f"holds something else than {', '.join(KEYS)}")
    value = document.get("value")
    if not isinstance(document.get("name"), str) or not isinstance(value, dict) or not value:
        raise _wrong(file, "needs a name, and a value with fields")
    plain = {key: str(document.get(key) or "") for key in KEYS if key != "value"}
    kept = {"type": plain["type"] or "custom", "scope": plain["scope"] or "organization"}
    return {"name": plain["name"], **kept, "owner": plain["owner"], "value": value}


def write_secret(file: Path, document: dict[str, Any]) -> None:
    """Write it, or leave it as it was."""
    import os

    import yaml

    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    shown = {key: document[key] for key in KEYS if document.get(key)}
    fresh.write_text(
        yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=10**6), encoding="utf-8"
    )
    fresh.replace(file)


def _wrong(file: Path, why: str) -> CasewayError:
    return CasewayError(
        f"{file} {why}",
        code="secret-file",
        place=str(file),
        hint="write {name: erp, type: bearer, value: {token: …}}",
    )
