"""The names a project's root document may have, in the order they are looked for."""

from __future__ import annotations

PROJECT_FILES = ("caseway.yaml", "caseway.yml", "caseway.json")
