"""Packages that some calls need and that are not always installed: imported when a call is made."""

from __future__ import annotations

import importlib
from typing import Any

from caseway_runner.errors import fault


def needed(module: str, extra: str) -> Any:
    """The imported `module`. Raises a configuration fault that says which extra has it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        detail = f"`call: {extra}` needs the package '{name}', which is not installed here"
        raise fault("configuration", f"{detail}: pip install 'caseway[{extra}]'") from error
