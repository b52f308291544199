"""What the rules that look at one use case have found, kept by the content of everything they look at.

The one rule: the answer is the same with and without it. A crash of a rule is never kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from caseway.model.diagnostic import Diagnostic
from caseway.repo.content import content_names
from caseway.repo.diagnostic_text import from_row, row
from caseway.repo.functions import functions_of
from caseway.repo.rules.units import REST, SHARED, units

if TYPE_CHECKING:
    from caseway.repo.cache import Cache
    from caseway.repo.load import LoadedProject

_TABLE = "units"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a unit: its findings, and the texts of its files that hold ignores, by path."""

    found: list[Diagnostic] = field(default_factory=list)
    marked: dict[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """JSON, for the cache."""
        return json.dumps([[row(item) for item in self.found], self.marked])

    @staticmethod
    def from_text(text: str) -> Record:
        """The inverse of `to_text`. Raises ValueError or TypeError for anything else."""
        found, marked = json.loads(text)
        return Record([from_row(*each) for each in found], dict(marked))


class Remembered:
    """The units of one project: what is known of each, and which files are to be looked at."""

    def __init__(self, project: LoadedProject, cache: Cache) -> None:
        self._cache = cache
        self._unit_of = units(project)
        self._keys = _keys(project, self._unit_of)
        self.records = self._known()
        self.paths = frozenset(path for path, unit in self._unit_of.items() if unit not in self.records)

    def _known(self) -> dict[str, Record]:
        texts = self._cache.get_all(self._keys.values(), _TABLE)
        found: dict[str, Record] = {}
        for unit, key in self._keys.items():
            try:
                if key in texts:
                    found[unit] = Record.from_text(texts[key])
            except (ValueError, TypeError):
                continue
        return found

    def keep(self, found: list[tuple[str, Diagnostic]], marked: Mapping[str, str]) -> None:
        """Keep what was found in `paths`, each finding with the file it was found in."""
        fresh = {unit: Record() for unit in self._keys if unit not in self.records}
        for path, item in found:
            unit = self._unit_of.get(path, REST)
            if unit in fresh:
                fresh[unit].found.append(item)
        for path, text in marked.items():
            if self._unit_of[path] in fresh:
                fresh[self._unit_of[path]].marked[path] = text
        self._cache.put_all({self._keys[unit]: record.to_text() for unit, record in fresh.items()}, _TABLE)


def _keys(project: LoadedProject, unit_of: Mapping[str, str]) -> dict[str, str]:
    """What identifies everything that the rules look at in a unit, where that can be told; never the rest."""
    names = content_names(project, unit_of)
    shared = sorted({each.path for each in project.documents if each.kind in SHARED} | functions_of(project))
    if not all(names[path] for path in shared):
        return {}
    context = json.dumps([[path, names[path]] for path in shared])
    parts: dict[str, list[str]] = {}
    for path, unit in unit_of.items():
        parts.setdefault(unit, []).append(f"{path}\0{names[path]}")
    for item in project.diagnostics:
        parts.setdefault(unit_of.get(item.file, REST), []).append(f"\0{item!r}")
    unknown = {unit for path, unit in unit_of.items() if not names[path]} | {REST}
    head = hashlib.sha256(context.encode("utf-8", "surrogatepass"))
    found: dict[str, str] = {}
    for unit, lines in parts.items():
        if unit not in unknown:
            state = head.copy()
            state.update("\0\0".join(sorted(lines)).encode("utf-8", "surrogatepass"))
            found[unit] = state.hexdigest()
    return found
