"""The lint rules by code, and the one function that runs them.

The one rule: a crash inside a rule is an error, never a pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.rules.catalog import ALL
from caseway.repo.rules.echoes import without_echoes
from caseway.repo.rules.ignores import suppress
from caseway.repo.rules.remembered import Remembered
from caseway.repo.rules.rule import Rule, as_diagnostic
from caseway.repo.rules.view import View

if TYPE_CHECKING:
    from caseway.repo.cache import Cache
    from caseway.repo.load import LoadedProject

__all__ = ["RULES", "Rule", "run_rules"]

RULES: Mapping[str, Rule] = {rule.code: rule for rule in ALL}


@dataclass(frozen=True, slots=True)
class Nearby:
    """What the rules found in some files; what those that compare use cases found anywhere, and the view of
    the whole project they looked at."""

    found: tuple[Diagnostic, ...]
    compared: tuple[Diagnostic, ...]
    view: View


def run_rules(
    project: LoadedProject,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    others: Iterable[Diagnostic] = (),
    cache: Cache | None = None,
) -> list[Diagnostic]:
    """What the rules find in a project, in order of place, without what the project ignores with a reason.

    `include` and `exclude` name rules by code, by the beginning of a code (`CW3`) or by name. `others` are
    findings of the loader and the schemas: they pass through the same selection and the same ignores.
    With a cache only those use cases are looked at whose files have changed.
    """
    known = tuple(_marked(diagnostic) for diagnostic in others)
    rules = [rule for rule in RULES.values() if _selected(rule.code, include, exclude)]
    remembered = Remembered(project, cache) if cache is not None and not include and not exclude else None
    whole = View(project, known)
    near = whole if remembered is None or not remembered.records else View(project, known, remembered.paths)
    found = [diagnostic for diagnostic in known if _selected(diagnostic.code, include, exclude)]
    found += [each for rule in rules if rule.compares_all for _, each in _run(rule, whole)]
    here = [each for rule in rules if not rule.compares_all for each in _run(rule, near)]
    found += [each for _, each in here]
    marked = dict(near.texts.marked)
    if remembered is not None:
        if not any(each.code == "CW001" for each in found):
            remembered.keep(here, marked)
        for record in remembered.records.values():
            found += record.found
            marked |= record.marked
    kept = suppress(whole, found, marked, is_partial=bool(include or exclude))
    kept = without_echoes(kept)
    return sorted({diagnostic for diagnostic in kept if _selected(diagnostic.code, include, exclude)})


def run_rules_near(
    project: LoadedProject, paths: Collection[str], before: Nearby | None, *, compares: bool
) -> Nearby:
    """As `run_rules` with all rules, cut down to what stands in `paths`. `before` is the answer of a moment
    ago, when only few files were others; without `compares` nothing that several use cases have to do with
    each other has changed since."""
    known = tuple(_marked(diagnostic) for diagnostic in project.diagnostics)
    view, compared = (before.view, before.compared) if before is not None else (None, ())
    if compares or view is None:
        view = View(project, known, before=view)
        whole = view
        compared = tuple(
            each for rule in RULES.values() if rule.compares_all for _, each in _run(rule, whole)
        )
    near = View(project, known, paths)
    found = [diagnostic for diagnostic in (*known, *compared) if diagnostic.file in paths]
    found += [each for rule in RULES.values() if not rule.compares_all for _, each in _run(rule, near)]
    kept = without_echoes(suppress(near, found, near.texts.marked, is_partial=True))
    return Nearby(tuple(sorted(set(kept))), compared, view)


def _marked(found: Diagnostic) -> Diagnostic:
    """A finding of the schemas, marked when `caseway.repo.fix` has one answer for it: a misspelt key."""
    is_misspelt = found.code == "CW201" and "did you mean '" in found.message
    return replace(found, fixable=True) if is_misspelt and not found.fixable else found


def _run(rule: Rule, view: View) -> Iterator[tuple[str, Diagnostic]]:
    """What a rule finds, each with the file it is found in."""
    try:
        for finding in rule.check(view):
            yield finding.file, as_diagnostic(rule, finding)
    except Exception as error:  # noqa: BLE001 - the boundary around rules: whatever breaks one is reported
        message = f"the rule {rule.code} ({rule.name}) crashed: {type(error).__name__}: {str(error)[:200]}"
        hint = "this is a bug in Caseway: please report it with the file that causes it"
        yield "", Diagnostic("caseway.yaml", 0, 0, "", "CW001", Severity.ERROR, message, hint)


def _selected(code: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    if code == "CW001":
        return True
    if include and not _named(code, include):
        return False
    return not _named(code, exclude)


def _named(code: str, patterns: Sequence[str]) -> bool:
    name = RULES[code].name if code in RULES else ""
    return any(pattern and (code.startswith(pattern.upper()) or pattern == name) for pattern in patterns)
