"""Version ranges as npm writes them, over semver. A range is parsed once and asked many times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from semver import Version

EVERYTHING = ("", "*", "x", "latest")
PUBLISHED = "published"

_PARTIAL = re.compile(
    r"v?(?P<major>\d+|[xX*])(?:\.(?P<minor>\d+|[xX*]))?(?:\.(?P<patch>\d+|[xX*]))?"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_COMPARATOR = re.compile(r"(?P<operator>>=|<=|>|<|=|\^|~)?(?P<rest>.*)")
_HYPHEN = re.compile(r"\s*(\S+)\s+-\s+(\S+)\s*")
_SPACED_OPERATOR = re.compile(r"(>=|<=|>|<|=|\^|~)\s+")
_LONGEST = 256  # a range is a line in a file, not a program


@dataclass(frozen=True, slots=True)
class Bound:
    """One comparison: `operator` is one of `>=`, `>`, `<`, `<=`."""

    operator: str
    version: Version

    def allows(self, version: Version) -> bool:
        """True when `version` is on the right side."""
        order = version.compare(self.version)
        match self.operator:
            case ">=":
                return order >= 0
            case ">":
                return order > 0
            case "<":
                return order < 0
            case _:
                return order <= 0


@dataclass(frozen=True, slots=True)
class Range:
    """Alternatives of bounds that hold together. A pre-release counts only where a bound names one of the
    same major.minor.patch, as npm has it."""

    alternatives: tuple[tuple[Bound, ...], ...]

    def allows(self, version: Version) -> bool:
        """True when one alternative holds."""
        return any(_holds(bounds, version) for bounds in self.alternatives)


@dataclass(frozen=True, slots=True)
class _Partial:
    major: int | None
    minor: int | None
    patch: int | None
    pre: str | None

    @property
    def floor(self) -> Version:
        return Version(self.major or 0, self.minor or 0, self.patch or 0, self.pre)

    @property
    def ceiling(self) -> Version:
        """The first version above everything this partial stands for; it has a major and lacks a part."""
        if self.minor is None:
            return _before(Version((self.major or 0) + 1))
        return _before(Version(self.major or 0, self.minor + 1))


@lru_cache(maxsize=1024)
def is_exact(text: str) -> bool:
    """True for a full semver: the instance is pinned."""
    return Version.is_valid(text)


@lru_cache(maxsize=1024)
def version_of(text: str) -> Version:
    """The parsed version; raises `ValueError` when it is none."""
    return Version.parse(text)


@lru_cache(maxsize=1024)
def parse_range(text: str) -> Range:
    """The range that `text` spells; raises `ValueError` naming the part that is not understood."""
    if len(text) > _LONGEST:
        raise ValueError(f"a version range is at most {_LONGEST} characters long")
    if text.strip() in EVERYTHING:
        return Range(((),))
    return Range(tuple(_alternative(part) for part in text.split("||")))


def _holds(bounds: tuple[Bound, ...], version: Version) -> bool:
    if not all(bound.allows(version) for bound in bounds):
        return False
    if version.prerelease is None:
        return True
    named = (bound.version for bound in bounds if bound.version.prerelease not in {None, "0"})
    return any(bound.to_tuple()[:3] == version.to_tuple()[:3] for bound in named)


def _alternative(text: str) -> tuple[Bound, ...]:
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen:
        low, high = _partial(hyphen[1]), _partial(hyphen[2])
        return (*_compare(">=", low), *_compare("<=", high))
    words = _SPACED_OPERATOR.sub(r"\1", text).split()
    return tuple(bound for word in words for bound in _comparator(word))


def _comparator(word: str) -> tuple[Bound, ...]:
    found = _COMPARATOR.fullmatch(word)
    assert found is not None
    partial = _partial(found["rest"])
    match found["operator"]:
        case "^":
            return _caret(partial)
        case "~":
            return _tilde(partial)
        case operator:
            return _compare(operator or "=", partial)


def _partial(text: str) -> _Partial:
    found = _PARTIAL.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is not a version, such as 1.2.3, 1.2 or 1.x")
    major, minor, patch = (_number(found[name]) for name in ("major", "minor", "patch"))
    if major is None or minor is None:
        return _Partial(major, None if major is None else minor, None, None)
    return _Partial(major, minor, patch, found["pre"] if patch is not None else None)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _compare(operator: str, partial: _Partial) -> tuple[Bound, ...]:
    if partial.major is None:
        return (Bound("<", Version(0, 0, 0, "0")),) if operator in {"<", ">"} else ()
    low, is_whole = partial.floor, partial.patch is not None
    above = Bound("<=", low) if is_whole else Bound("<", partial.ceiling)
    match operator:
        case "=":
            return Bound(">=", low), above
        case ">":
            return (Bound(">", low) if is_whole else Bound(">=", partial.ceiling),)
        case "<=":
            return (above,)
        case "<":
            return (Bound("<", low if is_whole else _before(low)),)
        case _:
            return (Bound(">=", low),)


def _caret(partial: _Partial) -> tuple[Bound, ...]:
    """Up to the next change of the left-most part that is not zero."""
    if partial.major is None:
        return ()
    if partial.major > 0 or partial.minor is None:
        top = Version(partial.major + 1)
    elif partial.minor > 0 or partial.patch is None:
        top = Version(0, partial.minor + 1)
    else:
        top = Version(0, 0, partial.patch + 1)
    return Bound(">=", partial.floor), Bound("<", _before(top))


def _tilde(partial: _Partial) -> tuple[Bound, ...]:
    """Up to the next minor version; up to the next major one when no minor is given."""
    if partial.major is None:
        return ()
    top = Version(partial.major + 1) if partial.minor is None else Version(partial.major, partial.minor + 1)
    return Bound(">=", partial.floor), Bound("<", _before(top))


def _before(version: Version) -> Version:
    """The lowest pre-release, so that `<2` does not let 2.0.0-rc.1 in."""
    return version.replace(prerelease="0")
