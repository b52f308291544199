"""CW317, CW318: an overlay is for an organization of its own, and has a name of its own."""

from __future__ import annotations

from collections.abc import Iterator

from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import text
from caseway.repo.rules.view import View, spec


def same_organization(view: View) -> Iterator[Finding]:
    taken = {
        text(view.settings, "organization") or project.name: "the project itself"
        for project in view.of_kind("Project")
    }
    for overlay in view.of_kind("Overlay"):
        name = text(spec(overlay), "organization")
        if name in taken:
            message = f'"{name}" is the organization of {taken[name]}'
            hint = "an overlay installs for an organization of its own"
            yield at(overlay, "/spec/organization", message, hint)
        elif name:
            taken[name] = f"the overlay {overlay.name}"


def same_name(view: View) -> Iterator[Finding]:
    for overlay in view.of_kind("Overlay"):
        first = view.named("Overlay").get(overlay.name)
        if first is not None and first is not overlay:
            message = f'the overlay "{overlay.name}" is already defined in {first.path}'
            yield at(overlay, "/metadata/name", message, "give one of them another name")
