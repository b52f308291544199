"""Version ranges as npm has them."""

from __future__ import annotations

import pytest

from caseway.reconcile.ranges import is_exact, parse_range, version_of

CASES = """
^1.2 1.9.0 yes | ^1.2 1.1.0 no | ^1.2 2.0.0 no | ^1.2 2.0.0-rc.1 no | ^1.2.3 1.2.2 no
^0.2.3 0.2.9 yes | ^0.2.3 0.3.0 no | ^0.0.3 0.0.3 yes | ^0.0.3 0.0.4 no | ^0 0.9.0 yes | ^0.0 0.0.9 yes
~1.2 1.2.9 yes | ~1.2 1.3.0 no | ~1 1.9.0 yes | ~1 2.0.0 no | ~1.2.3 1.2.2 no
^* 7.0.0 yes | ~* 7.0.0 yes | >* 7.0.0 no | <* 7.0.0 no | >=* 7.0.0 yes
1.x 1.9.9 yes | 1.x 2.0.0 no | 1 1.2.3 yes | 1.2.* 1.2.7 yes | 1.2.X 1.3.0 no | v1.2 1.2.0 yes | x.2 9.0.0 yes
* 0.0.1 yes | * 1.0.0-rc.1 no | latest 3.0.0 yes
=1.2.3 1.2.3 yes | =1.2.3 1.2.4 no | =1.2 1.2.4 yes
>1.2 1.2.5 no | >1.2 1.3.0 yes | >1.2.3 1.2.4 yes | >1.2.3 1.2.3 no
<1.2 1.1.9 yes | <1.2 1.2.0 no | <1.2 1.2.0-rc.1 no | <1.2.3 1.2.2 yes
<=1.2 1.2.9 yes | <=1.2.3 1.2.3 yes | <=1.2.3 1.2.4 no | >=1.2 1.2.0 yes
^1.0.0-rc.1 1.0.0-rc.2 yes | ^1.0.0-rc.1 1.0.0 yes | ^1.0.0-rc.1 1.1.0-rc.2 no
"""
SPACED = [
    (">=1 <2", "1.5.0", True),
    (">= 1 < 2", "2.0.0", False),
    ("1.2 - 2.3", "2.3.9", True),
    ("1.2 - 2.3", "2.4.0", False),
    ("1 || 3", "3.1.0", True),
    ("1 || 3", "2.1.0", False),
    ("", "1.0.0", True),
    ("1.0.0+build", "1.0.0", True),
]
ALL = [
    (item.split()[0], item.split()[1], item.split()[2] == "yes")
    for line in CASES.strip().splitlines()
    for item in line.split("|")
] + SPACED


@pytest.mark.parametrize(("text", "version", "is_in"), ALL)
def test_a_version_is_in_a_range_or_not(text: str, version: str, is_in: bool) -> None:
    assert parse_range(text).allows(version_of(version)) is is_in


@pytest.mark.parametrize("text", ["one", "1.2.3.4", ">>1", "^", "1 || two", "1." * 300])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a version|at most 256"):
        parse_range(text)


@pytest.mark.parametrize(
    ("text", "exact"), [("1.2.3", True), ("1.2.3-rc.1", True), ("1.2", False), ("*", False)]
)
def test_only_a_full_version_is_exact(text: str, exact: bool) -> None:
    assert is_exact(text) is exact
