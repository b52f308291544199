"""What the rules about overlays say."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import overlays
from caseway.repo.rules.rule import Rule

_BEGIN = "apiVersion: caseway/v1\nkind: Overlay\nmetadata:\n  name: "
_B = f"# overlays/b.yaml\n{_BEGIN}tenant-b\nspec:\n  organization: tenant-b\n"

RULES = (
    Rule(
        code="CW317",
        name="same-organization",
        severity=Severity.ERROR,
        summary="an overlay is for an organization that has its installation already",
        why="What one of the two declares the other would take away.",
        example_bad=f"{_B}# overlays/c.yaml\n{_BEGIN}tenant-c\nspec:\n  organization: tenant-b\n",
        example_good=f"{_B}# overlays/c.yaml\n{_BEGIN}tenant-c\nspec:\n  organization: tenant-c\n",
        check=overlays.same_organization,
    ),
    Rule(
        code="CW318",
        name="same-overlay",
        severity=Severity.ERROR,
        summary="two overlays have the same name",
        why="`--overlay NAME` could mean either.",
        example_bad=f"{_B}# overlays/c.yaml\n{_BEGIN}tenant-b\nspec:\n  organization: tenant-c\n",
        example_good=f"{_B}# overlays/c.yaml\n{_BEGIN}tenant-c\nspec:\n  organization: tenant-c\n",
        check=overlays.same_name,
    ),
)
